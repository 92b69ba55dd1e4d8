"""Providers that play a script, a clock that only moves when told, and an executor over both."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from msgspec import structs

from fairlead.execution import Executor, Limits
from fairlead.types import Candidate, Capabilities, Decision, Price, Rate, Request, Response, Stage, Step, Text

START = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Scripted:
    """Plays one script a call: chunks, an error to raise, or `hang` to fall silent."""

    def __init__(self, *scripts):
        self.scripts = list(scripts)
        self.requests = []
        self.n_calls = 0
        self.n_closed = 0
        self.n_taken = 0
        self.silent = asyncio.Event()

    async def stream(self, _candidate, request, _limits):
        self.requests.append(request)
        script = self.scripts[self.n_calls]
        self.n_calls += 1
        try:
            for item in script:
                if isinstance(item, Exception):
                    raise item
                if item == "hang":
                    self.silent.set()
                    await asyncio.Event().wait()
                self.n_taken += 1
                yield [item]
        finally:
            self.n_closed += 1

    async def complete(self, candidate, request, limits):
        chunks = [chunk async for together in self.stream(candidate, request, limits) for chunk in together]
        text = "".join(chunk.text for chunk in chunks)
        usage = next((chunk.usage for chunk in reversed(chunks) if chunk.usage), None)
        finish = next((chunk.finish_reason for chunk in chunks if chunk.finish_reason), "stop")
        return Response(id="r", model="host", parts=(Text(text=text),), finish_reason=finish, usage=usage)

    async def close(self):
        pass


class Time:
    """Moves on by each pause that is asked for, and remembers it."""

    def __init__(self):
        self.pauses = []
        self.now_s = 100.0

    async def sleep(self, seconds):
        self.pauses.append(seconds)
        self.now_s += seconds

    def timer(self):
        return self.now_s


class Bench:
    """An executor over scripted providers, one candidate each, `first`, `second` ..."""

    def __init__(self, *providers, limits=None, estimate=None, reasoning=None, goes_on=(), weights=None):
        price = Price(id="price", input=Rate(base=Decimal(2)), output=Rate(base=Decimal(10)))
        names = ["first", "second", "third"][: len(providers)]
        able = Capabilities(reasoning=reasoning)
        candidates = {
            name: Candidate(
                name=name,
                provider=name,
                model=f"{name}-model",
                weights=(weights or {}).get(name, ""),
                price=price,
                capabilities=able,
                goes_on=name in goes_on,
            )
            for name in names
        }
        self.time = Time()
        self.executor = Executor(
            dict(zip(names, providers, strict=True)),
            candidates,
            limits or Limits(),
            clock=lambda: START,
            timer=self.time.timer,
            sleep=self.time.sleep,
            estimate=estimate,
        )
        plan = tuple(Stage(steps=(Step(candidate=name),)) for name in names)
        self.decision = Decision(plan=plan, propensity=1.0, reason="constant")

    async def execute(self, seed=0):
        return await self.executor.execute(self.decision, Request.from_prompt("hi"), seed=seed)

    def stream(self, **asked):
        return self.executor.stream(self.decision, structs.replace(Request.from_prompt("hi"), **asked))


@pytest.fixture
def bench():
    return Bench


@pytest.fixture
def scripted():
    return Scripted
