"""Prices that a user gives: tiers, caches, days and hours, by hand."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from fairlead import catalog
from fairlead.config import load
from fairlead.errors import ConfigError
from fairlead.types import Usage

AT = datetime(2026, 11, 23, tzinfo=UTC)  # a Monday
MILLION = Usage(input_tokens=10**6, output_tokens=10**6)


@pytest.fixture
def candidate(tmp_path):
    def candidate(lines):
        path = tmp_path / "fairlead.toml"
        head = (
            '[providers.local]\nbase_url = "http://127.0.0.1:8000/v1"\n[providers.openai]\n[models."openai/gpt-4o"]\n'
        )
        path.write_text(f'{head}[models."local/x"]\n{lines}\n')
        return {c.name: c for c in catalog.build(load(path, {"OPENAI_API_KEY": "x"}), AT)}["local/x"]

    return candidate


BY_HOUR = """
[models."local/x".price]
input_usd_per_mtok = "0.66"
output_usd_per_mtok = "1.98"
cache_read_factor = "0.1"
[[models."local/x".price.terms]]
days = ["mon", "tue", "wed", "thu", "fri"]
hours = "01:00-04:00"
factor = 2
[[models."local/x".price.terms]]
starts = 2026-12-01
input_usd_per_mtok = "0.5"
"""


@pytest.mark.parametrize(
    ("moment", "usd"),
    [
        (datetime(2026, 11, 23, 0, 59, tzinfo=UTC), "2.64"),
        (datetime(2026, 11, 23, 1, 0, tzinfo=UTC), "5.28"),
        (datetime(2026, 11, 28, 1, 0, tzinfo=UTC), "2.64"),  # a Saturday
        (datetime(2026, 12, 1, 1, 0, tzinfo=UTC), "2.48"),
    ],
)
def test_a_term_takes_the_place_of_the_price_while_it_holds(candidate, moment, usd):
    assert candidate(BY_HOUR).price_at(moment).cost_usd(MILLION) == Decimal(usd)


def test_each_row_says_where_it_comes_from(candidate):
    rows = [candidate(BY_HOUR).price_at(moment) for moment in (AT, AT.replace(hour=1), AT.replace(month=12, day=9))]
    assert [row.source.partition("fairlead.toml: ")[2] for row in rows] == [
        'models."local/x".price',
        'models."local/x".price, times 2 by ' + rows[1].source.partition("times 2 by ")[2],
        'models."local/x".price.terms[1]',
    ]
    assert rows[1].source.endswith(".price.terms[0]")
    assert len({row.id for row in rows}) == 3
    assert rows[1].cache_read.base == Decimal("0.132")


def test_a_tier_holds_for_all_tokens_of_a_long_call(candidate):
    price = candidate(
        """price = { input_usd_per_mtok = "2", output_usd_per_mtok = "10", cache_read_factor = "0.1", tiers = [
        { above_input_tokens = 200000, input_usd_per_mtok = "4", output_usd_per_mtok = "15" }] }"""
    ).price
    short, long = (Usage(input_tokens=n, output_tokens=0, cache_read_tokens=100_000) for n in (100_000, 100_001))
    assert price.cost_usd(short) == Decimal("0.22")
    assert price.cost_usd(long) == Decimal("0.440004")


PLAIN = "price = {{ input_usd_per_mtok = 1, output_usd_per_mtok = 1, {} }}"
TIER = "{{ above_input_tokens = 9, input_usd_per_mtok = {}, output_usd_per_mtok = 1 }}"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("price_factor = 101", "expected a factor from 0 to 100"),
        (
            "price_factor = 2\nprice = { input_usd_per_mtok = 1, output_usd_per_mtok = 1 }",
            "beside a `price` of your own",
        ),
        (PLAIN.format("terms = [{ factor = 2 }]"), "always holds"),
        (PLAIN.format('terms = [{ hours = "01:00-02:00" }]'), "changes nothing"),
        (PLAIN.format('terms = [{ hours = "1-2", factor = 2 }]'), "expected hours of the day such as `01:00-04:00`"),
        (PLAIN.format('terms = [{ days = ["sat"], factor = 2, input_usd_per_mtok = 3 }]'), "a factor, or rates"),
        (PLAIN.format("cache_read_factor = 2, cache_read_usd_per_mtok = 2"), "expected one of them"),
        (PLAIN.format(f"tiers = [{TIER.format(1)}, {TIER.format(1)}]"), "are not in order"),
        (PLAIN.format(f"tiers = [{TIER.format('0.000001')}]"), "Multiply a price per token by a million"),
    ],
)
def test_what_contradicts_itself_is_refused(candidate, lines, message):
    with pytest.raises(ConfigError, match=message):
        candidate(lines)


def test_a_factor_on_the_catalogues_price(tmp_path):
    path = tmp_path / "fairlead.toml"
    path.write_text('[providers.openai]\n[models."openai/gpt-4o"]\nprice_factor = "1.1"\n')
    (candidate,) = catalog.build(load(path, {"OPENAI_API_KEY": "x"}), AT)
    assert candidate.price.input.base == Decimal("2.75")
    assert "times 1.1 by " in candidate.price.source
