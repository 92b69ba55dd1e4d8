"""What policies that call one candidate a request have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from fairlead.estimator import Estimator
from fairlead.policies.base import Promise

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.policies.base import Choices, Circumstances
    from fairlead.policies.realised import Realised, Recorded
    from fairlead.types import Predictions


class SingleStep(Estimator):
    """Base of the policies that call one candidate a request, learn nothing and name no candidate."""

    @property
    def promise(self) -> Promise:
        """What it is held to: to gain over fixed choices of the same cost."""
        return Promise()

    @property
    def compares_answers(self) -> bool:
        """Whether it needs to know what form an answer takes: it does not."""
        return False

    def choose(self, predictions: Predictions, circumstances: Circumstances) -> Choices:
        """Returns one choice a request."""
        raise NotImplementedError

    def narrowed(self, predictions: Predictions, circumstances: Circumstances) -> Circumstances:  # noqa: ARG002
        """Returns the circumstances as they are: it has no limits of its own."""
        return circumstances

    def realised(self, predictions: Predictions, circumstances: Circumstances, recorded: Recorded) -> Realised:
        """Returns what the chosen candidates came to."""
        return recorded.of(self.choose(predictions, circumstances).first)

    def learned(self, predictions: Predictions, circumstances: Circumstances, recorded: Recorded) -> Self:  # noqa: ARG002
        """Returns itself: it learns nothing."""
        return self

    def renamed(self, names: Mapping[str, str]) -> Self:  # noqa: ARG002 - most name no candidate
        """Returns the same policy: it names no candidate."""
        return self.clone()
