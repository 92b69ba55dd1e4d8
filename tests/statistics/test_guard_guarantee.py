"""The guard's promise by simulation: how often it errs, and what its errors cost."""

from dataclasses import replace

import numpy as np
import pytest

from fairlead.policies import Budget, Floor, Threshold, Thrifty, Utility, judging
from fairlead.policies.base import Circumstances
from fairlead.policies.judging import judge
from fairlead.policies.realised import Recorded
from fairlead.statistics.hulls import gain_over_hull
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


SLOPES = np.array([0.1, 0.5, 0.9])


def noisy(rng, n, *, signal):
    """Prompts of varying difficulty, seen through noise; the cheaper a model, the more it suffers."""
    difficulty = rng.random((n, 1))
    p_true = np.clip(0.95 - difficulty * SLOPES, 0.0, 1.0)
    seen = signal * difficulty + (1 - signal) * rng.random((n, 1))
    return p_true, np.clip(0.95 - seen * SLOPES + rng.normal(0, 0.05, (n, 3)), 0.0, 1.0)


LEARNING = [Thrifty(margin=0.03), Thrifty(margin=0.03, confidence=0.8), Budget(usd_per_request=0.4)]


@pytest.mark.slow
@pytest.mark.parametrize("policy", LEARNING, ids=repr)
def test_what_learns_without_signal_is_allowed_in_at_most_five_percent(policy):
    rng = np.random.default_rng(15)
    allowed = []
    for i in range(120):
        p_true, p_success = noisy(rng, 300, signal=0.0)
        allowed.append(judge(policy, *draw(rng, 300, p_true=p_true, p_success=p_success), "strong", seed=i).allowed)
    assert np.mean(allowed) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 120)


@pytest.mark.slow
@pytest.mark.parametrize("policy", LEARNING, ids=repr)
def test_what_learned_and_is_allowed_truly_gains_and_keeps_its_promise(policy):
    """The truth is known on fresh prompts: how often is what was allowed no gain, or over its line?"""
    rng = np.random.default_rng(16)
    no_gain, broken, allowed = [], [], []
    for i in range(80):
        p_true, p_success = noisy(rng, 400, signal=0.7)
        guard = judge(policy, *draw(rng, 400, p_true=p_true, p_success=p_success), "strong", seed=i)
        fresh_true, fresh_seen = noisy(rng, 4000, signal=0.7)
        predictions, recorded = draw(rng, 4000, p_true=fresh_true, p_success=fresh_seen)
        everyone = Circumstances(eligible=np.ones((4000, 3), dtype=bool), reference=0, mix_draw=rng.random(4000))
        truth = guard.policy.realised(predictions, everyone, replace(recorded, score=fresh_true))
        score, spent = truth.score.mean(), truth.cost_usd.mean()
        allowed.append(guard.allowed)
        no_gain.append(guard.allowed and gain_over_hull(score, spent, COST_USD, fresh_true.mean(axis=0)) <= 0)
        if isinstance(policy, Thrifty):
            broken.append(guard.allowed and score < fresh_true[:, 0].mean() - policy.margin)
            level = 1 - policy.confidence
        else:
            broken.append(guard.allowed and spent > policy.usd_per_request * 1.1)
            level = 0.05
    assert np.mean(allowed) > 0.2
    assert np.mean(no_gain) <= 0.05
    assert np.mean(broken) <= level + 2 * np.sqrt(level * (1 - level) / 80)


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.02, 0.06, 0.15])
def test_rare_departures_without_signal_are_allowed_in_at_most_five_percent(share):
    """Two equal models of one price: the policy leaves one of them on a few requests, and gains nothing by it."""
    rng = np.random.default_rng(17)
    allowed = []
    for i in range(400):
        away = rng.random(200) < share
        p_success = np.where(away[:, None], [0.5, 0.9, 0.1], [0.9, 0.5, 0.1])
        predictions, recorded = draw(rng, 200, p_true=np.array([0.7, 0.7, 0.1]), p_success=p_success)
        no_cost = replace(recorded, cost_usd=np.full((200, 3), np.nan))
        allowed.append(judge(Utility(willingness_to_pay_usd=np.inf), predictions, no_cost, "strong", seed=i).allowed)
    assert np.mean(allowed) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 400)
