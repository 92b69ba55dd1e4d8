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
    choices, reference = _with_chances(policy, predictions, circumstances), circumstances.reference
    if share <= 0 or reference < 0 or draw.min(initial=NOT_DRAWN) >= NOT_DRAWN:
        return choices, np.zeros(len(draw), dtype=np.bool_)
    drawn = (draw < NOT_DRAWN) & circumstances.eligible[:, reference]
    control = drawn & (draw < share)
    first = np.where(control, reference, choices.first)
    assert choices.chances is not None
    chance_of_reference = choices.chances[:, reference].copy()
    chance_of_reference[list(choices.openings)] = 0.0
    by_policy = np.where(control, chance_of_reference, choices.propensity)
    alone = first == reference
    alone[[i for i in choices.openings if not control[i]]] = False  # a cascade is no call to its first candidate
    by_draw = np.where(alone, share, 0.0)
    propensity = np.where(drawn, by_draw + (1.0 - share) * by_policy, choices.propensity)
    reason = np.where(control, "control_arm", choices.reason)
    openings = {i: stages for i, stages in choices.openings.items() if not control[i]}
    chances = np.where(drawn, 1.0 - share, 1.0)[:, None] * choices.chances
    chances[drawn, reference] += share
    return replace(
        choices,
        first=first,
        propensity=propensity,
        reason=tuple(reason.tolist()),
        openings=openings,
        chances=chances,
    ), control


def _with_chances(policy: Policy, predictions: Predictions, circumstances: Circumstances) -> Choices:
    """Returns the policy's choices with the chance (n, m) of each candidate.

    A policy mixes two candidates at most, by one cut through [0, 1): the two ends of the draw show both.
    """
    choices = policy.choose(predictions, circumstances)
    rows, chances = np.arange(len(choices.first)), np.zeros(circumstances.eligible.shape)
    chances[rows, choices.first] = choices.propensity
    if choices.propensity.min(initial=1.0) < 1:
        for end in (0.0, _JUST_BELOW_1):
            at_end = policy.choose(predictions, replace(circumstances, mix_draw=np.full(len(rows), end)))
            chances[rows, at_end.first] = at_end.propensity
    return replace(choices, chances=chances)
