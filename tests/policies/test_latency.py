import numpy as np
import pytest

from fairlead.errors import ConfigError
from fairlead.policies import Constant, Floor, Latency, LatencyLimit, Utility
from fairlead.policies.base import Circumstances
from fairlead.policies.judging import judge
from fairlead.policies.realised import Recorded
from fairlead.types import Predictions

NAMES = ("strong", "middle", "weak")
nan = np.nan


def choose(policy, *, latency, p_success=(0.9, 0.9, 0.9), hosts=None, eligible=(True, True, True), sd=(0.0, 0.0, 0.0)):
    predictions = Predictions(
        candidates=NAMES,
        p_success=np.array([p_success], dtype=float),
        p_success_sd=np.array([sd], dtype=float),
        output_tokens=np.zeros((1, 3)),
        cost_usd=np.array([[1.0, 0.1, 0.01]]),
        latency_p95_s=np.array([latency], dtype=float),
    )
    circumstances = Circumstances(
        eligible=np.array([eligible]),
        reference=0,
        mix_draw=np.zeros(1),
        host_latency_p95_s=None if hosts is None else np.array([hosts], dtype=float),
    )
    choices = policy.choose(predictions, circumstances)
    return NAMES[choices.first[0]], choices.reason[0]


def test_latency_takes_the_fastest_within_the_floor():
    assert choose(Latency(margin=0.05), latency=(9, 5, 2)) == ("weak", "fastest_within_floor")
    found = choose(Latency(margin=0.05), latency=(9, 5, 2), p_success=(0.9, 0.87, 0.5))
    assert found == ("middle", "fastest_within_floor")
    assert choose(Latency(margin=0.05), latency=(1, 5, 2)) == ("strong", "reference_within_floor")


def test_an_unknown_latency_is_not_fast_and_an_unknown_reference_serves():
    assert choose(Latency(), latency=(9, 5, nan)) == ("middle", "fastest_within_floor")
    assert choose(Latency(), latency=(nan, 5, 2))[0] == "strong"


def test_a_host_that_was_lately_slow_counts_as_slow_and_one_that_was_measured_as_known():
    assert choose(Latency(), latency=(9, 5, 2), hosts=(nan, nan, 7))[0] == "middle"
    assert choose(Latency(), latency=(9, nan, nan), hosts=(nan, nan, 3))[0] == "weak"


def test_what_is_uncertain_must_clear_the_floor_by_its_spread():
    p_success, sd = (0.9, 0.89, 0.91), (0.5, 0.0, 0.1)
    assert choose(Latency(margin=0.02), latency=(9, 5, 2), p_success=p_success, sd=sd)[0] == "middle"
    assert choose(Latency(margin=0.02, caution=0.0), latency=(9, 5, 2), p_success=p_success, sd=sd)[0] == "weak"


@pytest.mark.parametrize(
    ("latency", "hosts", "served"),
    [
        ((9, 5, 2), None, "strong"),  # who costs nothing extra is chosen among all in time: the likeliest
        ((11, 5, 2), None, "middle"),
        ((11, 12, 2), None, "weak"),
        ((11, 12, nan), None, "strong"),  # nobody known to be in time
        ((nan, 5, 2), None, "strong"),  # unknown, but trusted
        ((9, 5, 2), (30, nan, nan), "middle"),
    ],
)
def test_a_limit_leaves_out_who_is_late_or_unknown_but_an_unknown_reference(latency, hosts, served):
    policy = LatencyLimit(policy=Utility(willingness_to_pay_usd=np.inf), latency_p95_s=10)
    assert choose(policy, latency=latency, hosts=hosts, p_success=(0.9, 0.8, 0.7))[0] == served


def test_where_the_reference_is_too_slow_the_likeliest_in_time_serves():
    policy = LatencyLimit(policy=Floor(margin=0.01), latency_p95_s=10)
    assert choose(policy, latency=(11, 5, 2), p_success=(0.9, 0.6, 0.7))[0] == "weak"


def test_where_nobody_is_in_time_and_the_reference_cannot_serve_the_policy_decides():
    policy = LatencyLimit(policy=Utility(willingness_to_pay_usd=np.inf), latency_p95_s=1)
    assert choose(policy, latency=(11, 5, 2), p_success=(0.9, 0.6, 0.7), eligible=(False, True, True))[0] == "weak"


def timed(n, *, signal):
    """The strong model is needed for half of the prompts and takes ten times as long."""
    rng = np.random.default_rng(3)
    hard = rng.random(n) < 0.5
    p_true = np.where(hard[:, None], [0.9, 0.5], [0.9, 0.9])
    latency_s = rng.exponential([10.0, 1.0], (n, 2))
    predictions = Predictions(
        candidates=NAMES[:2],
        p_success=signal * p_true + (1 - signal) * p_true.mean(axis=0),
        p_success_sd=np.zeros((n, 2)),
        output_tokens=np.zeros((n, 2)),
        cost_usd=np.full((n, 2), nan),
        latency_p95_s=np.tile([30.0, 3.0], (n, 1)),
    )
    recorded = Recorded(score=(rng.random((n, 2)) < p_true) * 1.0, cost_usd=predictions.cost_usd, latency_s=latency_s)
    return predictions, recorded


def test_what_buys_quality_with_time_is_judged_at_equal_time():
    assert judge(Latency(margin=0.05), *timed(1000, signal=1.0), "strong", seed=0).allowed
    refused = judge(Latency(margin=0.05), *timed(1000, signal=0.0), "strong", seed=0)
    assert (refused.allowed, refused.fixed) == (False, "strong")


def test_without_recorded_times_nothing_is_shown():
    predictions, recorded = timed(500, signal=1.0)
    untimed = Recorded(score=recorded.score, cost_usd=recorded.cost_usd)
    guard = judge(Latency(margin=0.05), predictions, untimed, "strong", seed=0)
    assert (guard.allowed, guard.fixed, guard.gain) == (False, "strong", None)


def test_the_fixed_choice_in_the_place_of_a_limited_policy_is_under_its_limit():
    """Without the limit the slow reference would serve; compared with it, no policy in time could be shown better."""
    predictions, recorded = timed(1000, signal=0.0)
    guard = judge(
        LatencyLimit(policy=Utility(willingness_to_pay_usd=np.inf), latency_p95_s=5.0),
        predictions,
        recorded,
        "strong",
        0,
    )
    assert not guard.allowed
    assert guard.gain == pytest.approx(0.0)
    everyone = Circumstances(eligible=np.ones((1000, 2), dtype=bool), reference=0, mix_draw=np.zeros(1000))
    assert set(guard.choose(predictions, everyone).first) == {1}


def test_a_limit_is_above_zero():
    with pytest.raises(ConfigError, match="`latency_p95_s` is 0; expected a number of seconds above 0"):
        LatencyLimit(policy=Constant(candidate="a"), latency_p95_s=0)
