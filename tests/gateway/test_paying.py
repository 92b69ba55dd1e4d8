"""What is remembered of budgets is bounded; of what was forgotten the claim itself decides."""

from datetime import UTC, datetime
from decimal import Decimal

from fairlead.gateway import paying
from fairlead.gateway.paying import Remaining
from fairlead.ledger.budget import Limit, Standing

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def standing(n, left):
    limit = Limit(kind="usd", owner=f"key:{n}", most=Decimal(10), per="day")
    return Standing(limit=limit, remaining=Decimal(left), reset_s=None)


def test_the_budgets_that_were_claimed_longest_ago_are_forgotten_first(monkeypatch):
    monkeypatch.setattr(paying, "MAX_OWNERS", 3)
    remaining = Remaining()
    for n in (1, 2, 3, 1, 4):
        remaining.note([standing(n, n)], NOON)
    seen = {n: remaining.of([standing(n, 0).limit], NOON) for n in range(1, 5)}
    assert seen == {1: 1, 2: 10, 3: 3, 4: 4}
