"""The control arm: a share of the sessions gets the reference at random, so that savings can be proved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from fairlead.policies.base import Choices, Circumstances, Policy
    from fairlead.types import BoolArray, FloatArray, Predictions

NOT_DRAWN = 1.0
"""The control draw of a request that belongs to no session: it never falls into the control arm."""

_JUST_BELOW_1 = float(np.nextafter(1.0, 0.0))


def choose_with_control_arm(
    policy: Policy, predictions: Predictions, circumstances: Circumstances, *, draw: Sequence[float], share: float
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
    if min(choices.propensity.tolist(), default=1.0) < 1:
        choices = replace(
            choices, chances=_chances(choices, circumstances, _at_both_ends(policy, predictions, circumstances))
        )
    if share <= 0 or circumstances.reference < 0 or min(draw, default=NOT_DRAWN) >= NOT_DRAWN:
        return choices, np.zeros(len(draw), dtype=np.bool_)
    return _with_arm(choices, circumstances, np.array(draw), share)


def _with_arm(
    choices: Choices, circumstances: Circumstances, draw: FloatArray, share: float
) -> tuple[Choices, BoolArray]:
    reference = circumstances.reference
    chances = _chances(choices, circumstances) if choices.chances is None else choices.chances
    drawn = (draw < NOT_DRAWN) & circumstances.eligible[:, reference]
    control = drawn & (draw < share)
    first = np.where(control, reference, choices.first)
    chance_of_reference = chances[:, reference].copy()
    chance_of_reference[list(choices.openings)] = 0.0
    by_policy = np.where(control, chance_of_reference, choices.propensity)
    alone = first == reference
    alone[[i for i in choices.openings if not control[i]]] = False  # a cascade is no call to its first candidate
    by_draw = np.where(alone, share, 0.0)
    propensity = np.where(drawn, by_draw + (1.0 - share) * by_policy, choices.propensity)
    reason = np.where(control, "control_arm", choices.reason)
    openings = {i: stages for i, stages in choices.openings.items() if not control[i]}
    chances = np.where(drawn, 1.0 - share, 1.0)[:, None] * chances
    chances[drawn, reference] += share
    return replace(
        choices,
        first=first,
        propensity=propensity,
        reason=tuple(reason.tolist()),
        openings=openings,
        chances=chances,
    ), control


def _at_both_ends(policy: Policy, predictions: Predictions, circumstances: Circumstances) -> Iterator[Choices]:
    """Yields what is chosen at the two ends of the draw: a policy mixes two candidates at most, by one cut."""
    for end in (0.0, _JUST_BELOW_1):
        mix_draw = np.full(len(circumstances.mix_draw), end)
        yield policy.choose(predictions, replace(circumstances, mix_draw=mix_draw))


def _chances(choices: Choices, circumstances: Circumstances, others: Iterable[Choices] = ()) -> FloatArray:
    """Returns (n, m) the chance of each candidate that was chosen, or would have been."""
    rows, chances = np.arange(len(choices.first)), np.zeros(circumstances.eligible.shape)
    for some in (choices, *others):
        chances[rows, some.first] = some.propensity
    return chances
