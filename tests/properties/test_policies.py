"""What must hold of policies whatever was predicted."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fairlead.policies import Budget, Floor, Latency, LatencyLimit, Thrifty, Utility
from fairlead.policies.base import Circumstances
from fairlead.policies.realised import Recorded
from fairlead.types import Predictions

SHAPE = (6, 3)
sixteenths = st.integers(min_value=0, max_value=16).map(lambda n: n / 16)
scores = arrays(np.float64, SHAPE, elements=sixteenths)
amounts = arrays(np.float64, SHAPE, elements=st.integers(min_value=1, max_value=64).map(lambda n: n / 16))
unlabelled = arrays(np.bool_, SHAPE)
budgets = st.integers(min_value=1, max_value=70).map(lambda n: n / 16)
margins = st.tuples(sixteenths, sixteenths).map(sorted)


def predicted(p_success, cost_usd):
    return Predictions(
        candidates=("a", "b", "c"),
        p_success=p_success,
        p_success_sd=np.full(SHAPE, 0.05),
        output_tokens=np.zeros(SHAPE),
        cost_usd=cost_usd,
        latency_p95_s=cost_usd,
    )


def all_eligible(draw=0.0):
    return Circumstances(eligible=np.ones(SHAPE, dtype=bool), reference=0, mix_draw=np.full(SHAPE[0], draw))


def in_expectation(policy, predictions, grid):
    """Returns the mean of the grid over the policy's choices and its own draws."""
    total = 0.0
    for draw, chance in ((0.0, policy.share), (policy.share, 1 - policy.share)):
        first = policy.choose(predictions, all_eligible(draw)).first
        total += chance * grid[np.arange(len(first)), first].mean()
    return total


@given(scores, amounts, budgets)
def test_a_budget_is_never_exceeded_on_the_predictions_it_was_learned_from(p_success, cost_usd, usd):
    predictions = predicted(p_success, cost_usd)
    recorded = Recorded(score=p_success, cost_usd=np.full(SHAPE, np.nan))
    policy = Budget(usd_per_request=usd).learned(predictions, all_eligible(), recorded)
    assert in_expectation(policy, predictions, cost_usd) <= max(usd, cost_usd.min(axis=1).mean()) + 1e-9


@given(scores, amounts, budgets)
def test_a_budget_reaches_what_the_linear_program_can(p_success, cost_usd, usd):
    """By duality: no plan within the budget is worth more than the price of the budget plus the best buys at it."""
    predictions = predicted(p_success, cost_usd)
    recorded = Recorded(score=p_success, cost_usd=cost_usd)
    policy = Budget(usd_per_request=usd).learned(predictions, all_eligible(), recorded)
    if np.isinf(policy.multiplier):
        assert usd <= cost_usd.min(axis=1).mean() + 1e-9
        return
    bound = policy.multiplier * usd + (p_success - policy.multiplier * cost_usd).max(axis=1).mean()
    assert in_expectation(policy, predictions, p_success) >= bound - 1e-6


@given(scores, amounts, margins)
def test_a_wider_margin_spends_no_more_on_any_request(p_success, cost_usd, pair):
    predictions = predicted(p_success, cost_usd)
    for kind in (Floor, Latency):
        narrow, wide = (kind(margin=margin).choose(predictions, all_eligible()).first for margin in pair)
        row = np.arange(SHAPE[0])
        assert (cost_usd[row, wide] <= cost_usd[row, narrow]).all()


@given(scores, amounts, unlabelled)
def test_nobody_without_a_label_is_ever_chosen_for_quality(p_success, cost_usd, hidden):
    predictions = predicted(np.where(hidden, np.nan, p_success), cost_usd)
    policies = [
        Floor(margin=0.1),
        Latency(margin=0.1),
        Utility(willingness_to_pay_usd=1.0),
        Utility(willingness_to_pay_usd=np.inf, caution=1.0),
        Budget(usd_per_request=1.0),
        Budget(usd_per_request=1.0, multiplier=0.5, other=0.2, share=0.5),
        Thrifty(willingness_to_pay_usd=1.0),
        LatencyLimit(policy=Floor(margin=0.1), latency_p95_s=2.0),
    ]
    for policy in policies:
        choices = policy.choose(predictions, all_eligible(0.3))
        for i, (column, reason) in enumerate(zip(choices.first, choices.reason, strict=True)):
            trusted = column == 0 and reason in {"no_evidence", "reference_within_floor", "reference_ineligible"}
            assert trusted or not hidden[i, column]
