"""Limits in every store of the ledger: what is granted, what is held, what a settlement gives back."""

import asyncio
import multiprocessing
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec import structs

from fairlead.errors import BudgetExceededError, LedgerError, LimitExceededError
from fairlead.ledger.budget import Budget as Terms
from fairlead.ledger.budget import KeyTerms, Limit
from fairlead.ledger.opening import open_ledger
from fairlead.ledger.verify import verify
from fairlead.types import Outcome
from tests.conftest import LedgerRecords
from tests.contracts.test_ledger import STORES

DOLLAR = Limit(kind="usd", owner="route:auto", most=Decimal(1), per="month")
CENT = Decimal("0.01")


@pytest.fixture(params=STORES)
def store(request, tmp_path):
    return STORES[request.param](tmp_path, request.getfixturevalue)


@pytest.fixture
async def reopen(store):
    opened = []

    def reopen():
        opened.append(store.open())
        return opened[-1]

    yield reopen
    for ledger in opened:
        await ledger.close()


@pytest.fixture
async def ledger(reopen):
    return reopen()


def claim(limit, amount, records, **options):
    return limit.claim(Decimal(amount), records.start, **options)


async def intend(ledger, records, n, *claims):
    return await ledger.intent(records.intent(n), claims)


async def spend(ledger, records, n, usd, *, limit=DOLLAR, reserved="0.5"):
    await intend(ledger, records, n, claim(limit, reserved, records))
    await ledger.settle(records.settlement(n, records.attempt(cost_usd=Decimal(usd))))


async def test_what_is_left_of_a_budget_is_told_and_no_more_is_granted(ledger, records):
    (standing,) = await intend(ledger, records, 1, claim(DOLLAR, "0.6", records))
    assert (standing.limit, standing.remaining) == (DOLLAR, Decimal("0.4"))
    with pytest.raises(BudgetExceededError, match=r"budget of route `auto`, \$1 per month, has \$0\.4 left.*\$0\.41"):
        await intend(ledger, records, 2, claim(DOLLAR, "0.41", records))
    assert [entry.request_id for entry in ledger.entries()] == ["req_0001"]  # what was refused left no row
    (standing,) = await intend(ledger, records, 3, claim(DOLLAR, "0.4", records))
    assert standing.remaining == 0


async def test_a_settlement_counts_what_was_paid_and_gives_back_the_rest(ledger, records):
    await spend(ledger, records, 1, "0.125", reserved="0.9")
    (standing,) = await intend(ledger, records, 2, claim(DOLLAR, "0.875", records))
    assert standing.remaining == 0


async def test_a_settlement_counts_though_a_bad_row_came_along_with_it(ledger, records):
    await intend(ledger, records, 1, claim(DOLLAR, "0.9", records))
    naive = records.intent(9, at=records.start.replace(tzinfo=None))
    twice = records.intent(1)
    settled = records.settlement(1, records.attempt(cost_usd=Decimal("0.125")))
    answers = await asyncio.gather(
        ledger.settle(settled), ledger.intent(twice), ledger.intent(naive), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [type(None), LedgerError, LedgerError]
    (standing,) = await intend(ledger, records, 2, claim(DOLLAR, "0.875", records))
    assert standing.remaining == 0


async def test_an_unknown_cost_counts_with_what_was_reserved_for_it(ledger, records):
    await intend(ledger, records, 1, claim(DOLLAR, "0.7", records))
    paid = records.attempt(1, cost_usd=Decimal("0.1"), reserved_usd=Decimal("0.3"))
    cut = records.attempt(2, status="cancelled", usage=None, cost_usd=None, reserved_usd=Decimal("0.4"))
    await ledger.settle(records.settlement(1, paid, cut))
    (standing,) = await intend(ledger, records, 2, claim(DOLLAR, "0", records))
    assert standing.remaining == Decimal("0.5")


async def test_a_request_that_called_nobody_costs_nothing(ledger, records):
    await intend(ledger, records, 1, claim(DOLLAR, "0.7", records))
    await ledger.settle(structs.replace(records.settlement(1), outcome=Outcome(status="cancelled", attempts=())))
    (standing,) = await intend(ledger, records, 2, claim(DOLLAR, "1", records))
    assert standing.remaining == 0


async def test_more_may_be_claimed_as_calls_are_added_and_all_is_given_back(ledger, records):
    await intend(ledger, records, 1, claim(DOLLAR, "0.5", records))
    (standing,) = await ledger.claim("req_0001", [claim(DOLLAR, "0.3", records)], 1)
    assert standing.remaining == Decimal("0.2")
    with pytest.raises(BudgetExceededError):
        await ledger.claim("req_0001", [claim(DOLLAR, "0.3", records)], 2)
    await ledger.settle(records.settlement(1, records.attempt(cost_usd=CENT)))
    (standing,) = await intend(ledger, records, 2, claim(DOLLAR, "0.99", records))
    assert standing.remaining == 0


async def test_all_claims_of_a_request_are_granted_or_none(ledger, records):
    key = Limit(kind="usd", owner="key:k", most=CENT, per="day")
    with pytest.raises(BudgetExceededError, match="key `k`"):
        await intend(ledger, records, 1, claim(DOLLAR, "0.5", records), claim(key, "0.5", records))
    (standing,) = await intend(ledger, records, 2, claim(DOLLAR, "1", records))
    assert standing.remaining == 0


async def test_what_was_held_before_a_crash_stays_held(reopen, records):
    await intend(reopen(), records, 1, claim(DOLLAR, "0.9", records))
    after = reopen()
    with pytest.raises(BudgetExceededError) as refused:
        await intend(after, records, 2, claim(DOLLAR, "0.2", records))
    assert (refused.value.exhausted, refused.value.remaining) == (False, Decimal("0.1"))


async def test_budgets_hold_what_requests_in_flight_hold_of_them(ledger, records):
    key = Limit(kind="usd", owner="key:abc", most=Decimal(2), per="day")
    await spend(ledger, records, 1, "0.125", reserved="0.3")
    for n, claims in (
        (2, [claim(DOLLAR, "0.1", records)]),
        (3, [claim(limit, "1e-30", records) for limit in (DOLLAR, key)]),
    ):
        await intend(ledger, records, n, *claims)
    assert "held_differs" not in {fault.rule for fault in verify(ledger).faults}
    with pytest.raises(BudgetExceededError):
        await intend(ledger, records, 4, claim(key, 1, records), claim(DOLLAR, 1, records))
    assert "held_differs" not in {fault.rule for fault in verify(ledger).faults}


async def test_a_new_period_has_a_budget_of_its_own_and_pays_for_its_own_requests(ledger, records):
    await intend(ledger, records, 1, claim(DOLLAR, "1", records))
    later = DOLLAR.claim(Decimal(1), records.start + timedelta(days=31))
    (standing,) = await intend(ledger, records, 2, later)
    await ledger.settle(records.settlement(1, records.attempt(cost_usd=CENT)))  # of the month before
    assert standing.remaining == 0
    with pytest.raises(BudgetExceededError):
        await intend(ledger, records, 3, structs.replace(later, amount=CENT))


@pytest.mark.parametrize(("spent", "exhausted", "retry_after_s"), [("0.4", False, 1.0), ("0.9", True, 1 * 60)])
async def test_a_refusal_says_whether_it_is_worth_asking_again(ledger, records, spent, exhausted, retry_after_s):
    limit = replace(DOLLAR, per="hour")
    at = records.start.replace(minute=59, second=0, microsecond=0)
    await ledger.intent(records.intent(1), [limit.claim(Decimal("0.9"), at)])
    await ledger.settle(records.settlement(1, records.attempt(cost_usd=Decimal(spent))))
    if not exhausted:
        await ledger.intent(records.intent(2), [limit.claim(Decimal("0.5"), at)])
    with pytest.raises(BudgetExceededError) as refused:
        await ledger.intent(records.intent(3), [limit.claim(Decimal("0.2"), at)])
    assert (refused.value.exhausted, refused.value.retry_after_s) == (exhausted, retry_after_s)


async def test_a_key_may_ask_so_often_a_minute_and_then_waits_for_its_turn(ledger, records):
    (limit,) = KeyTerms(requests_per_minute=3).limits("k")
    left = [(await intend(ledger, records, n, claim(limit, 1, records)))[0] for n in range(1, 4)]
    assert [standing.remaining for standing in left] == [2, 1, 0]
    assert [standing.reset_s for standing in left] == [20, 40, 60]
    with pytest.raises(LimitExceededError, match="may use 3 requests a minute") as refused:
        await intend(ledger, records, 4, claim(limit, 1, records))
    assert refused.value.retry_after_s == 20
    later = limit.claim(Decimal(1), records.start + timedelta(seconds=20))
    (standing,) = await intend(ledger, records, 5, later)
    assert standing.remaining == 0


async def test_tokens_that_were_not_used_are_given_back(ledger, records):
    (limit,) = KeyTerms(tokens_per_minute=6000).limits("k")
    await intend(ledger, records, 1, claim(limit, 6000, records))
    with pytest.raises(LimitExceededError, match="tokens a minute"):
        await intend(ledger, records, 2, claim(limit, 1, records))
    await ledger.settle(records.settlement(1))  # 900 read, 200 from the cache, 333 written
    (standing,) = await intend(ledger, records, 3, claim(limit, 0, records))
    assert standing.remaining == 6000 - (900 + 200 + 333)


async def test_a_request_larger_than_a_minutes_worth_waits_for_a_whole_minute_and_no_longer(ledger, records):
    (limit,) = KeyTerms(tokens_per_minute=100).limits("k")
    (standing,) = await intend(ledger, records, 1, claim(limit, 5000, records))
    assert standing.remaining == 0


async def test_so_many_requests_run_at_once_and_a_lease_of_a_process_that_died_ends(ledger, records):
    (limit,) = KeyTerms(parallel=2).limits("k")
    for n in (1, 2):
        await intend(ledger, records, n, claim(limit, 1, records, lease_s=600))
    with pytest.raises(LimitExceededError, match="2 requests of key `k` are in flight"):
        await intend(ledger, records, 3, claim(limit, 1, records, lease_s=600))
    await ledger.settle(records.settlement(1))
    await intend(ledger, records, 4, claim(limit, 1, records, lease_s=600))
    later = limit.claim(Decimal(1), records.start + timedelta(seconds=601), lease_s=600)
    (standing,) = await intend(ledger, records, 5, later)
    assert standing.remaining == 1


async def test_a_thousand_tiny_sums_lose_no_digit(ledger, records):
    whole = Limit(kind="usd", owner="route:auto", most=Decimal(10) ** 20, per="total")
    tiny = Decimal("0.00000000000000000000010")
    await intend(ledger, records, 1, claim(whole, tiny, records))
    await ledger.settle(records.settlement(1, records.attempt(cost_usd=tiny)))
    (standing,) = await intend(ledger, records, 2, claim(whole, "0", records))
    assert standing.remaining == Decimal("9" * 20 + ".9999999999999999999999")


async def test_200_callers_at_once_never_get_more_than_there_is(ledger, records):
    async def ask(n):
        try:
            await intend(ledger, records, n, claim(DOLLAR, CENT, records))
        except BudgetExceededError:
            return False
        await ledger.settle(records.settlement(n, records.attempt(cost_usd=CENT)))
        return True

    served = await asyncio.gather(*(ask(n) for n in range(200)))
    assert sum(served) == 100


def spend_as_a_process(place, first, barrier):
    async def run():
        records, ledger = LedgerRecords(), open_ledger(place)
        barrier.wait()

        async def ask(n):
            try:
                await intend(ledger, records, n, claim(DOLLAR, "0.02", records))
            except BudgetExceededError:
                return
            await ledger.settle(records.settlement(n, records.attempt(cost_usd=CENT)))

        await asyncio.gather(*(ask(first + i) for i in range(60)))
        await ledger.close()

    asyncio.run(run())


async def test_processes_share_one_budget(store, reopen, records):
    ledger = reopen()
    place = str(getattr(store, "path", None) or store.url)
    spawn = multiprocessing.get_context("spawn")
    barrier = spawn.Barrier(2)
    processes = [spawn.Process(target=spend_as_a_process, args=(place, 1000 * i, barrier)) for i in (1, 2)]
    for process in processes:
        process.start()
    for process in processes:
        await asyncio.to_thread(process.join)
    assert [process.exitcode for process in processes] == [0, 0]
    spent = sum(entry.cost_usd for entry in ledger.entries())
    (standing,) = await intend(ledger, records, 1, claim(DOLLAR, "0", records))
    assert standing.remaining == 1 - spent
    assert 0 < spent <= 1


def test_terms_name_their_limits():
    terms = KeyTerms(requests_per_minute=1, tokens_per_minute=2, parallel=3, budget=Terms(usd=Decimal(4), per="day"))
    assert [(limit.kind, limit.most, limit.per) for limit in terms.limits("k")] == [
        ("requests", 1, None),
        ("tokens", 2, None),
        ("parallel", 3, None),
        ("usd", 4, "day"),
    ]
