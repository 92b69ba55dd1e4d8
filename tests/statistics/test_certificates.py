"""A certificate breaks its promise no more often than it says, on worlds whose truth is known, the awkward ones too."""

import math

import numpy as np
import pytest

from fairlead.proof.certifying import Terms, keeps_margin
from fairlead.statistics.claims import fallback, fixed_sequence
from tests.statistics.certificate_worlds import WORLDS, certified_in

N_DRAWS = 2000


def upper_tail(successes, n, chance):
    """Returns P(a binomial count is at least `successes`)."""
    k = np.arange(successes, n + 1)
    logs = [math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) for i in k]
    return float(np.exp(np.array(logs) + k * math.log(chance) + (n - k) * math.log1p(-chance)).sum())


@pytest.mark.slow
@pytest.mark.parametrize("name", WORLDS)
def test_more_than_the_margin_is_lost_no_more_often_than_the_confidence_allows(name):
    world = WORLDS[name]
    broken = sum(world.breaks(certified_in(world, seed)) for seed in range(N_DRAWS))
    assert upper_tail(broken, N_DRAWS, 1 - world.terms.confidence) > 0.01, f"{broken} of {N_DRAWS}"


@pytest.mark.parametrize("name", WORLDS)
def test_in_a_few_draws_no_promise_is_broken_more_often_than_chance_allows(name):
    world = WORLDS[name]
    broken = sum(world.breaks(certified_in(world, seed)) for seed in range(10_000, 10_100))
    assert upper_tail(broken, 100, 1 - world.terms.confidence) > 0.001


def test_a_bound_of_the_central_limit_would_break_it_where_losses_are_rare():
    """That the test can fail: one loss in fifty is not seen in thirty questions, and a normal bound then sees none."""
    world = WORLDS["rare losses"]
    rng = np.random.default_rng(0)
    broken = 0
    for _ in range(500):
        loss = world.draw(rng)
        mean, se = loss.mean(axis=1), loss.std(axis=1) / math.sqrt(loss.shape[1])
        kept = np.logical_and.accumulate(mean + 1.645 * se <= world.terms.margin).sum()
        broken += world.breaks(int(kept))
    assert broken / 500 > 3 * (1 - world.terms.confidence)


@pytest.mark.slow
def test_a_fallback_breaks_it_no_more_often_either():
    world = WORLDS["every policy at the edge"]
    broken = 0
    for seed in range(N_DRAWS):
        loss = world.draw(np.random.default_rng(seed))
        p = np.array([keeps_margin(each, world.terms) for each in loss])
        broken += bool(fallback(p, 1 - world.terms.confidence, np.full(len(p), 1 / len(p))).any())
    assert upper_tail(broken, N_DRAWS, 1 - world.terms.confidence) > 0.01


def test_where_the_first_is_not_shown_none_is():
    terms = Terms(margin=0.02)
    losses = [np.ones(50), np.full(50, -1.0)]
    assert fixed_sequence(np.array([keeps_margin(loss, terms) for loss in losses]), 0.05) == 0
