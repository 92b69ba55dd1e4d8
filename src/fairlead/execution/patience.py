"""How long a candidate is waited for: as long as it is known to take, no longer where somebody else can answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fairlead.execution.hosts import Host
    from fairlead.providers.base import Limits
    from fairlead.types import Candidate

SLACK = 3.0
"""A first token is late after so many times the time within which 99 of 100 came."""


def first_token_s(limits: Limits, candidate: Candidate, host: Host, *, alone: bool) -> float:
    """Returns how long the first content of a stream may take, seconds.

    Args:
        limits: the shortest time for a model that does not think first, and for one that may.
        candidate: who is called. A model that is not known to think or not, and was never measured, may think.
        host: what was measured there.
        alone: nobody else is left to ask, so that cutting it short gains nothing.
    """
    slow_s = host.ttft_s.quantile(0.99)
    thinks = candidate.capabilities.reasoning
    patient = alone or thinks or (thinks is None and slow_s is None)
    return max(limits.patient_ttft_s if patient else 0.0, limits.ttft_s, SLACK * (slow_s or 0.0))


def hedge_stream_after_s(limits: Limits, host: Host) -> float | None:
    """Returns after how long without content somebody else is asked as well, seconds; `None` where that is not known.

    That is when 19 in 20 streams would have begun. A host of which nothing was measured may just think: it is not
    overtaken, but given up when its time is over.
    """
    usual_s = host.ttft_s.quantile(0.95)
    return None if usual_s is None else max(limits.hedge_ttft_s, usual_s)


def hedge_after_s(limits: Limits, candidate: Candidate, host: Host, expected_p95_s: float | None) -> float:
    """Returns after how long without a whole answer somebody else is asked as well, seconds.

    That is when 19 in 20 answers would have come, as measured or, before that, as predicted; a host of which neither is
    known is given as long as a first token.
    """
    usual_s = host.latency_s.quantile(0.95) or expected_p95_s
    if usual_s is None:
        return (
            limits.hedge_s if candidate.capabilities.reasoning is False else max(limits.hedge_s, limits.patient_ttft_s)
        )
    return max(limits.hedge_s, usual_s)
