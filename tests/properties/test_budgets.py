"""No sequence of claims and settlements, of any number of processes, overspends a budget."""

import asyncio
import tempfile
from decimal import Decimal
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from fairlead.errors import BudgetExceededError
from fairlead.ledger.budget import Limit
from fairlead.ledger.sqlite import SqliteLedger
from fairlead.types import Outcome
from tests.conftest import LedgerRecords

MICROS = st.integers(0, 400_000).map(lambda n: Decimal(n) / 1_000_000)
ROUTE = Limit(kind="usd", owner="route:auto", most=Decimal(1), per="month")
KEY = Limit(kind="usd", owner="key:k", most=Decimal("0.6"), per="day")
EVENTS = st.lists(
    st.fixed_dictionaries(
        {
            "reserved": MICROS,
            "share": st.integers(0, 100),  # of what was reserved, that is what it costs
            "limits": st.sampled_from([(ROUTE,), (KEY,), (ROUTE, KEY)]),
            "ledger": st.integers(0, 1),
            "end": st.sampled_from(["settled", "unknown", "lost"]),
            "more": st.none() | MICROS,
        }
    ),
    max_size=14,
)


@settings(max_examples=15)
@given(events=EVENTS)
def test_a_budget_is_never_exceeded(events):
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(play(Path(folder, "ledger.db"), events))


async def play(path, events):
    records, ledgers = LedgerRecords(), [SqliteLedger.open(path) for _ in range(2)]
    at_most = {ROUTE.owner: Decimal(0), KEY.owner: Decimal(0)}  # whatever the unknown and the lost did cost
    for n, event in enumerate(events):
        reserved = await ask(ledgers[event["ledger"]], records, n, event)
        if reserved is None:
            continue
        cost = reserved * event["share"] / 100
        if event["end"] != "lost":
            known = cost if event["end"] == "settled" else None
            attempt = records.attempt(cost_usd=known, reserved_usd=reserved)
            outcome = Outcome(status="delivered", attempts=(attempt,), served="a/cheap")
            await ledgers[event["ledger"]].settle(structs.replace(records.settlement(n), outcome=outcome))
        for limit in event["limits"]:
            at_most[limit.owner] += cost if event["end"] == "settled" else reserved
    for limit in (ROUTE, KEY):
        account = limit.account(records.start)
        spent, held = ledgers[0].keys.used([account]).get(account, (Decimal(0), Decimal(0)))
        assert spent + held == at_most[limit.owner] <= limit.most
    for ledger in ledgers:
        await ledger.close()


async def ask(ledger, records, n, event):
    """Returns what was reserved for a request and its further calls; `None` where it was refused."""
    try:
        claims = [limit.claim(event["reserved"], records.start) for limit in event["limits"]]
        await ledger.intent(records.intent(n), claims)
    except BudgetExceededError:
        return None
    if event["more"] is None:
        return event["reserved"]
    try:
        claims = [limit.claim(event["more"], records.start) for limit in event["limits"]]
        await ledger.claim(f"req_{n:04}", claims, len(claims))
    except BudgetExceededError:
        return event["reserved"]
    return event["reserved"] + event["more"]
