"""The records that observers take, and the one place that tells them."""

from __future__ import annotations

import logging
import time
from datetime import datetime  # noqa: TC003 - msgspec reads the annotations
from typing import TYPE_CHECKING, Literal, Protocol

import msgspec

from fairlead.events import Event
from fairlead.types import Decision, Outcome  # noqa: TC001 - msgspec reads the annotations

if TYPE_CHECKING:
    from collections.abc import Iterable

LOG = logging.getLogger("fairlead.observers")

Phase = Literal["receive", "decode", "decide", "ledger", "upstream"]
PHASES: tuple[Phase, ...] = ("receive", "decode", "decide", "ledger", "upstream")


class Laps:
    """A stopwatch: how long each phase of a request has taken, seconds.

    Example:
        >>> laps = Laps()
        >>> laps.lap("decode")
        >>> laps.total_s() >= laps.spent_s["decode"] > 0
        True
    """

    __slots__ = ("_last_s", "began_s", "spent_s")

    def __init__(self) -> None:
        self.began_s = self._last_s = time.perf_counter()
        self.spent_s: dict[Phase, float] = {}

    def lap(self, phase: Phase) -> None:
        """Adds the time since the last lap to a phase."""
        now_s = time.perf_counter()
        self.spent_s[phase] = self.spent_s.get(phase, 0.0) + now_s - self._last_s
        self._last_s = now_s

    def total_s(self) -> float:
        """Returns the seconds since the request came in."""
        return time.perf_counter() - self.began_s


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """A request that was decided, and what came of it: told once, when it is settled.

    It holds no prompt and no answer: `outcome.response` is left out.
    """

    request_id: str
    decision_id: str
    at: datetime
    """When it came in."""
    route: str
    """A configured one, or `direct`."""
    dialect: str
    stream: bool
    decision: Decision
    outcome: Outcome
    reference_cost_usd: float | None
    served_as: str | None
    """The name that the host gave its model, where that is none of the one that was asked for."""
    settled: bool
    """The ledger has it."""
    spent_s: dict[Phase, float]
    """By phase, seconds."""
    total_s: float
    overhead_s: float
    """Of `total_s`, what the gateway added."""
    trace_parent: str | None = None
    """The caller's own trace (W3C `traceparent`)."""

    @property
    def model(self) -> str:
        """The candidate that served, else the one that was to be called first."""
        return self.outcome.served or self.decision.model


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A request that was answered by an error before, or in place of, its settlement."""

    path: str
    """One that the gateway answers, else `other`."""
    status_code: int
    code: str
    request_id: str | None = None
    """What the caller was told that it is called."""


class Observer(Protocol):
    """Is told of everything that happens; quick, since the event loop waits for it."""

    def observe(self, record: Served | Refused, /) -> None:
        """Takes note."""
        ...


class Observers:
    """Tells all observers; one that breaks is logged and disturbs nobody.

    Args:
        observers: who is told.
    """

    def __init__(self, observers: Iterable[Observer] = ()) -> None:
        self._observers = tuple(observers)

    def notify(self, record: Served | Refused) -> None:
        """Tells them of one record."""
        for observer in self._observers:
            try:
                observer.observe(record)
            except Exception as error:  # noqa: BLE001 - whatever broke there, the request is served
                LOG.error(Event("observer_broke", observer=type(observer).__name__, error=type(error).__name__))  # noqa: TRY400 - the words of an error may quote a secret
