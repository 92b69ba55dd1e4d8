import numpy as np
import pytest

from fairlead.errors import ConfigError
from fairlead.policies import Floor, Thrifty, Utility
from fairlead.policies.base import Circumstances
from fairlead.policies.judging import judge
from fairlead.policies.realised import Recorded
from fairlead.types import Predictions

NAMES = ("strong", "middle", "weak")
COST_USD = np.array([1.0, 0.3, 0.05])


def table(n, *, signal, seed=0):
    """Half the prompts are hard for all but the strong model; predictions know which to the degree `signal`."""
    rng = np.random.default_rng(seed)
    hard = rng.random(n) < 0.5
    p_true = np.where(hard[:, None], [0.9, 0.5, 0.3], [0.95, 0.93, 0.92])
    predictions = Predictions(
        candidates=NAMES,
        p_success=signal * p_true + (1 - signal) * p_true.mean(axis=0),
        p_success_sd=np.zeros((n, 3)),
        output_tokens=np.zeros((n, 3)),
        cost_usd=np.tile(COST_USD, (n, 1)),
        latency_p95_s=np.full((n, 3), np.nan),
    )
    circumstances = Circumstances(eligible=np.ones((n, 3), dtype=bool), reference=0, mix_draw=np.zeros(n))
    recorded = Recorded(score=(rng.random(p_true.shape) < p_true) * 1.0, cost_usd=predictions.cost_usd)
    return predictions, circumstances, recorded


def test_it_finds_the_exchange_rate_that_keeps_the_floor_and_saves():
    predictions, circumstances, recorded = table(4000, signal=1.0)
    policy = Thrifty(margin=0.05).learned(predictions, circumstances, recorded)
    fresh = table(4000, signal=1.0, seed=1)
    realised = policy.realised(*fresh)
    reference = fresh[2].score[:, 0]
    assert realised.score.mean() - reference.mean() >= -0.05
    assert realised.cost_usd.mean() < 0.6


def test_a_wider_margin_spends_no_more():
    case = table(3000, signal=0.8)
    spent = [Thrifty(margin=m).learned(*case).realised(*case).cost_usd.mean() for m in (0.0, 0.01, 0.05, 0.2)]
    assert (np.diff(spent) <= 0).all()


def test_a_higher_confidence_spends_no_less():
    case = table(500, signal=1.0)
    policies = [Thrifty(margin=0.05, confidence=c).learned(*case) for c in (0.5, 0.9, 0.999)]
    spent = [policy.realised(*case).cost_usd.mean() for policy in policies]
    assert (np.diff(spent) >= 0).all()
    assert spent[0] < spent[-1]


def test_once_learned_it_serves_as_utility_does_and_before_the_reference():
    predictions, circumstances, recorded = table(300, signal=1.0)
    learned = Thrifty(margin=0.05).learned(predictions, circumstances, recorded)
    rate = Utility(willingness_to_pay_usd=learned.willingness_to_pay_usd, caution=learned.caution)
    assert learned.choose(predictions, circumstances).reason == rate.choose(predictions, circumstances).reason
    before = Thrifty(margin=0.05).choose(predictions, circumstances)
    assert set(zip(before.first.tolist(), before.reason, strict=True)) == {(0, "reference_within_floor")}


def test_where_no_rate_is_shown_to_keep_the_floor_the_reference_serves():
    predictions, circumstances, recorded = table(60, signal=0.5)
    predictions.p_success[:, 0] = 0.0  # the router is sure of the wrong ones
    learned = Thrifty(margin=0.0).learned(predictions, circumstances, recorded)
    assert learned.willingness_to_pay_usd is None
    assert set(learned.choose(predictions, circumstances).first.tolist()) == {0}


def test_caution_is_chosen_where_the_spread_tells_lucky_predictions_from_good_ones():
    rng = np.random.default_rng(2)
    predictions, circumstances, recorded = table(3000, signal=1.0)
    wild = rng.random((3000, 3)) < 0.3
    predictions.p_success_sd[:] = np.where(wild, 0.6, 0.01)
    predictions.p_success[:] += np.where(wild, np.abs(rng.normal(0, 0.6, (3000, 3))), 0)
    assert Thrifty(margin=0.05).learned(predictions, circumstances, recorded).caution == 1.0


def test_the_guard_allows_it_with_signal_and_serves_the_reference_without():
    predictions, _, recorded = table(2000, signal=1.0)
    guard = judge(Thrifty(margin=0.05), predictions, recorded, "strong", seed=0)
    assert guard.allowed
    assert guard.lower > 0
    predictions, _, recorded = table(2000, signal=0.0)
    guard = judge(Thrifty(margin=0.05), predictions, recorded, "strong", seed=0)
    assert (guard.allowed, guard.fixed, guard.other) == (False, "strong", None)


def test_on_a_table_of_scores_alone_it_goes_for_the_score():
    rng = np.random.default_rng(5)
    first = rng.random(1500) < 0.5
    p_true = np.where(first[:, None], [0.9, 0.6, 0.5], [0.6, 0.9, 0.5])
    unknown = np.full((1500, 3), np.nan)
    predictions = Predictions(
        candidates=NAMES,
        p_success=p_true,
        p_success_sd=np.zeros((1500, 3)),
        output_tokens=unknown,
        cost_usd=unknown,
        latency_p95_s=unknown,
    )
    recorded = Recorded(score=(rng.random(p_true.shape) < p_true) * 1.0, cost_usd=unknown)
    guard = judge(Thrifty(), predictions, recorded, "strong", seed=0)
    assert guard.allowed
    assert guard.lower > 0.05
    assert guard.policy.willingness_to_pay_usd == np.inf


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Thrifty(margin=1.5), "`margin` is 1.5"),
        (lambda: Thrifty(confidence=1.0), "`confidence` is 1.0"),
        (lambda: Thrifty(confidence=0.05), r"`confidence` is 0.05; expected a number in \[0.5, 1\)"),
        (lambda: Floor(caution=-1.0), "`caution` is -1.0; expected a number of standard deviations"),
        (lambda: Utility(willingness_to_pay_usd=1.0, caution=np.inf), "`caution` is inf"),
    ],
)
def test_a_setting_out_of_range_is_refused_by_name(make, message):
    with pytest.raises(ConfigError, match=message):
        make()
