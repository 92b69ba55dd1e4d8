from dataclasses import replace

import numpy as np
import pytest

from fairlead.errors import ConfigError
from fairlead.policies import Budget
from fairlead.policies.base import Circumstances
from fairlead.policies.judging import judge
from fairlead.policies.realised import Recorded
from fairlead.types import Predictions

NAMES = ("strong", "middle", "weak")
COST_USD = np.array([1.0, 0.3, 0.05])


def case(p_success, cost_usd=None):
    shape = p_success.shape
    predictions = Predictions(
        candidates=NAMES[: shape[1]],
        p_success=p_success,
        p_success_sd=np.zeros(shape),
        output_tokens=np.zeros(shape),
        cost_usd=np.tile(COST_USD[: shape[1]], (shape[0], 1)) if cost_usd is None else cost_usd,
        latency_p95_s=np.full(shape, np.nan),
    )
    draws = np.linspace(0, 1, shape[0], endpoint=False)
    return predictions, Circumstances(eligible=np.ones(shape, dtype=bool), reference=0, mix_draw=draws)


def billed(predictions, factor=1.0):
    return Recorded(score=predictions.p_success, cost_usd=predictions.cost_usd * factor)


def spend(policy, predictions, circumstances):
    choices = policy.choose(predictions, circumstances)
    return predictions.cost_usd[np.arange(len(choices.first)), choices.first].mean()


def test_it_buys_where_a_dollar_gains_most():
    """Two hard prompts, two easy ones; there is money for two calls of the strong model."""
    p_success = np.array([[0.9, 0.0, 0.1], [0.9, 0.0, 0.8], [0.9, 0.0, 0.2], [0.9, 0.0, 0.85]])
    predictions, circumstances = case(p_success)
    policy = Budget(usd_per_request=0.525).learned(predictions, circumstances, billed(predictions))
    assert policy.choose(predictions, circumstances).first.tolist() == [0, 2, 0, 2]
    assert set(policy.choose(predictions, circumstances).reason) == {"best_buy"}


def test_equal_prompts_are_drawn_between_so_that_the_budget_is_met():
    """Without signal the plan is the mix of two fixed candidates that costs the budget."""
    predictions, circumstances = case(np.tile([0.9, 0.1, 0.5], (1000, 1)))
    policy = Budget(usd_per_request=0.24).learned(predictions, circumstances, billed(predictions))
    choices = policy.choose(predictions, circumstances)
    assert np.bincount(choices.first).tolist() == [200, 0, 800]
    np.testing.assert_allclose(choices.propensity, np.where(choices.first == 0, 0.2, 0.8))
    assert spend(policy, predictions, circumstances) == pytest.approx(0.24)


def test_a_budget_that_is_no_constraint_buys_the_best_and_one_below_all_the_cheapest():
    rng = np.random.default_rng(0)
    predictions, circumstances = case(rng.random((50, 3)))
    rich = Budget(usd_per_request=2.0).learned(predictions, circumstances, billed(predictions))
    assert (rich.choose(predictions, circumstances).first == predictions.p_success.argmax(axis=1)).all()
    poor = Budget(usd_per_request=0.01).learned(predictions, circumstances, billed(predictions))
    assert set(poor.choose(predictions, circumstances).first) == {2}


def test_bills_above_the_prediction_are_budgeted_for():
    rng = np.random.default_rng(1)
    predictions, circumstances = case(rng.random((2000, 3)))
    policy = Budget(usd_per_request=0.4).learned(predictions, circumstances, billed(predictions, factor=1.25))
    assert spend(policy, predictions, circumstances) * 1.25 == pytest.approx(0.4, rel=0.01)
    thrifty = Budget(usd_per_request=0.4).learned(predictions, circumstances, billed(predictions, factor=0.5))
    assert spend(thrifty, predictions, circumstances) == pytest.approx(0.4, rel=0.01)


def test_before_it_has_learned_no_request_costs_more_than_the_mean():
    predictions, circumstances = case(np.array([[0.9, 0.8, 0.1], [0.2, 0.3, 0.4]]))
    assert Budget(usd_per_request=0.5).choose(predictions, circumstances).first.tolist() == [1, 2]
    assert Budget(usd_per_request=0.01).choose(predictions, circumstances).first.tolist() == [2, 2]


def test_who_cannot_be_weighed_is_not_bought():
    predictions, circumstances = case(np.array([[np.nan, 0.4, 0.3]]))
    policy = Budget(usd_per_request=0.5, multiplier=0.1)
    assert policy.choose(predictions, circumstances).first.tolist() == [1]
    unknown = replace(predictions, cost_usd=np.full((1, 3), np.nan))
    assert policy.choose(unknown, circumstances).reason == ("no_evidence",)
    assert policy.learned(unknown, circumstances, billed(unknown)) is policy


def test_the_guard_serves_the_best_mix_within_the_budget_where_nothing_is_gained():
    rng = np.random.default_rng(2)
    predictions, _ = case(rng.uniform(0.3, 0.9, (1000, 3)))
    score = (rng.random((1000, 3)) < [0.8, 0.1, 0.5]) * 1.0
    recorded = Recorded(score=score, cost_usd=predictions.cost_usd)
    guard = judge(Budget(usd_per_request=0.335), predictions, recorded, "strong", seed=0)
    assert not guard.allowed
    assert (guard.fixed, guard.other) == ("weak", "strong")
    assert guard.share == pytest.approx(0.3)
    assert guard.policy.multiplier is not None


def test_the_guard_allows_it_with_signal_and_the_bill_is_within_the_budget():
    rng = np.random.default_rng(4)
    hard = rng.random(2000) < 0.5
    p_true = np.where(hard[:, None], [0.9, 0.4, 0.2], [0.95, 0.93, 0.92])
    predictions, circumstances = case(p_true)
    recorded = Recorded(score=(rng.random(p_true.shape) < p_true) * 1.0, cost_usd=predictions.cost_usd)
    guard = judge(Budget(usd_per_request=0.4), predictions, recorded, "strong", seed=0)
    assert guard.allowed
    assert guard.realised(predictions, circumstances, recorded).cost_usd.mean() <= 0.4 * 1.02


@pytest.mark.parametrize("usd", [0.0, -1.0, np.nan, np.inf])
def test_a_budget_is_an_amount(usd):
    with pytest.raises(ConfigError, match="`usd_per_request` is"):
        Budget(usd_per_request=usd)
