"""Runs scenarios against the real gateway, over real sockets, and judges what it saw."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp

from fairlead.config import load
from fairlead.drills.asking import PATHS, Told, body, read
from fairlead.drills.checks import Seen, grade
from fairlead.drills.host import FaultyHost
from fairlead.drills.scenarios import SCENARIOS
from fairlead.drills.speech import SERVED, USAGE, Speech
from fairlead.gateway.app import application
from fairlead.gateway.setup import opened, prepare
from fairlead.providers.base import Limits
from fairlead.providers.upstream import serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from fairlead.drills.checks import Grade
    from fairlead.drills.host import Call
    from fairlead.drills.scenarios import Scenario
    from fairlead.drills.script import Script
    from fairlead.drills.speech import Served
    from fairlead.gateway.state import Gateway

FAST = 1 / 20
"""Time scale at which a drill is over in seconds."""
SURE = (FAST, 1 / 4, 1.0)
"""Time scales that `drilled` tries: on a busy machine short times are overrun by nobody's fault."""
HANG_S = 200.0
"""A request that takes longer hangs, seconds of real time."""

_DIALECTS = {"chat": "openai", "responses": "responses", "messages": "anthropic"}
_PROVIDER = """
[providers.{name}]
dialect = "{dialect}"
base_url = "{base_url}"
[models."{name}/{role}"]
price = {{ input_usd_per_mtok = {dollars}, output_usd_per_mtok = {dollars} }}
capabilities = {{ context_tokens = {context_tokens}, max_output_tokens = 1000, reasoning = false, prefill = {prefill} }}
"""
_ROUTE = '[routes.{name}]\nobjective = "order"\ncandidates = {candidates}\n'
_DOLLARS = {"primary": 4, "small": 3, "fallback": 2}
_CONTEXT_TOKENS = {"primary": 8_000, "small": 8_000, "fallback": 200_000}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One scenario in one dialect, streamed or not."""

    scenario: Scenario
    dialect: Served
    stream: bool

    @property
    def route(self) -> str:
        """The name that its requests ask for."""
        return f"{self.scenario.id}-{self.dialect}-{'stream' if self.stream else 'whole'}"

    def host(self, role: str) -> str:
        """Returns the provider of the model in that role."""
        return f"{self.route}-{role}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How one cell went."""

    cell: Cell
    grade: Grade
    faults: Sequence[str]
    """What is wrong, in words."""


@dataclass(kw_only=True)
class Drill:
    """A gateway, and the misbehaving hosts behind it; see `drilling`."""

    gateway: Gateway
    url: str
    http: aiohttp.ClientSession
    host: FaultyHost
    time_scale: float

    async def run(self, scenario: Scenario) -> list[Result]:
        """Returns how a scenario went in each dialect, streamed and not; all at once."""
        return list(await asyncio.gather(*(self.play(cell) for cell in cells([scenario]))))

    async def play(self, cell: Cell) -> Result:
        """Returns how one cell went."""
        seen = self._seen(cell, await self._requests(cell))
        faults = [fault for check in cell.scenario.checks if (fault := check(seen)) is not None]
        return Result(cell=cell, grade=grade(seen, faults), faults=faults)

    async def _requests(self, cell: Cell) -> list[Told]:
        """Makes the requests of a scenario: in time, or one after the other."""
        began_s = asyncio.get_running_loop().time()
        told: list[asyncio.Task[Told]] = []
        for i in range(cell.scenario.n_requests):
            if i and cell.scenario.every_s:
                await asyncio.sleep(cell.scenario.every_s * self.time_scale)
            elif i:
                await told[-1]
            told.append(asyncio.ensure_future(self._ask(cell, began_s)))
        return list(await asyncio.gather(*told))

    async def _ask(self, cell: Cell, first_s: float) -> Told:
        loop = asyncio.get_running_loop()
        told, began_s = Told(), loop.time()
        told.began_s = (began_s - first_s) / self.time_scale
        content = bytearray()
        try:
            async with asyncio.timeout(HANG_S * self.time_scale):
                await self._exchange(cell, told, content)
        except (aiohttp.ClientError, TimeoutError):
            told.cut = True
        told.took_s = (loop.time() - began_s) / self.time_scale
        if content:
            read(told, cell.dialect, bytes(content))
        return told

    async def _exchange(self, cell: Cell, told: Told, content: bytearray) -> None:
        asked = body(cell.dialect, cell.route, stream=cell.stream)
        async with self.http.post(self.url + PATHS[cell.dialect], json=asked) as reply:
            told.status, told.headers = reply.status, reply.headers
            async for piece in reply.content.iter_any():
                content += piece

    def _seen(self, cell: Cell, told: list[Told]) -> Seen:
        entries = [entry for entry in self.gateway.ledger.entries() if entry.route == cell.route]
        n_tokens = USAGE.input_tokens + USAGE.output_tokens
        return Seen(
            told=told,
            calls={role: self.host.of(f"/{cell.host(role)}/") for role in _DOLLARS},
            names={role: f"{cell.host(role)}/{role}" for role in cell.scenario.roles},
            costs_usd=[entry.cost_usd for entry in entries],
            prices_usd={role: Decimal(n_tokens * dollars) / 1_000_000 for role, dollars in _DOLLARS.items()},
        )


async def drilled(scenario: Scenario, time_scales: Sequence[float] = SURE) -> list[Result]:
    """Returns how a scenario went at the first of the time scales at which nothing failed, else at the last.

    What is wrong with a gateway is wrong at every scale, in real time as well.
    """
    results: list[Result] = []
    for time_scale in time_scales:
        async with drilling([scenario], time_scale=time_scale) as drill:
            results = await drill.run(scenario)
        if not any(result.faults for result in results):
            break
    return results


def cells(scenarios: Sequence[Scenario]) -> list[Cell]:
    """Returns each scenario in each dialect, streamed and not."""
    return [
        Cell(scenario=scenario, dialect=dialect, stream=stream)
        for scenario, dialect, stream in product(scenarios, SERVED, (False, True))
    ]


@asynccontextmanager
async def drilling(
    scenarios: Sequence[Scenario] = SCENARIOS, *, time_scale: float = FAST, limits: Limits | None = None
) -> AsyncIterator[Drill]:
    """Yields a gateway in front of hosts that fail as the scenarios say.

    Args:
        scenarios: those that will be run.
        time_scale: seconds that pass for each second of a scenario, and for each second of the limits.
        limits: of the gateway, in real time; the shipped defaults without.
    """
    scripts = {cell.host(role): (cell, role) for cell in cells(scenarios) for role in cell.scenario.roles}

    def script(call: Call) -> Script:
        cell, role = scripts[call.path.split("/")[1]]
        return cell.scenario.script(role, Speech(dialect=cell.dialect, stream=cell.stream, model=role), call)

    host = FaultyHost(script=script, time_scale=time_scale)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fairlead-drill-")))
        address = await stack.enter_async_context(host.serving())
        config = folder / "fairlead.toml"
        config.write_text(_settings(cells(scenarios), address), encoding="utf-8")
        scaled = (limits or Limits()).scaled(time_scale)
        gateway = await stack.enter_async_context(opened(prepare(load(config, {})), limits=scaled))
        url = await stack.enter_async_context(serving(application(gateway)))
        connector = aiohttp.TCPConnector(limit=0, force_close=True)  # no request depends on the one before
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        yield Drill(gateway=gateway, url=url, http=http, host=host, time_scale=time_scale)


def _base_url(cell: Cell, role: str, address: str) -> str:
    if role == "primary" and cell.scenario.base_url is not None:
        return cell.scenario.base_url.format(host=address.removeprefix("http://"))
    return f"{address}/{cell.host(role)}/v1"


def _settings(of: Sequence[Cell], address: str) -> str:
    """Returns the configuration: each cell has hosts and a route of its own, so that none disturbs another."""
    parts = []
    for cell in of:
        names = []
        for role in cell.scenario.roles:
            name = cell.host(role)
            names.append(f"{name}/{role}")
            parts.append(
                _PROVIDER.format(
                    name=name,
                    role=role,
                    base_url=_base_url(cell, role, address),
                    dialect=_DIALECTS[cell.dialect],
                    dollars=_DOLLARS[role],
                    context_tokens=_CONTEXT_TOKENS[role],
                    prefill=str(cell.scenario.prefill).lower(),
                )
            )
        parts.append(_ROUTE.format(name=cell.route, candidates=names))
    return "".join(parts)
