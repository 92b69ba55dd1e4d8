"""How long the answer will be: the mean must be right, since it is billed, and the tail, since a budget reserves it."""

from __future__ import annotations

from fairlead.predictors.log_scale import LogScale


class Tokens(LogScale):
    """Predicts output tokens.

    Args:
        predictor: what learns their logarithm.
    """
