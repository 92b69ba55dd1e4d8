"""Fault plans are pure, keep to their shares, and say what a caller will see."""

import pytest

from fairlead.errors import BadResponseError, ConfigError, CredentialsError, ProviderTimeoutError, RateLimitError
from fairlead.providers.faults import Fault, FaultPlan, FaultShare

RESET, BUSY = Fault(kind="reset"), Fault(kind="status", status_code=503)


def test_shares_are_kept_over_many_prompts():
    plan = FaultPlan(shares=(FaultShare(fault=RESET, share=0.2), FaultShare(fault=BUSY, share=0.1)), seed=3)
    struck = [plan(f"p{i}", "m", 1) for i in range(5000)]
    assert 0.18 < struck.count(RESET) / 5000 < 0.22  # 3.5 standard errors
    assert 0.085 < struck.count(BUSY) / 5000 < 0.115
    assert struck == [plan(f"p{i}", "m", 1) for i in range(5000)]


def test_models_and_seeds_are_struck_independently():
    plan = FaultPlan(shares=(FaultShare(fault=RESET, share=0.5),))
    other = FaultPlan(shares=plan.shares, seed=1)
    first = [plan(f"p{i}", "a", 1) for i in range(200)]
    assert first != [plan(f"p{i}", "b", 1) for i in range(200)]
    assert first != [other(f"p{i}", "a", 1) for i in range(200)]


def test_fault_ends_after_its_attempts():
    plan = FaultPlan(shares=(FaultShare(fault=RESET, share=1.0, n_attempts=2),))
    assert [plan("p", "m", attempt) for attempt in (1, 2, 3)] == [RESET, RESET, None]


def test_fault_strikes_only_the_models_named():
    plan = FaultPlan(shares=(FaultShare(fault=RESET, share=1.0, models=frozenset({"a"})),))
    assert (plan("p", "a", 1), plan("p", "b", 1)) == (RESET, None)


@pytest.mark.parametrize("shares", [(0.7, 0.4), (-0.1,)])
def test_impossible_shares_are_refused(shares):
    with pytest.raises(ConfigError, match="expected none below 0 and at most 1 in all"):
        FaultPlan(shares=tuple(FaultShare(fault=RESET, share=share) for share in shares))


@pytest.mark.parametrize(
    ("fault", "error", "retryable", "billed"),
    [
        (Fault(kind="status", status_code=429, retry_after_s=2), RateLimitError, True, False),
        (Fault(kind="status", status_code=401), CredentialsError, False, False),
        (Fault(kind="silent"), ProviderTimeoutError, False, True),
        (Fault(kind="cut"), BadResponseError, True, True),
    ],
)
def test_fault_says_what_a_caller_sees(fault, error, retryable, billed):
    seen = fault.error("m")
    assert type(seen) is error
    assert (seen.model, seen.retryable, seen.billed, seen.retry_after_s) == (
        "m",
        retryable,
        billed,
        fault.retry_after_s,
    )


def test_late_answer_is_no_error():
    assert Fault(kind="slow_start").error("m") is None
