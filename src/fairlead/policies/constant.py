"""Always the same candidate: what most companies do today, and the mark that routing has to beat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np

from fairlead.policies.base import Promise
from fairlead.policies.columns import chosen, column_of
from fairlead.policies.single import SingleStep

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.policies.base import Choices, Circumstances
    from fairlead.types import Predictions


class Constant(SingleStep):
    """Serves one candidate, whatever is asked.

    Example:
        >>> Constant(candidate="openai/gpt-6.1-sol")
        Constant(candidate='openai/gpt-6.1-sol')
    """

    def __init__(self, *, candidate: str) -> None:
        self.candidate = candidate

    @property
    def promise(self) -> Promise:
        """Nothing: it does what it was told."""
        return Promise(as_told=True)

    def choose(self, predictions: Predictions, circumstances: Circumstances) -> Choices:
        """Returns the candidate; where it cannot serve, the reference, else the first eligible in order."""
        n = len(circumstances.eligible)
        wanted = np.full(n, column_of(self.candidate, predictions), dtype=np.int64)
        return chosen([wanted], "constant", circumstances)

    def renamed(self, names: Mapping[str, str]) -> Self:
        """Returns the same policy over candidates that carry other names: old name -> new name."""
        return type(self)(candidate=names.get(self.candidate, self.candidate))
