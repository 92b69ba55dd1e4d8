"""Two models and one knob: the cheaper one where its predicted success reaches the cut."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np

from fairlead.errors import ConfigError
from fairlead.policies.columns import cautious, chosen, column_of, known_at
from fairlead.policies.floor import check_caution
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
        caution: standard deviations of its prediction that `weak` must clear the cut by, at least 0; 0 is the paper's.

    Raises:
        ConfigError: `cut` is outside [0, 1], or `caution` below 0.

    References:
        Ong et al., RouteLLM, 2024, arXiv:2406.18665.

    Example:
        >>> Threshold(strong="gpt-6.1-sol", weak="gpt-6-luna", cut=0.8)
        Threshold(strong='gpt-6.1-sol', weak='gpt-6-luna', cut=0.8, caution=0.0)
    """

    def __init__(self, *, strong: str, weak: str, cut: float, caution: float = 0.0) -> None:
        if not 0 <= cut <= 1:
            message = f"`cut` is {cut}; expected a number in [0, 1]. Run `fairlead evaluate` to choose one."
            raise ConfigError(message)
        self.strong = strong
        self.weak = weak
        check_caution(caution)
        self.cut = cut
        self.caution = caution

    def choose(self, predictions: Predictions, circumstances: Circumstances) -> Choices:
        """Returns one of the two; where only the other can serve, that one; the reference where nothing is known."""
        weak, strong = column_of(self.weak, predictions), column_of(self.strong, predictions)
        p_success = known_at(weak, cautious(predictions, self.caution))
        take_weak = p_success >= self.cut
        reason = np.where(take_weak, "above_threshold", "below_threshold")
        unknown = np.isnan(p_success)
        preferred = [
            np.where(unknown, circumstances.reference, np.where(take_weak, weak, strong)),
            np.where(take_weak, strong, weak),
        ]
        return chosen(preferred, np.where(unknown, "no_evidence", reason).tolist(), circumstances)

    def renamed(self, names: Mapping[str, str]) -> Self:
        """Returns the same policy over candidates that carry other names: old name -> new name."""
        parts = {name: names.get(value, value) for name, value in (("strong", self.strong), ("weak", self.weak))}
        return type(self)(**self.params() | parts)
