"""The control arm: who is in it, and that the logged chance is the true one."""

import numpy as np
import pytest
from msgspec.structs import replace

from fairlead.control_arm import NOT_DRAWN, choose_with_control_arm
from fairlead.policies import Constant, Floor, HullGuard
from fairlead.policies.base import Circumstances
from fairlead.types import Predictions

NAMES = ("ref", "b", "c")
MIX = HullGuard(policy=Floor(), allowed=False, fixed="ref", other="b", share=0.3)


def make_case(n, *, seed=0, reference=0):
    rng = np.random.default_rng(seed)
    predictions = Predictions.unknown(NAMES, n)
    circumstances = Circumstances(eligible=np.ones((n, 3), dtype=bool), reference=reference, mix_draw=rng.random(n))
    return predictions, circumstances, rng.random(n)


@pytest.mark.parametrize("policy", [Constant(candidate="ref"), Constant(candidate="b"), MIX], ids=repr)
def test_the_logged_chance_is_how_often_it_happens(policy):
    n, share = 20_000, 0.25
    predictions, circumstances, draw = make_case(n)
    choices, _ = choose_with_control_arm(policy, predictions, circumstances, draw=draw, share=share)
    for column in np.unique(choices.first):
        chances = np.unique(choices.propensity[choices.first == column].round(12))
        assert len(chances) == 1  # however a candidate came to be chosen, the chance is the same
        assert chances[0] == pytest.approx((choices.first == column).mean(), abs=0.012)
        np.testing.assert_allclose(choices.chances[:, column], chances[0])  # known also where another was chosen
    np.testing.assert_allclose(choices.chances.sum(axis=1), 1)


def test_the_arm_is_who_drew_below_the_share_and_gets_the_reference():
    predictions, circumstances, draw = make_case(1000)
    choices, control = choose_with_control_arm(
        Constant(candidate="b"), predictions, circumstances, draw=draw, share=0.1
    )
    np.testing.assert_array_equal(control, draw < 0.1)
    assert set(choices.first[control]) == {0}
    assert set(choices.first[~control]) == {1}
    assert {r for r, c in zip(choices.reason, control, strict=True) if c} == {"control_arm"}
    assert {r for r, c in zip(choices.reason, control, strict=True) if not c} == {"constant"}


def test_without_a_session_nothing_is_drawn():
    predictions, circumstances, _ = make_case(10)
    choices, control = choose_with_control_arm(
        Constant(candidate="b"), predictions, circumstances, draw=np.full(10, NOT_DRAWN), share=1.0
    )
    assert not control.any()
    np.testing.assert_array_equal(choices.propensity, 1.0)


def test_a_reference_that_cannot_serve_is_in_no_arm():
    predictions, circumstances, draw = make_case(10)
    eligible = circumstances.eligible.copy()
    eligible[:, 0] = False
    choices, control = choose_with_control_arm(
        MIX, predictions, replace(circumstances, eligible=eligible), draw=draw * 0, share=0.5
    )
    assert not control.any()
    assert set(choices.first) == {1}
    np.testing.assert_array_equal(choices.propensity, 1.0)
    _, control = choose_with_control_arm(
        MIX, predictions, replace(circumstances, reference=-1), draw=draw * 0, share=0.5
    )
    assert not control.any()


def test_a_share_of_one_is_the_reference_for_certain():
    predictions, circumstances, draw = make_case(10)
    choices, control = choose_with_control_arm(MIX, predictions, circumstances, draw=draw, share=1.0)
    assert control.all()
    np.testing.assert_array_equal(choices.propensity, 1.0)
