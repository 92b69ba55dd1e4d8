"""A share of the requests that may cause one call more: retries and hedges, which multiply load just when it hurts."""

from __future__ import annotations


class Allowance:
    """Grants one call more for each `1 / share` requests, and saves up to `burst` of them.

    Source: the retry budget of Finagle and the retry throttling of gRPC (proposal A6).

    Example:
        >>> allowance = Allowance(share=0.5, burst=1)
        >>> allowance.take(), allowance.take()
        (True, False)
        >>> allowance.earn(); allowance.earn()
        >>> allowance.take()
        True
    """

    def __init__(self, share: float, burst: float) -> None:
        self._share = share
        self._burst = burst
        self._saved = burst

    @property
    def left(self) -> bool:
        """Whether one would be granted."""
        return self._saved >= 1

    def earn(self) -> None:
        """Takes note of a request."""
        self._saved = min(self._burst, self._saved + self._share)

    def take(self) -> bool:
        """Grants one, or does not."""
        if not self.left:
            return False
        self._saved -= 1
        return True
