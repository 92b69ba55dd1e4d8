"""Runs decisions: one answer at once, or as a stream."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fairlead.errors import ConfigError, ProviderError, ProviderTimeoutError
from fairlead.execution.allowance import Allowance, SpendCap
from fairlead.execution.expected import Expected
from fairlead.execution.hosts import Hosts
from fairlead.execution.run import Run, Shared, unforeseen
from fairlead.execution.stream import Stream
from fairlead.execution.waiting import TimeLimit
from fairlead.providers.base import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from fairlead.execution.purse import Purse
    from fairlead.execution.run import Clock, Estimate, Progress, Sleep, Timer
    from fairlead.providers.base import Provider
    from fairlead.types import Candidate, Decision, Outcome, Request, Response

    Said = Response | ProviderError
    """What one call came to."""
    Ended = tuple[Progress, Said]


def utc_now() -> datetime:
    """Returns the present, in UTC."""
    return datetime.now(UTC)


class Executor:
    """Runs the plan of a decision: calls, retries, falls back, and keeps an attempt of each call.

    Args:
        providers: by the name that candidates give in `provider`.
        candidates: by name.
        limits: for every request.
        clock: tells when a request began.
        timer: seconds that only go forward.
        sleep: pauses between attempts.
        hosts: what is known of the hosts already; nothing where not given.
        estimate: of usage that no provider reported; without it that stays unknown.

    Raises:
        ConfigError: a candidate's provider is not among `providers`.
    """

    def __init__(
        self,
        providers: Mapping[str, Provider],
        candidates: Mapping[str, Candidate],
        limits: Limits | None = None,
        *,
        clock: Clock = utc_now,
        timer: Timer = time.monotonic,
        sleep: Sleep = asyncio.sleep,
        hosts: Hosts | None = None,
        estimate: Estimate | None = None,
    ) -> None:
        for candidate in candidates.values():
            if candidate.provider not in providers:
                known = ", ".join(f"`{name}`" for name in providers) or "none"
                message = f"candidate `{candidate.name}` names provider `{candidate.provider}`; expected one of {known}"
                raise ConfigError(message)
        self.providers = providers
        self.candidates = candidates
        self.limits = limits or Limits()
        self.hosts = hosts or Hosts(self.limits, timer)
        """How the hosts are doing."""
        self._shared = Shared(
            clock=clock,
            timer=timer,
            sleep=sleep,
            hosts=self.hosts,
            retries=Allowance(self.limits.retry_share, self.limits.burst),
            hedges=Allowance(self.limits.hedge_share, self.limits.burst),
            hedge_spend=SpendCap(self.limits.hedge_usd_per_hour, timer),
            estimate=estimate,
        )

    async def execute(
        self, decision: Decision, request: Request, *, seed: int = 0, purse: Purse | None = None
    ) -> Outcome:
        """Returns what came of the plan; failures are told in the outcome, not raised.

        A caller that cancels this call gets an outcome as well, `cancelled`, because it must be settled; the calls to
        providers are closed by then.
        """
        run = self._run(decision, request, seed, purse)
        responses: dict[int, Response] = {}
        try:
            while calls := await run.next_calls():
                for progress, response in await self._answers(run, calls, request):
                    _close(run, progress, response)
                    if not isinstance(response, ProviderError):
                        responses[len(run.attempts)] = response
        except asyncio.CancelledError:
            run.cancel()
            return run.outcome("cancelled")
        if run.delivered is None:
            return run.outcome("failed")
        return run.outcome("delivered", responses[run.delivered.number])

    def stream(self, decision: Decision, request: Request, *, seed: int = 0, purse: Purse | None = None) -> Stream:
        """Returns the streamed answer, not yet started; nothing is called before `start`."""
        return Stream(self._run(decision, request, seed, purse), self.providers, request)

    async def _answers(self, run: Run, calls: tuple[Progress, ...], request: Request) -> list[Ended]:
        """Returns what each call came to; a lone one that takes long gets another beside it, and one answer will do."""
        if len(calls) > 1 or run.compares(calls[0]):
            said = await asyncio.gather(*(self._said(run, progress, request) for progress in calls))
            return list(zip(calls, said, strict=True))
        race = _Race(run, lambda progress: self._said(run, progress, request))
        return await race.won(calls[0])

    async def _said(self, run: Run, progress: Progress, request: Request) -> Said:
        """Returns the whole answer of one call, or what broke it."""
        candidate = progress.candidate
        limit_s = min(self.limits.answer_s, run.left_s())
        try:
            with TimeLimit(limit_s):
                response = await self.providers[candidate.provider].complete(
                    candidate, run.told(progress, request), self.limits
                )
        except ProviderError as error:
            return error
        except TimeoutError:
            return ProviderTimeoutError(f"no answer within {limit_s:.3g} s", model=candidate.name, billed=True)
        except Exception as error:  # noqa: BLE001 - a bug in an adapter is a failed attempt, and settled as one
            return unforeseen(error, candidate)
        else:
            progress.generated(response)
            return response
        finally:
            run.stop(progress)

    def _run(self, decision: Decision, request: Request, seed: int, purse: Purse | None) -> Run:
        return Run(
            decision.plan,
            self.candidates,
            self.limits,
            request=request,
            seed=seed,
            shared=self._shared,
            expected=Expected(decision, request),
            purse=purse,
        )


class _Race:
    """One call and, where it takes long, a second one beside it: the first answer wins, the loser is cancelled.

    The first call is made by whoever awaits the race, so that one which ends in time costs a timer and no task.

    Args:
        run: whose calls they are.
        ask: makes one call; never raises but when it is cancelled.
    """

    def __init__(self, run: Run, ask: Callable[[Progress], Coroutine[None, None, Said]]) -> None:
        self._run = run
        self._ask = ask
        self._caller: asyncio.Task[object] | None = None  # while it awaits the first call, and may be interrupted
        self._beside: Progress | None = None
        self._second: asyncio.Task[Said | None] | None = None
        self._overtaken = False

    async def won(self, first: Progress) -> list[Ended]:
        """Returns failures, in the order of the plan, and the answer last where there is one."""
        self._in(self._run.limits.hedge_s, self._consider, first)
        try:
            ended = await self._first(first)
            if self._second is not None and not _answered(ended):
                await asyncio.wait({self._second})
        finally:
            self._timer.cancel()
            said = None if self._second is None else await self._called_off(self._second)
        if self._overtaken:
            self._run.abandon(first, late=True)
        if self._beside is not None:
            self._take_in(self._beside, said, ended)
        return ended

    def _take_in(self, second: Progress, said: Said | None, ended: list[Ended]) -> None:
        """Puts the second call where it belongs, which is called off where it has come to nothing yet."""
        if said is None:
            self._run.abandon(second, late=False)
        else:
            ended.append((second, said))
            ended.sort(key=lambda end: (not isinstance(end[1], ProviderError), end[0].stage))

    async def _first(self, first: Progress) -> list[Ended]:
        """Returns how the first call ended; nothing where the second one was faster."""
        caller = asyncio.current_task()
        assert caller is not None
        self._caller, n_cancels = caller, caller.cancelling()
        try:
            return [(first, await self._ask(first))]
        except asyncio.CancelledError:
            if not self._overtaken or caller.uncancel() > n_cancels:
                raise
            return []
        finally:
            self._caller = None

    def _in(self, after_s: float, what: Callable[[Progress], None], first: Progress) -> None:
        self._timer = asyncio.get_running_loop().call_later(after_s, what, first)

    def _consider(self, first: Progress) -> None:
        """Has a second call made, now or later: how long the first may take is asked only of those that take long."""
        left_s = self._run.hedge_after_s(first) - self._run.limits.hedge_s
        if left_s > 0:
            self._in(left_s, self._start, first)
        else:
            self._start(first)

    def _start(self, first: Progress) -> None:
        self._second = asyncio.ensure_future(self._hedge(first))
        self._second.add_done_callback(self._interrupt)

    async def _hedge(self, first: Progress) -> Said | None:
        self._beside = await self._run.hedge(first)
        return None if self._beside is None else await self._ask(self._beside)

    def _interrupt(self, second: asyncio.Task[Said | None]) -> None:
        answered = not second.cancelled() and not isinstance(second.result(), ProviderError | None)
        if answered and self._caller is not None:
            self._overtaken = True
            self._caller.cancel()

    @staticmethod
    async def _called_off(second: asyncio.Task[Said | None]) -> Said | None:
        """Returns what the second call had come to before it was called off; `None` where it had not."""
        second.cancel()
        await asyncio.wait({second})
        return None if second.cancelled() else second.result()


def _answered(ended: list[Ended]) -> bool:
    return any(not isinstance(said, ProviderError) for _, said in ended)


def _close(run: Run, progress: Progress, said: Said) -> None:
    if isinstance(said, ProviderError):
        run.fail(progress, said)
    else:
        run.succeed(progress, said.usage, said.model, text=said.text if run.compares(progress) else "")
