"""The book-keeping of one request: its attempts, their bills, the time that is left."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from fairlead.errors import ProviderError
from fairlead.execution.advance import Call, advance
from fairlead.types import Attempt, Outcome

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from fairlead.providers.base import Limits
    from fairlead.types import AttemptStatus, Candidate, Chunk, OutcomeStatus, Response, Stage, Usage

    Clock = Callable[[], datetime]
    Timer = Callable[[], float]
    Sleep = Callable[[float], Awaitable[object]]


def bill(candidate: Candidate, usage: Usage | None, error: ProviderError | None = None) -> Decimal | None:
    """Returns what one attempt cost, exact.

    Zero where the provider refused before any output; `None` where output may have been cut, or usage or price is
    not known.
    """
    if error is not None:
        return None if error.billed else Decimal(0)
    if usage is None or candidate.price is None:
        return None
    return candidate.price.cost_usd(usage)


def unforeseen(error: Exception, candidate: Candidate) -> ProviderError:
    """Returns the failure of a call in which our own code broke; its words, which may quote a prompt, are left out."""
    message = f"reading or writing the call broke with `{type(error).__name__}`"
    return ProviderError(message, model=candidate.name, billed=True)


@dataclass(slots=True, kw_only=True)
class Progress:
    """A call under way."""

    candidate: Candidate
    stage: int
    started_s: float
    """On the run's timer."""
    ttft_s: float | None = None
    model_served: str | None = None
    usage: Usage | None = None
    finished: bool = False
    """A finish reason came: only then is `usage` the whole of it."""

    def note(self, chunk: Chunk, elapsed_s: float) -> None:
        """Takes in one chunk; the first with content sets the time to first token."""
        self.model_served = chunk.model or self.model_served
        if chunk.usage or chunk.text or chunk.tool_call or chunk.reasoning:  # what follows a usage outdates it
            self.usage = chunk.usage
        self.finished = self.finished or chunk.finish_reason is not None
        if self.ttft_s is None and (chunk.text or chunk.tool_call or chunk.reasoning or chunk.finish_reason):
            self.ttft_s = elapsed_s


class Run:
    """One request on its way through its plan.

    The wall clock is read once; everything after is measured by the timer, which never jumps.
    """

    def __init__(
        self,
        plan: Sequence[Stage],
        candidates: Mapping[str, Candidate],
        limits: Limits,
        *,
        seed: int,
        clock: Clock,
        timer: Timer,
        sleep: Sleep,
    ) -> None:
        self.plan = plan
        self.limits = limits
        self.attempts: list[Attempt] = []
        self.causes: list[ProviderError] = []
        self._candidates = candidates
        self._seed = seed
        self._timer = timer
        self._sleep = sleep
        self._began_at = clock()
        self._began_s = timer()
        self._open: Progress | None = None

    async def next_call(self) -> Progress | None:
        """Pauses as the rule says and opens the next attempt; `None` where there is nothing more to call."""
        move = advance(self.plan, self.attempts, self.limits, self._seed)
        if not isinstance(move, Call):
            return None
        if move.wait_s > 0:
            await self._sleep(move.wait_s)
        self._open = Progress(candidate=self._candidates[move.candidate], stage=move.stage, started_s=self._timer())
        return self._open

    @property
    def delivered(self) -> bool:
        """The last attempt gave the answer."""
        return bool(self.attempts) and self.attempts[-1].status == "ok"

    def elapsed_s(self) -> float:
        """Returns the seconds since the open attempt began."""
        return 0.0 if self._open is None else self._timer() - self._open.started_s

    def left_s(self) -> float:
        """Returns the seconds until the request's deadline."""
        return self.limits.total_s - (self._timer() - self._began_s)

    def note(self, chunk: Chunk) -> None:
        """Takes in one chunk of the open attempt."""
        if self._open is not None:
            self._open.note(chunk, self.elapsed_s())

    def succeed(self, usage: Usage | None, model_served: str | None) -> None:
        """Closes the open attempt: its answer is complete."""
        self._close("ok", usage=usage, model_served=model_served)

    def fail(self, error: ProviderError) -> None:
        """Closes the open attempt with what broke it."""
        self.causes.append(error)
        self._close("failed", error=error)

    def cancel(self) -> None:
        """Closes the attempt that is open, if one is: the caller left."""
        whole = self._open is not None and self._open.finished
        self._close("cancelled", usage=self._open.usage if self._open and whole else None)

    def outcome(self, status: OutcomeStatus, response: Response | None = None) -> Outcome:
        """Returns what came of the request."""
        served = self.attempts[-1].candidate if status == "delivered" else None
        return Outcome(
            status=status, attempts=tuple(self.attempts), response=response, served=served, causes=tuple(self.causes)
        )

    def _close(
        self,
        status: AttemptStatus,
        *,
        usage: Usage | None = None,
        model_served: str | None = None,
        error: ProviderError | None = None,
    ) -> None:
        if self._open is None:
            return
        progress, candidate = self._open, self._open.candidate
        self.attempts.append(
            Attempt(
                candidate=candidate.name,
                number=len(self.attempts) + 1,
                stage=progress.stage,
                status=status,
                started_at=self._began_at + timedelta(seconds=progress.started_s - self._began_s),
                latency_s=self.elapsed_s(),
                ttft_s=progress.ttft_s,
                model_asked=candidate.model,
                model_served=model_served or progress.model_served,
                usage=usage,
                cost_usd=bill(candidate, usage, error),
                price_id=candidate.price.id if candidate.price else None,
                error=type(error).__name__ if error else None,
                status_code=error.status_code if error else None,
                retryable=error.retryable if error else False,
                retry_after_s=error.retry_after_s if error else None,
            )
        )
        self._open = None
