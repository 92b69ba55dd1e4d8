"""A plain fallback chain: the candidates in the order in which they were configured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fairlead.policies.base import Choices, Promise
from fairlead.policies.single import SingleStep

if TYPE_CHECKING:
    from fairlead.policies.base import Circumstances
    from fairlead.types import Predictions


class Order(SingleStep):
    """Serves the first candidate in order that can serve; where it fails the next one is called.

    Example:
        >>> Order()
        Order()
    """

    @property
    def promise(self) -> Promise:
        """Nothing: it does what it was told."""
        return Promise(as_told=True)

    def choose(self, predictions: Predictions, circumstances: Circumstances) -> Choices:  # noqa: ARG002 - none is read
        """Returns the first eligible candidate."""
        n = len(circumstances.eligible)
        first = circumstances.eligible.argmax(axis=1)
        return Choices(first=first, propensity=np.ones(n), reason=("in_order",) * n, in_order=True)
