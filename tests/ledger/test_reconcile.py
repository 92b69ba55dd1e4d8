"""A provider's bill beside the ledger."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from fairlead.errors import TableError
from fairlead.ledger.reconcile import read_bill, reconcile
from fairlead.ledger.sqlite import SqliteLedger

DAY = date(2026, 11, 1)
KEPT = Decimal("0.0004848")


def bill(path, *lines):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "lines",
    [
        ("date,model,cost", "2026-11-01,gpt-4o,1.25", "2026-11-01,gpt-4o,0.05", ",,"),
        ("start_time,amount_value,line_item", '1793534400,1.25,"gpt-4o, input"', '1793534400,0.05,"gpt-4o, output"'),
        ("usage_date_utc,model,token_type,cost_usd", "2026-11-01,gpt-4o,input,1.25", "2026-11-01,gpt-4o,output,0.05"),
        ("start_time_iso,amount_value,line_item", '2026-11-02T01:00:00+02:00,1.30,"gpt-4o, input"'),
    ],
)
def test_the_exports_of_providers_are_read_and_added_up(tmp_path, lines):
    assert read_bill(bill(tmp_path / "bill.csv", *lines)) == {(DAY, "gpt-4o"): Decimal("1.30")}


def test_a_column_can_be_named(tmp_path):
    path = bill(tmp_path / "bill.csv", "Tag,model,Preis", "2026-11-01,m,1.5")
    assert read_bill(path, {"day": "Tag", "cost": "Preis"}) == {(DAY, "m"): Decimal("1.5")}
    with pytest.raises(TableError, match=r"no column `day` or .*it has `Tag`.*--day-column"):
        read_bill(path)


@pytest.mark.parametrize("line", ["soon,m,1", "2026-11-01,m,much", "2026-11-01,m,"])
def test_a_cell_that_is_none_is_named(tmp_path, line):
    with pytest.raises(TableError, match="line 2"):
        read_bill(bill(tmp_path / "bill.csv", "day,model,cost", line))


@pytest.fixture
async def ledger(tmp_path, records):
    ledger = SqliteLedger.open(tmp_path / "ledger.db")
    await ledger.register([records.price])
    later = records.start + timedelta(days=1)
    rows = [
        records.attempt(1),
        records.failed_attempt(2),
        records.attempt(3, candidate="b/other", model_asked="other", model_served=None),
        records.attempt(4, started_at=later),
        records.attempt(5, started_at=later, usage=None, cost_usd=None, price_id=None),
    ]
    await ledger.intent(records.intent(1))
    await ledger.settle(records.settlement(1, *rows))
    yield ledger
    await ledger.close()


def gaps(ledger, billed, **options):
    found = reconcile(ledger, billed, **options)
    return found.n_matched, [(gap.day, gap.model, gap.rule) for gap in found.gaps]


def test_what_agrees_is_counted_and_each_gap_has_its_reason(ledger):
    billed = {(DAY, "cheap-2026"): KEPT, (DAY, "ghost"): Decimal(1), (DAY + timedelta(days=1), "cheap-2026"): KEPT}
    assert gaps(ledger, billed, tolerance_usd=Decimal(0)) == (
        1,
        [
            (DAY, "ghost", "not_in_ledger"),
            (DAY, "other", "not_billed"),
            (DAY + timedelta(days=1), "cheap-2026", "cost_unknown"),
        ],
    )


def test_only_the_days_and_the_provider_of_the_bill_are_compared(ledger):
    assert gaps(ledger, {(DAY, "cheap-2026"): KEPT}, provider="a") == (1, [])
    assert gaps(ledger, {}) == (0, [])


def test_the_name_that_the_bill_uses_is_found_among_those_of_a_call(ledger):
    assert gaps(ledger, {(DAY, "cheap"): KEPT}, provider="a") == (1, [])


def test_a_sum_may_be_off_by_the_tolerance_and_no_more(ledger):
    billed = {(DAY, "cheap-2026"): KEPT + Decimal("0.01")}
    assert gaps(ledger, billed, provider="a", tolerance_usd=Decimal("0.01")) == (1, [])
    less = gaps(ledger, billed, provider="a", tolerance_usd=Decimal("0.0099999"))
    assert less == (0, [(DAY, "cheap-2026", "differs")])
