"""The control arm: a share of the sessions gets the reference at random, so that savings can be proved."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fairlead.policies.base import Choices, Circumstances, Policy
    from fairlead.types import BoolArray, FloatArray, Predictions

NOT_DRAWN = 1.0
"""The control draw of a request that belongs to no session: it never falls into the control arm."""

_JUST_BELOW_1 = float(np.nextafter(1.0, 0.0))


def choose_with_control_arm(
    policy: Policy, predictions: Predictions, circumstances: Circumstances, *, draw: FloatArray, share: float
) -> tuple[Choices, BoolArray]:
    """Returns what is served once the control arm has had its share, and who is in it (n,).

    A request whose reference cannot serve belongs to neither arm and follows the policy.

    Args:
        policy: chooses for the others.
        predictions: for the policy.
        circumstances: for the policy.
        draw: (n,) control draw of each request's session, uniform in [0, 1), or `NOT_DRAWN`.
        share: of the sessions, in [0, 1].
    """
    choices = policy.choose(predictions, circumstances)
    if share <= 0:
        return choices, np.zeros(len(draw), dtype=np.bool_)
    reference = circumstances.reference
    drawn = (draw < NOT_DRAWN) & circumstances.eligible[:, reference] & (reference >= 0)
    if not drawn.any():
        return choices, np.zeros(len(draw), dtype=np.bool_)
    control = drawn & (draw < share)
    first = np.where(control, reference, choices.first)
    by_policy = np.where(control, _chance_of_reference(policy, predictions, circumstances), choices.propensity)
    alone = first == reference
    alone[[i for i in choices.openings if not control[i]]] = False  # a cascade is no call to its first candidate
    by_draw = np.where(alone, share, 0.0)
    propensity = np.where(drawn, by_draw + (1.0 - share) * by_policy, choices.propensity)
    reason = np.where(control, "control_arm", choices.reason)
    openings = {i: stages for i, stages in choices.openings.items() if not control[i]}
    return replace(
        choices, first=first, propensity=propensity, reason=tuple(reason.tolist()), openings=openings
    ), control


def _chance_of_reference(policy: Policy, predictions: Predictions, circumstances: Circumstances) -> FloatArray:
    """Returns (n,) the chance with which the policy itself would have chosen the reference.

    A policy mixes two candidates at most, by one cut through [0, 1): the two ends of the draw show both.
    """
    chance = np.zeros(len(circumstances.eligible))
    for end in (0.0, _JUST_BELOW_1):
        choices = policy.choose(predictions, replace(circumstances, mix_draw=np.full(len(chance), end)))
        alone = choices.first == circumstances.reference
        alone[list(choices.openings)] = False
        chance = np.where(alone, choices.propensity, chance)
    return chance
