"""What is expected of a call before it is made: how long it takes, what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from fairlead.types import Usage, estimated_tokens

if TYPE_CHECKING:
    from fairlead.types import Candidate, Decision, Prediction, Request

ASSUMED_OUTPUT_TOKENS = 1000
"""Of an answer of which nothing is predicted."""


class Expected(msgspec.Struct, frozen=True):
    """What a decision predicts of the calls of a request; looked up only where it is asked for."""

    decision: Decision
    request: Request

    def latency_p95_s(self, candidate: Candidate) -> float | None:
        """Returns the time within which 19 answers in 20 are predicted to be complete."""
        predicted = self._of(candidate)
        return None if predicted is None else predicted.latency_p95_s

    def usd(self, candidate: Candidate) -> float:
        """Returns the cost: as predicted, else by the request's length; nothing where there is no price."""
        predicted = self._of(candidate)
        if predicted is not None and predicted.cost_usd is not None:
            return predicted.cost_usd
        if candidate.price is None:
            return 0.0
        n_output = min(self.request.max_output_tokens or ASSUMED_OUTPUT_TOKENS, ASSUMED_OUTPUT_TOKENS)
        usage = Usage(input_tokens=estimated_tokens(self.request.n_chars), output_tokens=n_output)
        return float(candidate.price.cost_usd(usage) or 0)

    def _of(self, candidate: Candidate) -> Prediction | None:
        return next((p for p in self.decision.predictions if p.candidate == candidate.name), None)
