"""The one rule for retries and fallbacks, move by move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.execution import Call, Deliver, GiveUp, Limits, advance
from fairlead.predictors.posterior import N_KINDS, patterns
from fairlead.types import Acceptance, Attempt, Stage, Step

START = datetime(2026, 11, 23, tzinfo=UTC)
PLAN = tuple(Stage(steps=(Step(candidate=name),)) for name in ("a", "b", "c"))
LIMITS = Limits()


def attempt(candidate, *, status="failed", after_s=0.0, **fields):
    stage = "abc".index(candidate)
    told = {"number": 1, "latency_s": 1.0, "started_at": START + timedelta(seconds=after_s)}
    return Attempt(**{"candidate": candidate, "stage": stage, "status": status} | told | fields)


def test_it_begins_with_the_first_step():
    assert advance(PLAN, [], LIMITS) == Call(stage=0, candidate="a")
    assert advance((), [], LIMITS) == GiveUp()


def test_an_answer_is_delivered():
    answered = attempt("b", status="ok")
    assert advance(PLAN, [attempt("a"), answered], LIMITS) == Deliver(attempt=answered)


def test_a_refusal_takes_the_next_step_at_once():
    assert advance(PLAN, [attempt("a")], LIMITS) == Call(stage=1, candidate="b")


def test_a_failure_worth_it_is_retried_once_after_a_pause_and_then_left():
    failed = attempt("a", retryable=True)
    again = advance(PLAN, [failed], LIMITS, seed=1)
    assert (again.stage, again.candidate) == (0, "a")
    assert 0.125 <= again.wait_s < 0.375
    assert advance(PLAN, [failed, failed], LIMITS) == Call(stage=1, candidate="b")


def test_pauses_double_and_differ_by_seed():
    limits = Limits(retries=3, max_attempts=9)
    failed = [attempt("a", retryable=True)] * 3
    assert 0.5 <= advance(PLAN, failed, limits).wait_s < 1.5
    assert len({advance(PLAN, failed[:1], limits, seed).wait_s for seed in range(5)}) == 5


@pytest.mark.parametrize(("wait_s", "expected"), [(2.0, Call(stage=0, candidate="a", wait_s=2.0)), (2.1, None)])
def test_a_short_retry_after_is_waited_for_to_the_second_and_a_long_one_is_not(wait_s, expected):
    limited = attempt("a", retryable=True, retry_after_s=wait_s)
    assert advance(PLAN, [limited], LIMITS) == (expected or Call(stage=1, candidate="b"))


def test_it_gives_up_at_the_end_of_the_plan_of_the_attempts_or_of_the_time():
    assert advance(PLAN, [attempt(name) for name in "abc"], LIMITS) == GiveUp()
    assert advance(PLAN, [attempt("a")], Limits(max_attempts=1)) == GiveUp()
    assert advance(PLAN, [attempt("a"), attempt("b", after_s=599.5)], LIMITS) == GiveUp()
    assert advance(PLAN, [attempt("a", status="cancelled")], LIMITS) == GiveUp()


def test_a_pause_that_would_outlast_the_deadline_is_not_taken():
    limited = attempt("a", retryable=True, retry_after_s=1.5)
    assert advance(PLAN, [limited], Limits(total_s=2.0)) == Call(stage=1, candidate="b")


def test_the_steps_of_one_stage_are_called_at_once():
    plan = (Stage(steps=(Step(candidate="a"), Step(candidate="b"))), Stage(steps=(Step(candidate="a"),)))
    assert advance(plan, [], LIMITS) == Call(stage=0, candidate="a", beside=("b",))
    assert advance(plan, [attempt("a"), attempt("b", stage=0)], LIMITS) == Call(stage=1, candidate="a")


def voters(*base):
    """Returns what a rule knows of its voters: bases, means and spreads of lengths, and that lengths say nothing."""
    return (*base, *[0.0] * len(base), *[1.0] * len(base), *[0.0] * 2 * N_KINDS)


def weighing(answer_now, *, beyond=2.2, last="c"):
    """Returns a plan of two voters, and then one, in which agreement convinces and nothing else does."""
    alone, shared = answer_now, 3.0
    first = [2.0, *voters(0.5, 0.5), *[-1.0] * 2, *(shared if mask == 3 else alone for mask in patterns(2).mask)]
    every = patterns(3)
    worth = [(0.5 + (mask == 4)) * (1 + (kind in {4, 5, 6})) for mask, kind in zip(every.mask, every.kind, strict=True)]
    final = [3.0, *voters(0.5, 0.5, 0.9), *[-1.0] * 3, *map(float, worth)]
    return (
        Stage(
            steps=(Step(candidate="a"), Step(candidate="b")),
            acceptance=Acceptance(rule="posterior", weights=(*first, *[beyond, 0.0] * 3), cut=0.01),
        ),
        Stage(steps=(Step(candidate=last),), acceptance=Acceptance(rule="posterior", weights=tuple(final), cut=1.0)),
        Stage(steps=(Step(candidate="d"),)),
    )


def voted(candidate, answer, stage=0, **fields):
    told = {"number": 1, "latency_s": 1.0, "started_at": START, "status": "ok"}
    return Attempt(**told | {"candidate": candidate, "stage": stage, "answer": answer} | fields)


def test_answers_that_agree_are_delivered_and_others_settled_by_the_next_stage():
    plan = weighing(answer_now=0.5)
    a, b = voted("a", "7"), voted("b", "7")
    assert advance(plan, [a, b], LIMITS) == Deliver(attempt=a)
    other = voted("b", "8")
    assert advance(plan, [a, other], LIMITS) == Call(stage=1, candidate="c")
    assert advance(plan, [a, other, voted("c", "8", 1)], LIMITS) == Deliver(attempt=voted("c", "8", 1))
    assert advance(plan, [a, other, voted("c", "9", 1)], LIMITS) == Deliver(attempt=voted("c", "9", 1))


def test_of_those_who_gave_the_best_answer_the_strongest_is_delivered():
    plan = weighing(answer_now=0.5)
    found = advance(plan, [voted("a", "7"), voted("b", "8"), voted("c", "7", 1)], LIMITS)
    assert found == Deliver(attempt=voted("c", "7", 1))


def test_an_answer_that_cannot_be_compared_is_no_vote():
    plan = weighing(answer_now=0.5)
    a, b = voted("a", None), voted("b", None)
    assert advance(plan, [a, b], LIMITS) == Call(stage=1, candidate="c")
    last = voted("c", None, 1)
    assert advance(plan, [a, b, last], LIMITS) == Deliver(attempt=last)


def test_where_one_of_two_failed_it_is_not_retried_and_the_other_is_weighed():
    plan = weighing(answer_now=0.5)
    failed = voted("b", None, status="failed", retryable=True)
    assert advance(plan, [voted("a", "7"), failed], LIMITS) == Call(stage=1, candidate="c")
    assert advance(weighing(answer_now=4.0), [voted("a", "7"), failed], LIMITS) == Deliver(attempt=voted("a", "7"))


def test_where_both_failed_the_last_may_be_retried():
    plan = weighing(answer_now=0.5)
    failed = [voted(name, None, status="failed", retryable=True) for name in "ab"]
    again = advance(plan, failed, LIMITS)
    assert (again.stage, again.candidate, again.beside) == (0, "b", ())


def test_where_the_last_voter_fails_the_plan_goes_on_and_ends_with_the_best_answer_there_is():
    plan = weighing(answer_now=0.5)
    tried = [voted("a", "7"), voted("b", "8"), voted("c", None, 1, status="failed")]
    assert advance(plan, tried, LIMITS) == Call(stage=2, candidate="d")
    tried.append(voted("d", None, 2, status="failed"))
    assert advance(plan, tried, LIMITS) == Deliver(attempt=tried[1])
    assert advance(plan, tried[:2], Limits(max_attempts=2)) == Deliver(attempt=tried[1])


def test_attempts_side_by_side_take_their_time_once():
    plan = weighing(answer_now=0.5)
    slow = [voted("a", "7", latency_s=400.0), voted("b", "8", latency_s=300.0)]
    assert advance(plan, slow, LIMITS) == Call(stage=1, candidate="c")


FAILURES = st.builds(
    dict, retryable=st.booleans(), retry_after_s=st.none() | st.floats(0, 5), latency_s=st.floats(0, 200)
)


@given(
    st.lists(FAILURES, min_size=40, max_size=40),
    st.builds(Limits, max_attempts=st.integers(1, 12), retries=st.integers(0, 10)),
    st.integers(0, 2**63 - 1),
)
def test_whatever_fails_it_stays_within_its_bounds_and_never_goes_back(failures, limits, seed):
    attempts, elapsed_s = [], 0.0
    while isinstance(move := advance(PLAN, attempts, limits, seed), Call):
        assert elapsed_s + move.wait_s < limits.total_s
        elapsed_s += move.wait_s
        attempts.append(attempt(move.candidate, after_s=elapsed_s, **failures[len(attempts)]))
        elapsed_s += attempts[-1].latency_s
    assert move == GiveUp()
    assert 1 <= len(attempts) <= limits.max_attempts
    stages = [a.stage for a in attempts]
    assert stages == sorted(stages)
    assert all(stages.count(stage) <= limits.retries + 1 for stage in stages)
