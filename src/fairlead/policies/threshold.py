"""Two models and one knob: the cheaper one where its predicted success reaches the cut."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np

from fairlead.errors import ConfigError
from fairlead.policies.columns import chosen, column_of, known_at
from fairlead.policies.single import SingleStep

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.policies.base import Choices, Circumstances
    from fairlead.types import Predictions


class Threshold(SingleStep):
    """Serves `weak` where its predicted success is at least `cut`, else `strong`.

    The knob of RouteLLM, turned on a calibrated chance of success rather than on the chance of winning a comparison:
    0 sends everything to `weak`, 1 nearly everything to `strong`.

    Args:
        strong: name of the candidate that is trusted.
        weak: name of the cheaper one.
        cut: smallest predicted success with which `weak` serves, in [0, 1].

    Raises:
        ConfigError: `cut` is outside [0, 1].

    References:
        Ong et al., RouteLLM, 2024, arXiv:2406.18665.

    Example:
        >>> Threshold(strong="gpt-6.1-sol", weak="gpt-6-luna", cut=0.8)
        Threshold(strong='gpt-6.1-sol', weak='gpt-6-luna', cut=0.8)
    """

    def __init__(self, *, strong: str, weak: str, cut: float) -> None:
        if not 0 <= cut <= 1:
            message = f"`cut` is {cut}; expected a number in [0, 1]. Run `fairlead evaluate` to choose one."
            raise ConfigError(message)
        self.strong = strong
        self.weak = weak
        self.cut = cut

    def choose(self, predictions: Predictions, circumstances: Circumstances) -> Choices:
        """Returns one of the two; where only the other can serve, that one; the reference where nothing is known."""
        weak, strong = column_of(self.weak, predictions), column_of(self.strong, predictions)
        p_success = known_at(weak, predictions.p_success)
        take_weak = p_success >= self.cut
        reason = np.where(take_weak, "above_threshold", "below_threshold")
        unknown = np.isnan(p_success)
        preferred = [
            np.where(unknown, circumstances.reference, np.where(take_weak, weak, strong)),
            np.where(take_weak, strong, weak),
        ]
        return chosen(preferred, np.where(unknown, "no_evidence", reason), circumstances)

    def renamed(self, names: Mapping[str, str]) -> Self:
        """Returns the same policy over candidates that carry other names: old name -> new name."""
        strong, weak = names.get(self.strong, self.strong), names.get(self.weak, self.weak)
        return type(self)(strong=strong, weak=weak, cut=self.cut)
