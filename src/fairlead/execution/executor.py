"""Runs decisions: one answer at once, or as a stream."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fairlead.answers import asked_of
from fairlead.errors import ConfigError, ProviderError, ProviderTimeoutError
from fairlead.execution.advance import compares
from fairlead.execution.run import CUT, Run, unforeseen
from fairlead.execution.stream import Stream
from fairlead.providers.base import Limits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.execution.run import Clock, Progress, Sleep, Timer
    from fairlead.providers.base import Provider
    from fairlead.types import Candidate, Decision, Outcome, Request, Response


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
    ) -> None:
        for candidate in candidates.values():
            if candidate.provider not in providers:
                known = ", ".join(f"`{name}`" for name in providers) or "none"
                message = f"candidate `{candidate.name}` names provider `{candidate.provider}`; expected one of {known}"
                raise ConfigError(message)
        self.providers = providers
        self.candidates = candidates
        self.limits = limits or Limits()
        self._clock = clock
        self._timer = timer
        self._sleep = sleep

    async def execute(self, decision: Decision, request: Request, *, seed: int = 0) -> Outcome:
        """Returns what came of the plan; failures are told in the outcome, not raised.

        A caller that cancels this call gets an outcome as well, `cancelled`, because it must be settled; the calls to
        providers are closed by then.
        """
        run = self._run(decision, request, seed)
        responses: dict[int, Response] = {}
        try:
            while calls := await run.next_calls():
                said = await asyncio.gather(*(self._said(run, progress, request) for progress in calls))
                for progress, response in zip(calls, said, strict=True):
                    _close(run, progress, response)
                    if not isinstance(response, ProviderError):
                        responses[len(run.attempts)] = response
        except asyncio.CancelledError:
            run.cancel()
            return run.outcome("cancelled")
        if run.delivered is None:
            return run.outcome("failed")
        return run.outcome("delivered", responses[run.delivered.number])

    def stream(self, decision: Decision, request: Request, *, seed: int = 0) -> Stream:
        """Returns the streamed answer, not yet started; nothing is called before `start`."""
        return Stream(self._run(decision, request, seed), self.providers, request)

    async def _said(self, run: Run, progress: Progress, request: Request) -> Response | ProviderError:
        """Returns the whole answer of one call, or what broke it."""
        candidate = progress.candidate
        limit_s = min(self.limits.answer_s, run.left_s())
        try:
            async with asyncio.timeout(limit_s):
                response = await self.providers[candidate.provider].complete(candidate, request, self.limits)
        except ProviderError as error:
            return error
        except TimeoutError:
            return ProviderTimeoutError(f"no answer within {limit_s:.3g} s", model=candidate.name, billed=True)
        except Exception as error:  # noqa: BLE001 - a bug in an adapter is a failed attempt, and settled as one
            return unforeseen(error, candidate)
        else:
            progress.usage, progress.finished = response.usage, True  # should the caller leave before all are there
            progress.cut = response.finish_reason in CUT
            return response
        finally:
            run.stop(progress)

    def _run(self, decision: Decision, request: Request, seed: int) -> Run:
        return Run(
            decision.plan,
            self.candidates,
            self.limits,
            seed=seed,
            clock=self._clock,
            timer=self._timer,
            sleep=self._sleep,
            asked=asked_of(request) if any(map(compares, decision.plan)) else None,
        )


def _close(run: Run, progress: Progress, said: Response | ProviderError) -> None:
    if isinstance(said, ProviderError):
        run.fail(progress, said)
    else:
        run.succeed(progress, said.usage, said.model, text=said.text)
