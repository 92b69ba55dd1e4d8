"""Which requests are copied: a fair share of all of them, whatever they cost."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from fairlead.learning.shadowing import Shadowing, draw
from fairlead.ledger.budget import Limit

DAY = datetime(2026, 11, 2, tzinfo=UTC)
LIMIT = Limit(kind="usd", owner="shadow:auto", most=Decimal(1), per="day")


def test_draws_are_uniform_and_tell_nothing_of_one_another():
    seeds = np.random.default_rng(0).integers(0, 2**62, 20_000).tolist()
    shadow, judge = (np.array([draw(seed, purpose) for seed in seeds]) for purpose in ("shadow", "judge"))
    for values in (shadow, judge):
        distance = np.abs(np.sort(values) - (np.arange(len(values)) + 0.5) / len(values)).max()
        assert distance < 1.63 / np.sqrt(len(values))  # Kolmogorov-Smirnov, 1 %
    assert abs(np.corrcoef(shadow, judge)[0, 1]) < 3 / np.sqrt(len(seeds))


def test_a_day_that_is_closed_is_over_at_midnight():
    shadowing = Shadowing(share=1.0, limit=LIMIT)
    shadowing.close(DAY)
    assert not shadowing.is_open(DAY + timedelta(hours=23, minutes=59))
    assert shadowing.is_open(DAY + timedelta(days=1))


def copied_costs(rng, *, goes_on, n=400, share=0.5, cap=1.0):
    """A day's costs of copies (heavy-tailed, about 0.01 USD each), and which were made under the cap."""
    costs = rng.lognormal(np.log(0.006), 1.0, n)
    shadowing = Shadowing(share=share, limit=LIMIT)
    spent, made = 0.0, []
    for cost, drawn in zip(costs, rng.random(n) < share, strict=True):
        if not drawn or not (goes_on or shadowing.is_open(DAY)):
            continue
        if spent + cost > cap:  # the bound of a call is in proportion to what it costs
            shadowing.close(DAY)
            continue
        spent += cost
        made.append(cost)
    return made


@pytest.mark.slow
def test_copies_are_a_fair_sample_of_what_was_asked_even_where_the_days_sum_runs_out():
    """Over 2,000 days: the mean cost of copies is that of all requests; going on after a refusal is not fair."""
    truth = 0.006 * np.exp(0.5)
    rng = np.random.default_rng(0)
    fair, greedy = (
        np.array([np.mean(copied_costs(rng, goes_on=goes_on)) for _ in range(2_000)]) for goes_on in (False, True)
    )
    standard_error = fair.std() / truth / np.sqrt(2_000)
    assert abs(fair.mean() / truth - 1) < 3 * standard_error < 0.01
    assert greedy.mean() / truth - 1 < -0.015
