"""How the hosts are doing, by what was lately seen of them: their breakers, their pace, the calls in flight."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fairlead.errors import (
    BadResponseError,
    CredentialsError,
    ProviderTimeoutError,
    RateLimitError,
    UnavailableError,
)
from fairlead.execution.breaker import Breaker
from fairlead.types import HostState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from fairlead.errors import ProviderError
    from fairlead.ledger.paces import Pace
    from fairlead.providers.base import Limits
    from fairlead.types import Attempt

MIN_SEEN = 20
"""Before so many values a quantile says nothing."""
WINDOW = 200
"""The latest values of a host that count."""
FRESH_S = 1.0
"""How long a summary of hosts that are all well is good for, so that a decision does not wait for it."""
OF_THE_HOST = (UnavailableError, ProviderTimeoutError, BadResponseError, RateLimitError, CredentialsError)
"""Failures that another request would meet, too; a request that is refused for itself says nothing of the host."""


class Recent:
    """Exact quantiles of the latest values.

    Example:
        >>> recent = Recent()
        >>> for i in range(300):
        ...     recent.add(i)
        >>> recent.quantile(0.5)
        200
    """

    def __init__(self) -> None:
        self._in_order: deque[float] = deque()
        self._sorted: list[float] = []

    def add(self, value: float) -> None:
        """Takes in a value; the oldest is forgotten."""
        if len(self._in_order) == WINDOW:
            del self._sorted[bisect_left(self._sorted, self._in_order.popleft())]
        self._in_order.append(value)
        insort(self._sorted, value)

    def __len__(self) -> int:
        """Returns how many values count."""
        return len(self._sorted)

    def quantile(self, q: float) -> float | None:
        """Returns the `q`-quantile, `None` where too few values were seen."""
        n = len(self._sorted)
        return self._sorted[min(int(q * n), n - 1)] if n >= MIN_SEEN else None


@dataclass(slots=True, kw_only=True)
class Host:
    """One candidate's host as it was lately seen."""

    breaker: Breaker
    n_in_flight: int = 0
    ttft_s: Recent = field(default_factory=Recent)
    """Of streams."""
    latency_s: Recent = field(default_factory=Recent)
    """Of whole answers, streamed or not."""
    tokens_per_s: Recent = field(default_factory=Recent)
    """Of streams, after the first token."""
    measured_at: datetime | None = None
    """When the newest call began that counts; `None` before the first."""

    def state(self, now_s: float) -> HostState:
        """Returns what a decision may know of it."""
        return HostState(
            breaker_open=self.breaker.holds_back(now_s),
            n_in_flight=self.n_in_flight,
            ttft_p95_s=self.ttft_s.quantile(0.95),
            latency_p95_s=self.latency_s.quantile(0.95),
            tokens_per_s=self.tokens_per_s.quantile(0.5),
        )

    def learn(self, attempt: Attempt) -> None:
        """Takes in the pace of an answer."""
        self.measured_at = attempt.started_at
        self.latency_s.add(attempt.latency_s)
        if attempt.ttft_s is not None:
            self._learn_stream(attempt.ttft_s, tokens_per_s(attempt))

    def overtaken(self, after_s: float, at: datetime, *, streamed: bool) -> None:
        """Takes in a call that was given up after so long, because another was faster."""
        self.measured_at = at
        (self.ttft_s if streamed else self.latency_s).add(after_s)

    def recall(self, pace: Pace) -> None:
        """Takes in a call from before this process began.

        How long the whole of a probe took says nothing of the answers that people ask for, which are longer.
        """
        self.measured_at = pace.at
        if pace.late:
            self.overtaken(pace.latency_s, pace.at, streamed=pace.streamed)
            return
        if not pace.probe:
            self.latency_s.add(pace.latency_s)
        if pace.ttft_s is not None:
            self._learn_stream(pace.ttft_s, written_per_s(pace.output_tokens, pace.latency_s - pace.ttft_s))

    def _learn_stream(self, ttft_s: float, tokens_per_s: float | None) -> None:
        self.ttft_s.add(ttft_s)
        if tokens_per_s is not None:
            self.tokens_per_s.add(tokens_per_s)


def tokens_per_s(attempt: Attempt) -> float | None:
    """Returns the pace of a streamed answer after its first token; `None` where it is not known."""
    if attempt.ttft_s is None or attempt.usage is None:
        return None
    return written_per_s(attempt.usage.output_tokens, attempt.latency_s - attempt.ttft_s)


def written_per_s(output_tokens: int | None, writing_s: float) -> float | None:
    """Returns tokens a second; `None` where nobody told how many there were, or all came at once."""
    return output_tokens / writing_s if output_tokens is not None and writing_s > 0 else None


class Hosts:
    """All hosts, by candidate, which is host, model and key.

    Args:
        limits: when breakers open, and for how long.
        timer: seconds that only go forward.
    """

    def __init__(self, limits: Limits, timer: Callable[[], float]) -> None:
        self._limits = limits
        self._timer = timer
        self._hosts: dict[str, Host] = {}
        self._states: Mapping[str, HostState] = {}
        self._fresh_until_s = timer()

    def __getitem__(self, candidate: str) -> Host:
        """Returns the host of a candidate."""
        if candidate not in self._hosts:
            self._hosts[candidate] = Host(breaker=Breaker(limits=self._limits))
        return self._hosts[candidate]

    def recall(self, paces: Iterable[Pace]) -> None:
        """Takes in calls from before this process began, the oldest first; newer ones push them out."""
        for pace in paces:
            self[pace.candidate].recall(pace)
        self._fresh_until_s = 0.0

    def known(self) -> Mapping[str, Host]:
        """Returns every host that was called, as it is now."""
        return self._hosts

    def states(self) -> Mapping[str, HostState]:
        """Returns what a decision may know, of all hosts that were called; as of a second ago while all are well."""
        now_s = self._timer()
        if now_s >= self._fresh_until_s:
            self._states = {name: host.state(now_s) for name, host in self._hosts.items()}
            well = all(host.breaker.state(now_s) == "closed" for host in self._hosts.values())
            self._fresh_until_s = now_s + FRESH_S if well else now_s
        return self._states

    def shown(self) -> Mapping[str, str]:
        """Returns the state of each breaker: `closed`, `open` or `half_open`."""
        now_s = self._timer()
        return {name: host.breaker.state(now_s) for name, host in self._hosts.items()}

    def renew(self, limits: Limits, forgotten: Iterable[str]) -> None:
        """Takes other limits from now on, and forgets candidates that are gone, or are another host's by now."""
        self._limits = limits
        for candidate in forgotten:
            self._hosts.pop(candidate, None)
        for host in self._hosts.values():
            host.breaker.limits = limits
        self._fresh_until_s = 0.0

    def begin(self, candidate: str) -> None:
        """Takes note of a call."""
        host = self[candidate]
        host.n_in_flight += 1
        host.breaker.begin()

    def hear(self, candidate: str) -> None:
        """Takes note that an answer begins."""
        self[candidate].breaker.hear(self._timer())

    def end(
        self, attempt: Attempt, error: ProviderError | None = None, *, late: bool = False, streamed: bool = False
    ) -> None:
        """Takes note of what came of it; `late`: it was given up because another was faster.

        One that was overtaken would have taken at least as long as it did: where that did not count, hosts would seem
        the faster the more often they are overtaken.
        """
        host = self[attempt.candidate]
        host.n_in_flight = max(0, host.n_in_flight - 1)  # it may have been forgotten since the call began
        host.breaker.end()
        if late or isinstance(error, OF_THE_HOST):
            host.breaker.fail(self._timer())
            if late:
                host.overtaken(attempt.latency_s, attempt.started_at, streamed=streamed)
            self._fresh_until_s = 0.0
        elif attempt.status == "ok":
            host.breaker.succeed()
            if attempt.kind != "continuation":  # a part of an answer says nothing of how long a whole one takes
                host.learn(attempt)
