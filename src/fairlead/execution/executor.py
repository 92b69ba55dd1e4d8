"""Runs decisions: one answer at once, or as a stream."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fairlead.errors import ConfigError, ProviderError, ProviderTimeoutError
from fairlead.execution.run import Run, unforeseen
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

        A caller that cancels this call gets an outcome as well, `cancelled`, because it must be settled; the call to
        the provider is closed by then.
        """
        run = self._run(decision, seed)
        response = None
        try:
            while (progress := await run.next_call()) is not None:
                response = await self._answer(run, progress, request)
        except asyncio.CancelledError:
            run.cancel()
            return run.outcome("cancelled")
        return run.outcome("delivered", response) if run.delivered else run.outcome("failed")

    def stream(self, decision: Decision, request: Request, *, seed: int = 0) -> Stream:
        """Returns the streamed answer, not yet started; nothing is called before `start`."""
        return Stream(self._run(decision, seed), self.providers, request)

    async def _answer(self, run: Run, progress: Progress, request: Request) -> Response | None:
        candidate = progress.candidate
        provider = self.providers[candidate.provider]
        limit_s = min(self.limits.answer_s, run.left_s())
        try:
            async with asyncio.timeout(limit_s):
                response = await provider.complete(candidate, request, self.limits)
        except ProviderError as error:
            run.fail(error)
            return None
        except TimeoutError:
            run.fail(ProviderTimeoutError(f"no answer within {limit_s:.3g} s", model=candidate.name, billed=True))
            return None
        except Exception as error:  # noqa: BLE001 - a bug in an adapter is a failed attempt, and settled as one
            run.fail(unforeseen(error, candidate))
            return None
        run.succeed(response.usage, response.model)
        return response

    def _run(self, decision: Decision, seed: int) -> Run:
        return Run(
            decision.plan,
            self.candidates,
            self.limits,
            seed=seed,
            clock=self._clock,
            timer=self._timer,
            sleep=self._sleep,
        )
