"""The hull guard: routing serves only where it is shown to beat what needs no routing.

`judging.py` asks the outcomes whether it may; here is what serves then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
from msgspec.structs import replace

from fairlead.policies.columns import can_serve, chosen, column_of, judged_only
from fairlead.policies.single import SingleStep

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fairlead.policies.base import Choices, Circumstances, Policy, Promise
    from fairlead.policies.realised import Realised, Recorded
    from fairlead.types import Predictions


class HullGuard(SingleStep):
    """Serves a policy where it was shown to beat every fixed choice, else the fixed choice.

    Made by `judge`. The mix is drawn with the session's own draw, so a session stays with one candidate.

    Args:
        policy: what was judged.
        allowed: whether it serves.
        fixed: name of the candidate that serves otherwise.
        other: name of the second one of a mix; `None` where `fixed` serves alone.
        share: chance of `other`, in [0, 1).
        gain: mean score of the policy minus the hull of fixed choices at its cost, or minus the best fixed
            candidate where no cost is known; `None` where nothing was measured.
        lower: one-sided lower limit of `gain`.
        n: prompts on which all judged candidates were measured.
        confidence: of `lower`.
        unjudged: candidates not measured together with the others: what was shown does not cover them, so the policy
            does not choose them.
    """

    def __init__(  # noqa: PLR0913 - what was shown is kept whole, so that a saved router tells it
        self,
        *,
        policy: Policy,
        allowed: bool,
        fixed: str,
        other: str | None = None,
        share: float = 0.0,
        gain: float | None = None,
        lower: float | None = None,
        n: int = 0,
        confidence: float = 0.95,
        unjudged: Sequence[str] = (),
    ) -> None:
        self.policy = policy
        self.allowed = allowed
        self.fixed = fixed
        self.other = other
        self.share = share
        self.gain = gain
        self.lower = lower
        self.n = n
        self.confidence = confidence
        self.unjudged = tuple(unjudged)

    def choose(self, predictions: Predictions, circumstances: Circumstances) -> Choices:
        """Returns what the policy chooses, or the fixed choice."""
        if self.allowed:
            return self.policy.choose(predictions, self.narrowed(predictions, circumstances))
        return self._choose_fixed(predictions, self.narrowed(predictions, circumstances))

    @property
    def promise(self) -> Promise:
        """What the policy was held to."""
        return self.policy.promise

    @property
    def compares_answers(self) -> bool:
        """Whether the policy does, and serves."""
        return self.allowed and self.policy.compares_answers

    def narrowed(self, predictions: Predictions, circumstances: Circumstances) -> Circumstances:
        """Returns the circumstances under the policy's limits; where it serves, with judged candidates alone."""
        if self.unjudged and self.allowed and not self.promise.as_told:
            circumstances = judged_only(self.unjudged, predictions, circumstances)
        return self.policy.narrowed(predictions, circumstances)

    def realised(self, predictions: Predictions, circumstances: Circumstances, recorded: Recorded) -> Realised:
        """Returns what the policy's decisions came to, or the fixed choice."""
        if self.allowed:
            return self.policy.realised(predictions, self.narrowed(predictions, circumstances), recorded)
        return recorded.of(self.choose(predictions, circumstances).first)

    def who_serves(self) -> str:
        """Returns in words who serves: routing, or what stands in its place."""
        if self.promise.as_told:
            return as_told(self.policy)
        if self.allowed:
            return "routing serves"
        if self.other is None:
            return f"`{self.fixed}` serves every request"
        return f"`{self.fixed}` serves {1 - self.share:.0%} of the sessions and `{self.other}` {self.share:.0%}"

    def _choose_fixed(self, predictions: Predictions, circumstances: Circumstances) -> Choices:
        n = len(circumstances.eligible)
        fixed = np.full(n, column_of(self.fixed, predictions), dtype=np.int64)
        if self.other is None:
            return chosen([fixed], "guard_fixed", circumstances)
        other = np.full(n, column_of(self.other, predictions), dtype=np.int64)
        draw_other = circumstances.mix_draw < self.share
        preferred = [np.where(draw_other, other, fixed), np.where(draw_other, fixed, other)]
        choices = chosen(preferred, "guard_mix", circumstances)
        both = can_serve(fixed, circumstances.eligible) & can_serve(other, circumstances.eligible)
        chance = np.where(draw_other, self.share, 1 - self.share)
        return replace(choices, propensity=np.where(both, chance, 1.0))

    def renamed(self, names: Mapping[str, str]) -> Self:
        """Returns the same guard over candidates that carry other names: old name -> new name."""
        return type(self)(
            **self.params()
            | {
                "policy": self.policy.renamed(names),
                "fixed": names.get(self.fixed, self.fixed),
                "other": None if self.other is None else names.get(self.other, self.other),
                "unjudged": tuple(names.get(name, name) for name in self.unjudged),
            }
        )


def as_told(policy: Policy) -> str:
    """Returns in words who serves under a policy that follows no prediction."""
    return f"`{policy!r}` serves as it was told"
