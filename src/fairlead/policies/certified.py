"""Serving by a certificate: the greediest policy that was certified, a safer one after an alarm, else the reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
from msgspec.structs import replace

from fairlead.policies.base import Promise
from fairlead.policies.columns import chosen, either, judged_only
from fairlead.policies.single import SingleStep

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fairlead.policies.base import Choices, Circumstances, Policy
    from fairlead.policies.realised import Realised, Recorded
    from fairlead.types import IntArray, Predictions

REFERENCE = -1
"""The rung below the safest policy."""


class Certified(SingleStep):
    """Serves by a ladder of policies of which each was shown to stay near the reference; see `certificate.py`.

    The last one serves. Each alarm of the monitor takes one rung back; below the first one, and from the expiry on, the
    reference serves. Without a policy, since none could be certified, it always does.

    Args:
        policies: certified, the safest first.
        expires_at_s: Unix time from which the certificate no longer holds; `None` for never.
        unjudged: candidates of which nothing was shown: they are not chosen.

    Example:
        >>> from fairlead.policies import Utility
        >>> Certified(policies=[Utility(willingness_to_pay_usd=0.5)]).who_serves()
        'routing serves by its certificate'
    """

    def __init__(
        self, *, policies: Sequence[Policy] = (), expires_at_s: float | None = None, unjudged: Sequence[str] = ()
    ) -> None:
        self.policies = tuple(policies)
        self.expires_at_s = expires_at_s
        self.unjudged = tuple(unjudged)

    @property
    def promise(self) -> Promise:
        """Nothing more to be shown: the outcomes were asked before it was made."""
        return Promise(as_told=True)

    @property
    def compares_answers(self) -> bool:
        """Whether any of its policies does."""
        return any(policy.compares_answers for policy in self.policies)

    def choose(self, predictions: Predictions, circumstances: Circumstances) -> Choices:
        """Returns what the policy of each request's rung chooses, or the reference."""
        rung = self._rung(circumstances)
        active = np.unique(rung).tolist()
        choices = self._chosen_on(active[0], predictions, circumstances)
        for other in active[1:]:
            choices = _merged(choices, self._chosen_on(other, predictions, circumstances), rung == other)
        return choices

    def realised(self, predictions: Predictions, circumstances: Circumstances, recorded: Recorded) -> Realised:
        """Returns what came of it, of requests that are all on one rung."""
        rung = int(self._rung(circumstances).min())
        if rung == REFERENCE:
            return recorded.of(self.choose(predictions, circumstances).first)
        narrowed = judged_only(self.unjudged, predictions, circumstances)
        return self.policies[rung].realised(predictions, narrowed, recorded)

    def renamed(self, names: Mapping[str, str]) -> Self:
        """Returns the same over candidates that carry other names: old name -> new name."""
        return type(self)(
            policies=[policy.renamed(names) for policy in self.policies],
            expires_at_s=self.expires_at_s,
            unjudged=[names.get(name, name) for name in self.unjudged],
        )

    def who_serves(self) -> str:
        """Returns in words who serves, as long as nothing is wrong."""
        return "routing serves by its certificate" if self.policies else "the reference serves: nothing is certified"

    def _rung(self, circumstances: Circumstances) -> IntArray:
        """Returns (n,) the place in `policies` of the one that serves each request, or `REFERENCE`."""
        n = len(circumstances.eligible)
        alarms = np.zeros(n, dtype=np.int64) if circumstances.alarms is None else circumstances.alarms
        rung = np.maximum(len(self.policies) - 1 - alarms, REFERENCE)
        if self.expires_at_s is None or circumstances.now_s is None:
            return rung
        return np.where(circumstances.now_s >= self.expires_at_s, REFERENCE, rung)

    def _chosen_on(self, rung: int, predictions: Predictions, circumstances: Circumstances) -> Choices:
        if rung == REFERENCE:
            reference = np.full(len(circumstances.eligible), circumstances.reference, dtype=np.int64)
            return chosen([reference], self._why_reference(circumstances), circumstances)
        narrowed = judged_only(self.unjudged, predictions, circumstances)
        choices = self.policies[rung].choose(predictions, narrowed)
        if rung == len(self.policies) - 1:
            return choices
        return replace(choices, reason=("certificate_tightened",) * len(choices.reason))

    def _why_reference(self, circumstances: Circumstances) -> Sequence[str] | str:
        if not self.policies:
            return "not_certified"
        if self.expires_at_s is None or circumstances.now_s is None:
            return "certificate_alarm"
        return either(circumstances.now_s >= self.expires_at_s, "certificate_expired", "certificate_alarm")


def _merged(choices: Choices, other: Choices, where: np.typing.NDArray[np.bool_]) -> Choices:
    """Returns `other` in the rows of `where`, and `choices` in the rest."""
    kept = {i: stages for i, stages in choices.openings.items() if not where[i]}
    taken = {i: stages for i, stages in other.openings.items() if where[i]}
    return replace(
        choices,
        first=np.where(where, other.first, choices.first),
        propensity=np.where(where, other.propensity, choices.propensity),
        reason=tuple(np.where(where, other.reason, choices.reason).tolist()),
        openings=kept | taken,
    )
