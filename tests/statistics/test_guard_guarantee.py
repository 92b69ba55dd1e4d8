"""The guard's promise by simulation: how often it errs, and what its errors cost."""

from dataclasses import replace

import numpy as np
import pytest

from fairlead.policies import Floor, Threshold, Utility, judging
from fairlead.policies.judging import judge
from fairlead.policies.realised import Recorded
from fairlead.types import Predictions

NAMES = ("strong", "middle", "weak")
COST_USD = np.array([1.0, 0.3, 0.05])
ON_THE_LINE = 0.6 + 0.2 * (0.3 - 0.05) / (1.0 - 0.05)  # what a mix of strong (0.8) and weak (0.6) gets at its cost


def draw(rng, n, *, p_true, p_success):
    predictions = Predictions(
        candidates=NAMES,
        p_success=p_success,
        p_success_sd=np.zeros((n, 3)),
        output_tokens=np.zeros((n, 3)),
        latency_p95_s=np.zeros((n, 3)),
        cost_usd=np.tile(COST_USD, (n, 1)),
    )
    score = (rng.random((n, 3)) < p_true) * 1.0
    return predictions, Recorded(score=score, cost_usd=np.tile(COST_USD, (n, 1)))


@pytest.fixture(autouse=True)
def _fewer_resamples(monkeypatch):
    monkeypatch.setattr(judging, "N_BOOT", 500)


@pytest.mark.slow
@pytest.mark.parametrize("n", [60, 300])
@pytest.mark.parametrize("p_middle", [0.1, ON_THE_LINE], ids=["two on the hull", "three on the hull"])
def test_without_signal_routing_is_allowed_in_at_most_five_percent(n, p_middle):
    rng = np.random.default_rng(11)
    policy = Threshold(strong="strong", weak="weak", cut=0.6)
    p_true = np.array([0.8, p_middle, 0.6])
    allowed = [
        judge(policy, *draw(rng, n, p_true=p_true, p_success=rng.uniform(0.3, 0.9, (n, 3))), "strong", seed=i).allowed
        for i in range(800)
    ]
    assert np.mean(allowed) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 800)


@pytest.mark.slow
@pytest.mark.parametrize("policy", [Utility(willingness_to_pay_usd=3.0), Floor(margin=0.05)], ids=repr)
def test_with_clear_signal_routing_is_nearly_always_allowed(policy):
    rng = np.random.default_rng(12)
    allowed = []
    for i in range(100):
        hard = rng.random(600) < 0.5
        p_true = np.where(hard[:, None], [0.9, 0.4, 0.2], [0.95, 0.94, 0.93])
        allowed.append(judge(policy, *draw(rng, 600, p_true=p_true, p_success=p_true), "strong", seed=i).allowed)
    assert np.mean(allowed) >= 0.95


@pytest.mark.slow
@pytest.mark.parametrize("middle", [0.75, 0.80])
def test_what_serves_instead_keeps_the_floor(middle):
    """Over many tables the fixed choice is below the floor in at most five percent, the best-looking mix included."""
    rng = np.random.default_rng(13)
    p_true, margin, n = np.array([0.8, middle, 0.74]), 0.03, 500
    broken = []
    for i in range(300):
        predictions, recorded = draw(rng, n, p_true=p_true, p_success=rng.uniform(0.3, 0.9, (n, 3)))
        verdict = judge(Floor(margin=margin), predictions, recorded, "strong", seed=i)
        mean = dict(zip(NAMES, p_true, strict=True))
        served = (1 - verdict.share) * mean[verdict.fixed] + verdict.share * mean.get(verdict.other, 0.0)
        broken.append(not verdict.allowed and served < p_true[0] - margin - 1e-12)
    assert np.mean(broken) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 300)


@pytest.mark.slow
def test_without_signal_and_without_costs_routing_is_allowed_in_at_most_five_percent():
    """Two equal candidates and a clearly worse one: a policy that draws among the two is as good as either."""
    rng = np.random.default_rng(14)
    p_true = np.array([0.7, 0.7, 0.2])
    allowed = []
    for i in range(800):
        predictions, recorded = draw(rng, 100, p_true=p_true, p_success=rng.uniform(0.3, 0.9, (100, 3)) * [1, 1, 0.1])
        no_cost = replace(recorded, cost_usd=np.full((100, 3), np.nan))
        allowed.append(judge(Utility(willingness_to_pay_usd=np.inf), predictions, no_cost, "strong", seed=i).allowed)
    assert np.mean(allowed) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 800)
