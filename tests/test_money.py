"""When a price counts: by hand, and every cell of a timetable against its tariff, minute by minute."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from fairlead.money import MINUTES_PER_WEEK, Price, Rate, Tariff, Term, Timetable, minute_of_week, price_among, weekly

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)


def price(name):
    return Price(id=name, input=Rate(base=Decimal(1)), output=Rate(base=Decimal(2)))


BASE, PEAK, NIGHT, LATER = map(price, ("base", "peak", "night", "later"))
TARIFF = Tariff(
    terms=(
        Term(price=BASE),
        Term(price=PEAK, spans=weekly(range(5), 60, 240)),
        Term(price=NIGHT, spans=weekly([6], 22 * 60, 6 * 60)),
        Term(price=LATER, starts=datetime(2026, 12, 1, tzinfo=UTC)),
    )
)


@pytest.mark.parametrize(
    ("days", "clock", "expected"),
    [
        (1, "00:59", BASE),
        (1, "01:00", PEAK),
        (4, "03:59", PEAK),
        (4, "04:00", BASE),
        (5, "02:00", BASE),  # Saturday
        (6, "21:59", BASE),
        (6, "22:00", NIGHT),  # Sunday night runs into Monday, and over the peak there
        (7, "05:59", NIGHT),
        (7, "06:00", BASE),
        (8, "00:00", LATER),
        (8, "02:00", LATER),
    ],
)
def test_the_last_term_that_holds_counts(days, clock, expected):
    hour, minute = map(int, clock.split(":"))
    assert TARIFF.price_at(MONDAY + timedelta(days=days, hours=hour, minutes=minute)) == expected


def test_before_every_term_the_first_counts():
    tariff = Tariff(terms=(Term(price=BASE, starts=MONDAY), Term(price=LATER, starts=MONDAY + timedelta(days=2))))
    assert tariff.price_at(MONDAY - timedelta(days=9)) == BASE


def test_every_cell_of_a_timetable_says_what_its_tariff_says():
    timetable = Timetable.of([TARIFF, Tariff(terms=(Term(price=BASE, spans=weekly([2], 0, 0)),))])
    cells = timetable.cells()
    start = int((datetime(2026, 11, 30, tzinfo=UTC) - timedelta(days=3)).timestamp())
    for minute in range(0, MINUTES_PER_WEEK, 7):
        at = start + 60 * minute
        assert price_among(TARIFF.terms, *cells[timetable.cell(at)]) == price_among(TARIFF.terms, at)


def test_a_tariff_that_never_changes_has_one_cell():
    assert list(Timetable.of([Tariff(terms=(Term(price=BASE),))]).cells()) == [(0, 0)]
    assert Timetable.of([]).cell(123) == (0, 0)


def test_all_prices_that_a_stretch_of_time_may_see():
    second = Tariff(terms=TARIFF.terms, second=(Term(price=LATER),))
    at = MONDAY + timedelta(days=1)
    assert TARIFF.within(at, at + timedelta(minutes=59)) == (BASE,)
    assert set(TARIFF.within(at, at + timedelta(minutes=60))) == {BASE, PEAK}
    assert set(second.within(at, at + timedelta(minutes=1))) == {BASE, LATER}
    assert set(TARIFF.within(MONDAY + timedelta(days=7, hours=23), MONDAY + timedelta(days=8))) == {BASE, LATER}


def test_an_hour_that_ends_at_midnight_and_a_whole_day():
    assert weekly([0], 600, 0) == ((600, 1440),)
    assert weekly([6], 0, 0) == ((6 * 1440, 7 * 1440),)
    assert weekly([6], 1380, 60) == ((0, 60), (10020, 10080))
    assert minute_of_week(int(MONDAY.timestamp())) == 0
