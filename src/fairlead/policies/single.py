"""What policies that call one candidate a request have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from fairlead.estimator import Estimator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.policies.base import Choices, Circumstances
    from fairlead.policies.realised import Realised, Recorded
    from fairlead.types import Predictions


class SingleStep(Estimator):
    """Base of the policies that call one candidate a request, promise no floor, learn nothing and name no candidate."""

    @property
    def promised_margin(self) -> float | None:
        """None: it promises nothing of the score."""
        return None

    def choose(self, predictions: Predictions, circumstances: Circumstances) -> Choices:
        """Returns one choice a request."""
        raise NotImplementedError

    def realised(self, predictions: Predictions, circumstances: Circumstances, recorded: Recorded) -> Realised:
        """Returns what the chosen candidates came to."""
        return recorded.of(self.choose(predictions, circumstances).first)

    def learned(self, predictions: Predictions, circumstances: Circumstances, recorded: Recorded) -> Self:  # noqa: ARG002
        """Returns itself: it learns nothing."""
        return self

    def renamed(self, names: Mapping[str, str]) -> Self:  # noqa: ARG002 - most name no candidate
        """Returns the same policy: it names no candidate."""
        return self.clone()
