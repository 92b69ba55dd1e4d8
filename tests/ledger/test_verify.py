"""A ledger that was tampered with, or written by a gateway with a fault, does not add up."""

from decimal import Decimal

import pytest
from msgspec import structs

from fairlead.errors import LedgerError
from fairlead.ledger import bills
from fairlead.ledger import verify as module
from fairlead.ledger.sqlite import SqliteLedger
from fairlead.ledger.verify import RULES, verify
from fairlead.types import Usage


@pytest.fixture
async def ledger(tmp_path, records):
    ledger = SqliteLedger.open(tmp_path / "ledger.db")
    await ledger.register([records.price])
    for n in (1, 2):
        await ledger.intent(records.intent(n))
        await ledger.settle(records.settlement(n, records.failed_attempt(1), records.attempt(2)))
    yield ledger
    await ledger.close()


def broken(ledger):
    """Returns what does not add up in the bills; the chain has tests of its own."""
    return [(fault.request_id, fault.rule) for fault in verify(ledger).faults if fault.rule in bills.RULES]


def test_an_honest_ledger_adds_up(ledger, records):
    found = verify(ledger)
    assert found.ok
    assert (found.n_requests, found.n_attempts, found.n_unknown_cost, found.unsettled) == (2, 4, 0, ())
    assert found.cost_usd == 2 * records.price.cost_usd(records.usage)


@pytest.mark.parametrize(
    ("statement", "rules"),
    [
        (
            "UPDATE attempts SET cost_usd = '0.00048480' WHERE request_id = 'req_0002' AND number = 2",
            ["cost_differs", "total_differs"],
        ),
        ("UPDATE attempts SET output_tokens = 334 WHERE request_id = 'req_0002' AND number = 2", ["cost_differs"]),
        ("UPDATE attempts SET cost_usd = NULL WHERE request_id = 'req_0002'", ["cost_differs", "total_differs"]),
        ("UPDATE settlements SET cost_usd = '0.0004849' WHERE request_id = 'req_0002'", ["total_differs"]),
        ("UPDATE settlements SET cost_usd = NULL WHERE request_id = 'req_0002'", ["total_differs"]),
        ("UPDATE attempts SET price_id = 'gone' WHERE request_id = 'req_0002'", ["price_unknown", "price_unknown"]),
        ("UPDATE attempts SET input_tokens = NULL WHERE request_id = 'req_0002'", ["cost_without_ground"]),
        ("DELETE FROM attempts WHERE request_id = 'req_0002' AND number = 2", ["total_differs"]),
        ("DELETE FROM requests WHERE request_id = 'req_0002'", ["intent_missing"]),
        ("DELETE FROM settlements WHERE request_id = 'req_0002'", ["intent_missing"]),
    ],
)
def test_each_thing_that_does_not_add_up_is_found(ledger, tamper, statement, rules):
    tamper(ledger.path, statement)
    assert broken(ledger) == [("req_0002", rule) for rule in rules]
    assert set(rules) <= RULES.keys()


@pytest.mark.parametrize(("held", "amount"), [("0.5", "0.1"), ("0", "0.1")])
def test_a_budget_that_holds_what_no_request_does_is_found(ledger, tamper, held, amount):
    tamper(
        ledger.path,
        f"INSERT INTO counters (account, spent, held) VALUES ('usd/key:a', '0', '{held}')",
        "INSERT INTO holds (request_id, number, account, kind, owner, most, amount, unit, at)"
        f" VALUES ('req_0001', 1, 'usd/key:a', 'usd', 'key:a', '1', '{amount}', '1', 0)",
    )
    assert [fault.rule for fault in verify(ledger).faults] == ["held_differs"]


def test_a_price_row_that_was_changed_is_found_in_every_bill(ledger, tamper):
    tamper(ledger.path, """UPDATE prices SET output = '{"base":"0.601","tiers":[]}'""")
    assert broken(ledger) == [("req_0001", "cost_differs"), ("req_0002", "cost_differs")]


def test_a_row_that_cannot_be_read_is_a_ledger_error(ledger, tamper):
    tamper(ledger.path, "UPDATE settlements SET cost_usd = 'a lot'")
    with pytest.raises(LedgerError, match=r"cannot read the ledger .*ledger\.db"):
        verify(ledger)


async def test_unsettled_requests_are_listed_with_their_bound_and_are_no_fault(ledger, records):
    await ledger.intent(records.intent(3))
    await ledger.intent(records.intent(4, reserved_usd=None))
    found = verify(ledger)
    assert found.ok
    assert [(u.request_id, u.reserved_usd) for u in found.unsettled] == [
        ("req_0003", Decimal("0.05")),
        ("req_0004", None),
    ]


async def test_unknown_costs_are_counted_and_never_zero(ledger, records):
    unknown = records.attempt(1, usage=None, cost_usd=None, price_id=None)
    guessed = Usage(input_tokens=10, output_tokens=10, estimated=True)
    paid = records.attempt(2, usage=guessed, cost_usd=records.price.cost_usd(guessed))
    await ledger.intent(records.intent(3))
    await ledger.settle(records.settlement(3, unknown, paid))
    found = verify(ledger)
    assert found.ok
    assert (found.n_unknown_cost, found.n_estimated) == (1, 1)


def test_a_report_lists_some_faults_and_counts_all(ledger, tamper, monkeypatch):
    monkeypatch.setattr(module, "MAX_SHOWN", 1)
    tamper(ledger.path, "UPDATE settlements SET cost_usd = '1'")
    found = verify(ledger)
    assert (len(found.faults), found.n_faults, found.ok) == (1, 4, False)  # two bills, and two rows of the chain


def test_a_cost_is_compared_digit_by_digit(records):
    kept = records.attempt(cost_usd=Decimal("0.00048480"))
    assert [rule for rule, _ in bills.attempt_faults(kept, {records.price.id: records.price})] == ["cost_differs"]
    right = structs.replace(kept, cost_usd=Decimal("0.0004848"))
    assert list(bills.attempt_faults(right, {records.price.id: records.price})) == []
