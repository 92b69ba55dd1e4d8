"""Serves recorded outcomes through a running gateway and holds its ledger against the offline evaluation.

A real `openai` client asks every held-out prompt over HTTP, streaming and not, with and without injected faults.
Request by request the answer, the model, every attempt and every digit of the bill must be what
`evaluation.offline.serve_offline` says of the same router. Run as a program it does so for all held-out prompts of the
tables in the folder `FAIRLEAD_DATA`, prints the counts, and exits with 1 where anything differs.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import openai
from msgspec import structs
from rich.console import Console
from rich.table import Table

from fairlead import Floor, Outcomes, Router, fit, save
from fairlead.config import load
from fairlead.evaluation.offline import serve_offline
from fairlead.gateway.app import application
from fairlead.gateway.secret import session_secret
from fairlead.gateway.setup import Setup, opened, prepare
from fairlead.proof.control import draws
from fairlead.providers.faults import Fault, FaultPlan, FaultShare
from fairlead.providers.recorded import Recorded
from fairlead.providers.upstream import serving
from fairlead.types import Context, SessionState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fairlead.evaluation.offline import Served
    from fairlead.gateway.state import Gateway
    from fairlead.ledger.base import Entry
    from fairlead.providers.faults import FaultRule
    from fairlead.types import Attempt

TABLES = ("zeroeval", "mmlu_pro")
SEED = 0
N_AT_ONCE = 16
# What is learned from call to call has no counterpart offline, where each request stands for itself.
CONFIG = """
[limits]
breaker_failures = 0
retry_share = 1
hedge_share = 0

[providers.recorded]
dialect = "recorded"
table = "{table}"

[routes.auto]
router = "{router}"
reference = "recorded/{reference}"
control_share = 0.2
"""

FAULTS = FaultPlan(
    seed=SEED,
    shares=(
        FaultShare(fault=Fault(kind="status", status_code=503), share=0.1),  # answers when asked again
        FaultShare(fault=Fault(kind="status", status_code=503), share=0.1, n_attempts=99),  # never does
        FaultShare(fault=Fault(kind="status", status_code=429, retry_after_s=0), share=0.05),
        FaultShare(fault=Fault(kind="status", status_code=400), share=0.05),
        FaultShare(fault=Fault(kind="reset"), share=0.05),
        FaultShare(fault=Fault(kind="cut", after_events=0), share=0.05),
        FaultShare(fault=Fault(kind="cut", after_events=2), share=0.05),  # the client has seen a piece of the answer
        FaultShare(fault=Fault(kind="malformed"), share=0.05),
        FaultShare(fault=Fault(kind="in_band", code="overloaded"), share=0.05),
    ),
)
"""Half of all (prompt, model) pairs go wrong in some way."""


def main() -> None:
    """Compares on all held-out prompts and prints the counts."""
    if "FAIRLEAD_DATA" not in os.environ:
        sys.exit("`FAIRLEAD_DATA` is not set; expected the folder of the outcome tables.")
    shown = Table("table", "router", "stream", "faults", "requests", "delivered", "calls", "paid, USD", "different")
    n_different = 0
    for name in TABLES:
        train, test = Outcomes.read(Path(os.environ["FAIRLEAD_DATA"], name)).split(0.7, seed=SEED)
        fitted = fit(train, seed=SEED)
        for label, router in (("as fitted", fitted), ("without its guard", unguarded(fitted))):
            for stream, faults in ((False, None), (True, None), (False, FAULTS), (True, FAULTS)):
                found = asyncio.run(compare(router, test, stream=stream, faults=faults))
                n_different += len(found.differences)
                words = ("yes" if stream else "no", "yes" if faults else "no")
                shown.add_row(name, label, *words, *found.counts())
    Console(width=140).print(shown)
    sys.exit(1 if n_different else 0)


def unguarded(router: Router) -> Router:
    """Returns the router with a policy that chooses prompt by prompt, whether that pays or not."""
    return router.bind(router.candidates, reference=router.reference, policy=Floor(margin=0.05, caution=0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What came of one run."""

    n_requests: int
    n_delivered: int
    n_attempts: int
    cost_usd: Decimal
    """Over the requests whose cost is known."""
    served: frozenset[str]
    """Candidates that answered."""
    differences: tuple[str, ...]

    def counts(self) -> tuple[str, ...]:
        """Returns the cells of a table's row."""
        numbers = (self.n_requests, self.n_delivered, self.n_attempts)
        return (*(f"{number:,}" for number in numbers), str(self.cost_usd), str(len(self.differences)))


async def compare(router: Router, test: Outcomes, *, stream: bool, faults: FaultRule | None) -> Comparison:
    """Asks every prompt of `test` over HTTP and holds what came of it against the offline evaluation."""
    with tempfile.TemporaryDirectory() as folder:
        setup = _setup(router, test, Path(folder), faults)
        async with _gateway(setup) as (gateway, client):
            gate = asyncio.Semaphore(N_AT_ONCE)
            seen = await asyncio.gather(*(_ask(client, test, i, gate, stream=stream) for i in range(len(test))))
            entries = {entry.prompt_id: entry for entry in gateway.ledger.entries()}
            expected = _offline(setup, gateway, test, faults, stream=stream)
    differences = [
        f"{row.prompt_id}: {difference}"
        for row, text in zip(expected, seen, strict=True)
        for difference in _differences(row, text, entries.get(row.prompt_id))
    ]
    costs = [entry.cost_usd for entry in entries.values() if entry.cost_usd is not None]
    return Comparison(
        n_requests=len(entries),
        n_delivered=sum(entry.status == "delivered" for entry in entries.values()),
        n_attempts=sum(len(entry.attempts) for entry in entries.values()),
        cost_usd=sum(costs, Decimal(0)),
        served=frozenset(entry.served for entry in entries.values() if entry.served is not None),
        differences=tuple(differences),
    )


def _setup(router: Router, test: Outcomes, folder: Path, faults: FaultRule | None) -> Setup:
    """Returns a gateway over the recorded models, from files as a user would have them; only the faults are put in."""
    test.write(folder / "table")
    save(router, folder / "router")
    config = folder / "fairlead.toml"
    config.write_text(CONFIG.format(table="table", router="router", reference=router.reference), encoding="utf-8")
    setup = prepare(load(config, {}))
    host = replace(setup.inside["recorded"], responder=Recorded(test, faults))
    return replace(setup, inside={"recorded": host})


@asynccontextmanager
async def _gateway(setup: Setup) -> AsyncIterator[tuple[Gateway, openai.AsyncOpenAI]]:
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(opened(setup))
        address = await stack.enter_async_context(serving(application(gateway)))
        client = openai.AsyncOpenAI(base_url=f"{address}/v1", api_key="any", max_retries=0)
        yield gateway, await stack.enter_async_context(client)


async def _ask(
    client: openai.AsyncOpenAI, test: Outcomes, i: int, gate: asyncio.Semaphore, *, stream: bool
) -> str | None:
    """Returns the answer that the client received; `None` where it was told that there is none."""
    async with gate:
        try:
            return await (_streamed if stream else _whole)(client, test.prompts[i], test.prompt_ids[i])
        except openai.APIError:
            return None


async def _whole(client: openai.AsyncOpenAI, prompt: str, prompt_id: str) -> str | None:
    reply = await client.chat.completions.create(
        model="auto",
        messages=[{"role": "user", "content": prompt}],
        metadata={"prompt_id": prompt_id},
        extra_headers={"x-fairlead-session": prompt_id},
    )
    return reply.choices[0].message.content


async def _streamed(client: openai.AsyncOpenAI, prompt: str, prompt_id: str) -> str:
    chunks = await client.chat.completions.create(
        model="auto",
        messages=[{"role": "user", "content": prompt}],
        metadata={"prompt_id": prompt_id},
        extra_headers={"x-fairlead-session": prompt_id},
        stream=True,
        stream_options={"include_usage": True},
    )
    return "".join([choice.delta.content or "" async for chunk in chunks for choice in chunk.choices])


def _offline(
    setup: Setup, gateway: Gateway, test: Outcomes, faults: FaultRule | None, *, stream: bool
) -> tuple[Served, ...]:
    """Returns what the evaluation says, with the draws that the gateway's secret gives each session."""
    (route,) = (route for route in setup.routes if route.name == "auto")
    path = setup.config.ledger.path
    secret = session_secret(path.with_name(f"{path.name}.secret"))
    contexts = [_context(secret, prompt_id) for prompt_id in test.prompt_ids]
    return serve_offline(route.router, test, faults, contexts=contexts, limits=gateway.limits, stream=stream)


def _context(secret: bytes, session_id: str) -> Context:
    drawn = draws(secret, session_id)
    session = SessionState(id=session_id, rule="header", control_draw=drawn.control, mix_draw=drawn.mix)
    return Context(session=session)


def _differences(row: Served, text: str | None, entry: Entry | None) -> list[str]:
    """Returns what differs between offline evaluation, client and ledger on one request."""
    if entry is None:
        return ["the ledger has no row"]
    said = {
        "answer": (row.answer, text),
        "status": (row.outcome.status, entry.status),
        "model": (row.model, entry.served),
        "cost": (row.cost_usd, entry.cost_usd),
        "reason": (row.decision and row.decision.reason, entry.reason),
        "attempts": (list(map(_shown, row.outcome.attempts)), list(map(_shown, entry.attempts))),
    }
    return [
        f"{what} is {served!r} and offline {offline!r}" for what, (offline, served) in said.items() if offline != served
    ]


def _shown(attempt: Attempt) -> tuple[object, ...]:
    # The host reports the table's tokens as its own: a gateway cannot tell that they were estimated.
    usage = attempt.usage and structs.replace(attempt.usage, estimated=False)
    return attempt.candidate, attempt.status, attempt.error, attempt.status_code, usage, attempt.cost_usd


if __name__ == "__main__":
    main()
