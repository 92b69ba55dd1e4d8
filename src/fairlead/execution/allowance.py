"""A share of the requests that may cause one call more: retries and hedges, which multiply load just when it hurts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Allowance:
    """Grants one call more for each `1 / share` requests, and saves up to `burst` of them; a share of 0 grants none.

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
        self._burst = burst if share > 0 else 0.0
        self._saved = self._burst

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


class SpendCap:
    """Grants calls as long as what they are expected to cost stays below so much an hour.

    Args:
        usd_per_hour: what may be spent; as much as that may be saved up.
        timer: seconds that only go forward.

    Example:
        >>> now_s = [0.0]
        >>> cap = SpendCap(usd_per_hour=1.0, timer=lambda: now_s[0])
        >>> cap.take(0.8), cap.take(0.8), cap.take(0.1)
        (True, False, True)
        >>> now_s[0] = 3600.0
        >>> cap.take(0.8)
        True
    """

    def __init__(self, usd_per_hour: float, timer: Callable[[], float]) -> None:
        self._usd_per_s = usd_per_hour / 3600
        self._most_usd = self._saved_usd = usd_per_hour
        self._timer = timer
        self._at_s = timer()

    def take(self, usd: float) -> bool:
        """Grants a call of that cost, or does not."""
        now_s = self._timer()
        self._saved_usd = min(self._most_usd, self._saved_usd + (now_s - self._at_s) * self._usd_per_s)
        self._at_s = now_s
        if usd > self._saved_usd:
            return False
        self._saved_usd -= usd
        return True
