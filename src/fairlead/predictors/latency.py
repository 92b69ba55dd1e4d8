"""How long the caller will wait: from the call to the complete answer."""

from __future__ import annotations

from typing import ClassVar

from fairlead.predictors.log_scale import LogScale


class Latency(LogScale):
    """Predicts seconds.

    Args:
        predictor: what learns their logarithm.
    """

    unit: ClassVar[float] = 0.05
