"""The book-keeping of one request: its attempts, their bills, the time that is left."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from msgspec import structs

from fairlead.answers import asked_of, final_answer
from fairlead.errors import ProviderError
from fairlead.execution.advance import Call, Deliver, Move, advance, compares, hedge, ruled_out
from fairlead.execution.continuing import by_whom
from fairlead.execution.patience import first_token_s, hedge_after_s, hedge_stream_after_s
from fairlead.types import Attempt, Outcome, ToolCall, estimated_tokens

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from fairlead.execution.allowance import Allowance, SpendCap
    from fairlead.execution.expected import Expected
    from fairlead.execution.hosts import Hosts
    from fairlead.execution.purse import Purse
    from fairlead.money import Price
    from fairlead.providers.base import Limits
    from fairlead.types import (
        AttemptKind,
        AttemptStatus,
        Candidate,
        Chunk,
        OutcomeStatus,
        Request,
        Response,
        Stage,
        Usage,
    )

    Clock = Callable[[], datetime]
    Timer = Callable[[], float]
    Sleep = Callable[[float], Awaitable[object]]
    Estimate = Callable[[Request, str], Usage | None]
    """What was asked, and all that was generated -> what that used."""


def bill(price: Price | None, usage: Usage | None, error: ProviderError | None = None) -> Decimal | None:
    """Returns what one attempt cost, exact.

    Zero where the provider refused before any output; `None` where usage or price is not known, as it is of output that
    was cut.
    """
    if error is not None and not error.billed:
        return Decimal(0)
    if usage is None or price is None:
        return None
    return price.cost_usd(usage)


def unforeseen(error: Exception, candidate: Candidate) -> ProviderError:
    """Returns the failure of a call in which our own code broke; its words, which may quote a prompt, are left out."""
    message = f"reading or writing the call broke with `{type(error).__name__}`"
    return ProviderError(message, model=candidate.name, billed=True)


CUT = frozenset({"length", "content_filter"})
"""Finish reasons after which an answer is no final one."""


@dataclass(slots=True, kw_only=True)
class Progress:
    """A call under way."""

    candidate: Candidate
    stage: int
    started_s: float
    """On the run's timer."""
    kind: AttemptKind = "call"
    ttft_s: float | None = None
    model_served: str | None = None
    usage: Usage | None = None
    finished: bool = False
    """A finish reason came: only then is `usage` the whole of it."""
    cut: bool = False
    """It says that the answer was cut short."""
    took_s: float | None = None
    """Until it came to an end; `None` while it is open."""
    said: list[str] | None = None
    """All that was generated; `None` where usage that nobody reports is not estimated."""

    def note(self, chunk: Chunk, elapsed_s: float) -> None:
        """Takes in one chunk; the first with content sets the time to first token."""
        self.model_served = chunk.model or self.model_served
        if chunk.usage or chunk.text or chunk.tool_call or chunk.reasoning:  # what follows a usage outdates it
            self.usage = chunk.usage
        self.finished = self.finished or chunk.finish_reason is not None
        self.cut = self.cut or chunk.finish_reason in CUT
        if self.ttft_s is None and (chunk.text or chunk.tool_call or chunk.reasoning or chunk.finish_reason):
            self.ttft_s = elapsed_s
        if self.said is not None:
            self.said += (chunk.reasoning, chunk.text, *_called(chunk.tool_call))

    def generated(self, response: Response) -> None:
        """Takes in a whole answer."""
        self.usage, self.finished = response.usage, True  # should the caller leave before all are there
        self.cut = response.finish_reason in CUT
        if self.said is not None:
            calls = (word for part in response.parts if isinstance(part, ToolCall) for word in _called(part))
            self.said += (response.reasoning, response.text, *calls)


def _called(call: ToolCall | None) -> tuple[str, ...]:
    return () if call is None else (call.name, call.arguments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What the requests of one executor share: time, what is known of the hosts, who may cause one call more."""

    clock: Clock
    timer: Timer
    sleep: Sleep
    hosts: Hosts
    retries: Allowance
    hedges: Allowance
    hedge_spend: SpendCap
    estimate: Estimate | None = None
    """Of usage that nobody reported; `None` leaves it unknown."""

    def earn(self) -> None:
        """Takes note of a request."""
        self.retries.earn()
        self.hedges.earn()


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
        request: Request,
        shared: Shared,
        seed: int,
        expected: Expected,
        purse: Purse | None = None,
    ) -> None:
        self.plan = plan
        self._request = request
        self.limits = limits
        self.attempts: list[Attempt] = []
        self.causes: list[ProviderError] = []
        self._candidates = candidates
        self._seed = seed
        self._timer = shared.timer
        self._sleep = shared.sleep
        self._began_at = shared.clock()
        self._began_s = shared.timer()
        self._shared = shared
        self._expected = expected
        shared.earn()
        self._purse = purse
        self._unpaid: set[str] = set()
        self._open: list[Progress] = []
        self.delivered: Attempt | None = None
        """Whose answer is delivered, once that is known."""

    async def next_calls(self) -> tuple[Progress, ...]:
        """Pauses as the rule says and opens the next attempts; none where there is nothing more to call, or to pay."""
        while isinstance(move := self._move(), Call):
            if calls := await self._paid(move):
                return calls
        if isinstance(move, Deliver):
            self.delivered = move.attempt
        return ()

    def _move(self) -> Move:
        attempts, limits = self.attempts, self.limits
        if attempts and (attempts[-1].candidate in self._unpaid or not self._shared.retries.left):
            limits = replace(limits, retries=0)
        return advance(self.plan, attempts, limits, self._seed, barred=self._barred)

    async def _paid(self, move: Call) -> tuple[Progress, ...]:
        """Opens the calls of a move that can be paid for; those that cannot are not asked for again."""
        names = [name for name in move.candidates if await self._pays(name)]
        if not names:
            return ()
        if self.attempts and move.stage == self.attempts[-1].stage:
            self._shared.retries.take()
        if move.wait_s > 0:
            await self._sleep(move.wait_s)
        return tuple([self._begin(name, move.stage) for name in names])

    async def _pays(self, name: str) -> bool:
        if self._purse is None or await self._purse.pays(name):
            return True
        self._unpaid.add(name)
        return False

    async def hedge(self, slow: Progress) -> Progress | None:
        """Opens a second call beside one that takes long; none where nobody is left, or too many were made already."""
        move = hedge(self.plan, self.attempts, slow.stage, self.limits, self._barred)
        if move is None or not self._hedges(move.candidate) or not await self._pays(move.candidate):
            return None
        self._shared.hedges.take()
        return self._begin(move.candidate, move.stage, kind="hedge")

    def _hedges(self, name: str) -> bool:
        """Says whether one more may be asked beside another, of which so many and so dear ones are granted."""
        shared = self._shared
        return shared.hedges.left and shared.hedge_spend.take(self._expected.usd(self._candidates[name]))

    @property
    def may_go_on(self) -> bool:
        """Whether anybody of the plan could go on with an answer that broke off."""
        planned = (self._candidates[step.candidate] for stage in self.plan for step in stage.steps)
        return self.limits.continuations > 0 and any(candidate.goes_on for candidate in planned)

    async def go_on(self, begun: str) -> tuple[Progress, Request] | None:
        """Opens a call that goes on with an answer that broke off, and says what it asks; `None` where there is none.

        Args:
            begun: what the caller has of the answer.
        """
        request = structs.replace(self._request, begun=begun)
        barred = self._barred
        if self.left_s() <= 0:
            return None
        for stage, name in by_whom(self.plan, self.attempts, self._candidates, request, self.limits, barred):
            again = any(attempt.candidate == name for attempt in self.attempts)
            asked = self._with_room(name, request)
            if asked is None or (again and not self._shared.retries.left) or not await self._pays(name):
                continue
            if again:
                self._shared.retries.take()
            return self._begin(name, stage, kind="continuation"), asked
        return None

    def _with_room(self, name: str, request: Request) -> Request | None:
        """Returns the request with what is left of the limit on its output, `None` where nothing is."""
        limits = [request.max_output_tokens]
        if self._purse is not None:
            limits += [self._purse.output_limit(name)]
        rooms = [limit - estimated_tokens(len(request.begun)) for limit in limits if limit is not None]
        if self._purse is not None and (paid := self._purse.room_beside(name, request.begun)) is not None:
            rooms.append(paid)
        if not rooms:
            return request
        return request.with_output_limit(min(rooms)) if min(rooms) > 0 else None

    def told(self, progress: Progress, request: Request) -> Request:
        """Returns the request as the host of a call is sent it."""
        return request if self._purse is None else self._purse.told(progress.candidate.name, request)

    def hedge_after_s(self, progress: Progress) -> float:
        """Returns after how long a call that has not answered gets another beside it."""
        candidate = progress.candidate
        expected_s = self._expected.latency_p95_s(candidate)
        return hedge_after_s(self.limits, candidate, self._shared.hosts[candidate.name], expected_s)

    def hedge_stream_after_s(self, progress: Progress) -> float | None:
        """Returns after how long a stream that has not begun gets another beside it; `None` for never."""
        after_s = hedge_stream_after_s(self.limits, self._shared.hosts[progress.candidate.name])
        if after_s is None or not self._shared.hedges.left:
            return None
        return None if hedge(self.plan, (), progress.stage, self.limits, self._barred) is None else after_s

    def first_token_s(self, progress: Progress) -> float:
        """Returns how long the first content of a stream may take."""
        move = hedge(self.plan, (), progress.stage, self.limits, self._barred)
        host = self._shared.hosts[progress.candidate.name]
        return first_token_s(self.limits, progress.candidate, host, alone=move is None)

    def compares(self, progress: Progress) -> bool:
        """Says whether the answer of this call is weighed against others before any is delivered."""
        return compares(self.plan[progress.stage])

    def elapsed_s(self, progress: Progress) -> float:
        """Returns the seconds since an attempt began."""
        return self._timer() - progress.started_s

    def stop(self, progress: Progress) -> None:
        """Takes the time of an attempt that came to its end, and is closed when those beside it have as well."""
        progress.took_s = self.elapsed_s(progress)

    def left_s(self) -> float:
        """Returns the seconds until the request's deadline."""
        return self.limits.total_s - (self._timer() - self._began_s)

    def note(self, progress: Progress, chunks: Sequence[Chunk]) -> None:
        """Takes in what came of an open attempt."""
        waiting = progress.ttft_s is None
        elapsed_s = self.elapsed_s(progress)
        for chunk in chunks:
            progress.note(chunk, elapsed_s)
        if waiting and progress.ttft_s is not None:
            self._shared.hosts.hear(progress.candidate.name)

    def succeed(
        self, progress: Progress, usage: Usage | None, model_served: str | None = None, *, text: str = ""
    ) -> None:
        """Closes an attempt: its answer is complete."""
        answer = self._final(text) if self.compares(progress) and not progress.cut else None
        self._close(progress, "ok", usage=usage, model_served=model_served, answer=answer)

    def fail(self, progress: Progress, error: ProviderError) -> None:
        """Closes an attempt with what broke it; why it was not continued is no reason why an answer broke off."""
        if progress.kind != "continuation":
            self.causes.append(error)
        self._close(progress, "failed", error=error)

    def abandon(self, progress: Progress, *, late: bool, streamed: bool = False) -> None:
        """Closes an attempt that another one was faster than; `late`: it had a start of it."""
        self._close(progress, "cancelled", late=late, streamed=streamed)

    def cancel(self) -> None:
        """Closes the attempts that are open: the caller left."""
        for progress in tuple(self._open):
            self._close(progress, "cancelled", usage=progress.usage if progress.finished else None)

    def outcome(self, status: OutcomeStatus, response: Response | None = None) -> Outcome:
        """Returns what came of the request."""
        delivered = (self.delivered or self.attempts[-1]) if status == "delivered" else None
        return Outcome(
            status=status,
            attempts=tuple(self.attempts),
            response=response,
            served=None if delivered is None else delivered.candidate,
            causes=tuple(self.causes),
        )

    @property
    def _barred(self) -> frozenset[str]:
        unpaid = frozenset(self._unpaid)
        return unpaid | ruled_out(self.attempts, self._candidates) if self.attempts else unpaid

    def _final(self, text: str) -> str | None:
        """Returns the answer that can be compared with others; `None` where the request asks for none of that kind."""
        asked = asked_of(self._request)
        return None if asked is None else final_answer(text, asked)

    def _begin(self, name: str, stage: int, kind: AttemptKind = "call") -> Progress:
        said: list[str] | None = None if self._shared.estimate is None else []
        progress = Progress(
            candidate=self._candidates[name], stage=stage, started_s=self._timer(), kind=kind, said=said
        )
        self._open.append(progress)
        self._shared.hosts.begin(name)
        return progress

    def _estimated(self, progress: Progress, said: str, *, whole: bool) -> Usage | None:
        """Returns about what a call used of which nobody told; `None` where that cannot be known.

        Thoughts that a model keeps to itself cannot be counted. Of an answer that broke off only what came can, which
        is the least that it used: under a budget its reservation counts, so it stays unknown there.
        """
        estimate, request = self._shared.estimate, self._request
        if progress.kind == "continuation":
            return None  # its input is longer than the request
        if estimate is None or (not whole and (not said or self._purse is not None)):
            return None
        return None if progress.candidate.capabilities.reasoning else estimate(request, said)

    def _close(
        self,
        progress: Progress,
        status: AttemptStatus,
        *,
        usage: Usage | None = None,
        model_served: str | None = None,
        error: ProviderError | None = None,
        answer: str | None = None,
        late: bool = False,
        streamed: bool = False,
    ) -> None:
        candidate = progress.candidate
        if usage is None and progress.said is not None and (error is None or error.billed):
            usage = self._estimated(progress, "".join(progress.said), whole=status == "ok")
        started_at = self._began_at + timedelta(seconds=progress.started_s - self._began_s)
        price = candidate.price_at(started_at)
        self.attempts.append(
            Attempt(
                candidate=candidate.name,
                number=len(self.attempts) + 1,
                stage=progress.stage,
                status=status,
                started_at=started_at,
                latency_s=self.elapsed_s(progress) if progress.took_s is None else progress.took_s,
                ttft_s=progress.ttft_s,
                model_asked=candidate.model,
                model_served=model_served or progress.model_served,
                usage=usage,
                cost_usd=bill(price, usage, error),
                price_id=price.id if price else None,
                error=type(error).__name__ if error else None,
                status_code=error.status_code if error else None,
                retryable=error.retryable if error else False,
                retry_after_s=error.retry_after_s if error else None,
                kind=progress.kind,
                answer=answer,
                reserved_usd=None if self._purse is None else self._purse.reserved_usd(candidate.name),
                output_limit=None if self._purse is None else self._purse.output_limit(candidate.name),
            )
        )
        self._open.remove(progress)
        self._shared.hosts.end(self.attempts[-1], error, late=late, streamed=streamed)
