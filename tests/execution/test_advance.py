"""The one rule for retries and fallbacks, move by move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.execution import Call, Deliver, GiveUp, Limits, advance
from fairlead.types import Attempt, Stage, Step

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


def test_the_steps_of_one_stage_are_called_in_order():
    plan = (Stage(steps=(Step(candidate="a"), Step(candidate="b"))), Stage(steps=(Step(candidate="a"),)))
    tried = [attempt("a"), attempt("b", stage=0)]
    assert advance(plan, tried[:1], LIMITS) == Call(stage=0, candidate="b")
    assert advance(plan, tried, LIMITS) == Call(stage=1, candidate="a")


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
