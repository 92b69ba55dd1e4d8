"""The circuit breaker of one candidate, so of one (host, model, key): calls are held back while its host fails."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from fairlead.providers.base import Limits

State = Literal["closed", "open", "half_open"]


@dataclass(slots=True, kw_only=True)
class Breaker:
    """Opens after failures in a row, for a while; then lets one request through to see: no health call is paid for.

    Each probe that fails doubles the wait, up to a limit. Times are seconds on any clock that only goes forward.

    Example:
        >>> from fairlead.providers.base import Limits
        >>> breaker = Breaker(limits=Limits(breaker_failures=1, breaker_open_s=5))
        >>> breaker.fail(0.0)
        >>> breaker.holds_back(4.0), breaker.holds_back(5.0)
        (True, False)
    """

    limits: Limits
    n_failures: int = 0
    """In a row."""
    _opened_until_s: float | None = None
    _wait_s: float = 0.0
    _n_probing: int = 0

    def state(self, now_s: float) -> State:
        """Returns the state, as it is shown."""
        if self._opened_until_s is None:
            return "closed"
        return "open" if now_s < self._opened_until_s else "half_open"

    def holds_back(self, now_s: float) -> bool:
        """Says whether the candidate should not be chosen: its host is failing, or somebody is trying it already."""
        match self.state(now_s):
            case "closed":
                return False
            case "open":
                return True
            case "half_open":
                return self._n_probing > 0

    def begin(self) -> None:
        """Takes note of a call that begins."""
        self._n_probing += 1

    def end(self) -> None:
        """Takes note that a call ended, however it did."""
        self._n_probing = max(0, self._n_probing - 1)

    def hear(self, now_s: float) -> None:
        """Takes note that an answer begins: a try need not come to its end to have shown that the host is well."""
        if self.state(now_s) == "half_open":
            self.succeed()

    def succeed(self) -> None:
        """Closes: the host answers."""
        self.n_failures, self._opened_until_s, self._wait_s = 0, None, 0.0

    def fail(self, now_s: float) -> None:
        """Takes note of a failure of the host; one more in a row than is borne, or a probe's, opens."""
        self.n_failures += 1
        limits = self.limits
        if limits.breaker_failures == 0 or self.state(now_s) == "open":
            return
        if self._opened_until_s is not None or self.n_failures >= limits.breaker_failures:
            self._wait_s = min(2 * self._wait_s or limits.breaker_open_s, limits.breaker_max_s)
            self._opened_until_s = now_s + self._wait_s
            self._n_probing = 0  # calls from before, which may last for minutes, are no tries
