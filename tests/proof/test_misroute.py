"""Misrouted requests: bounds from the control arm, an estimate from pairs, and the declared margin."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fairlead.ledger.base import Feedback
from fairlead.proof.cases import Case, experiments
from fairlead.proof.misroute import bound, misroute
from fairlead.proof.pairs import paired
from fairlead.proof.statement import declared_margin, statement
from fairlead.statistics.bootstrap import Interval


def _scored(entry, policy, control):
    """Returns requests of both arms with these scores, each a session of its own."""
    arm = {"arm": "control", "reason": "control_arm", "chosen": "sim/large", "propensity": 0.25}
    return [
        *(entry(i, score=score) for i, score in enumerate(policy)),
        *(entry(1000 + i, score=score, **arm) for i, score in enumerate(control)),
    ]


def test_the_bounds_are_those_of_two_marginals(entry):
    """Reference right in 9 of 10, served in 7 of 10: lost between 2 and 3 of 10, whatever they have in common."""
    found = statement(_scored(entry, [1, 1, 1, 1, 1, 1, 1, 0, 0, 0] * 400, [1] * 3600 + [0] * 400)).misroute
    assert found.rate.low == pytest.approx(0.2, abs=0.03)
    assert found.rate.high == pytest.approx(0.3, abs=0.03)


def test_a_reference_that_is_never_right_loses_nothing(entry):
    found = statement(_scored(entry, [0.0] * 400, [0.0] * 400)).misroute
    assert found.rate.low == 0.0
    assert found.rate.high < 0.02


def test_requests_left_to_the_reference_lose_nothing_and_stay_in_the_share(entry):
    scored = _scored(entry, [1.0, 0.0] * 100, [1.0] * 100)
    left = [entry(5000 + i, chosen="sim/large", propensity=1.0, score=0.0) for i in range(200)]
    alone, together = statement(scored).misroute, statement([*scored, *left]).misroute
    assert (together.n, together.n_elsewhere) == (400, 200)
    assert together.rate.high == pytest.approx(alone.rate.high / 2)


def test_a_policy_that_always_keeps_to_the_reference_misroutes_nothing(entry):
    same = [entry(i, chosen="sim/large", propensity=1.0, score=float(i % 2)) for i in range(40)]
    found = statement(same).misroute
    assert (found.rate.low, found.rate.high, found.n_elsewhere) == (0.0, 0.0, 0)


def test_too_few_scores_say_nothing(entry):
    assert statement(_scored(entry, [1.0] * 50, [1.0] * 3)).misroute is None
    assert statement([]).misroute is None


def test_pairs_tell_the_rate_itself(entry):
    """A quarter of the pairs: reference right, answer wrong; the other way round is no loss."""
    cases = [Case.of(e) for e in _scored(entry, [0.0, 1.0, 0.0, 1.0] * 50, [1.0] * 50)]
    reference = [1.0, 0.0, 0.0, 1.0] * 50
    paired = [replace(case, reference_score=r) for case, r in zip(cases, reference, strict=False)]
    found = misroute(experiments([*paired, *cases[200:]]))
    assert found.n_paired == 200
    assert found.paired_rate.value == pytest.approx(0.25)
    assert found.paired_rate.low < 0.25 < found.paired_rate.high


def test_what_was_paid_in_vain_counts_wrong_answers_elsewhere(entry):
    found = statement(_scored(entry, [0.0, 1.0] * 50, [1.0] * 50)).misroute
    assert found.paid_in_vain_usd == pytest.approx(50 * 0.001)
    assert found.again_usd.low <= found.again_usd.high


@pytest.mark.parametrize(
    ("low", "high", "margin", "expected"),
    [
        (-0.01, 0.02, 0.02, "kept"),
        (-0.03, 0.02, 0.02, "not_settled"),
        (-0.09, -0.03, 0.02, "broken"),
        (-0.09, -0.03, None, "none_declared"),
    ],
)
def test_what_becomes_of_a_margin(low, high, margin, expected):
    assert bound(Interval(value=(low + high) / 2, low=low, high=high), margin) == expected


def test_the_margin_is_the_largest_that_a_policy_declared(entry):
    policies = ["HullGuard(policy=Floor(reference='a', margin=0.02, caution=1.0))", "Thrifty(margin=0.01)", "Order()"]
    cases = [Case.of(entry(i, policy=policy)) for i, policy in enumerate(policies)]
    assert declared_margin(cases) == 0.02
    assert declared_margin(cases[2:]) is None


def test_a_scored_shadow_of_the_reference_makes_a_pair(entry):
    served = entry(0, score=0.0)
    copies = [
        entry(1, purpose="shadow", parent_id="dec-0", served="sim/large", score=1.0),
        entry(2, purpose="shadow", parent_id="dec-0", served="sim/small", score=0.5),
    ]
    told = Feedback(decision_id="dec-3", at=served.at, score=1.0, source="human", reference_score=0.25)
    cases = paired([served, *copies, entry(3, score=1.0, feedback=(told,)), entry(4, score=1.0)])
    assert [case.reference_score for case in cases] == [1.0, None, None, 0.25, None]
