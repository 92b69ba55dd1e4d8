"""The demo from beginning to end, in the order in which it happens."""

from __future__ import annotations

import hashlib
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

from fairlead.artifact import save
from fairlead.cli.demo.client import ChatClient, connected
from fairlead.cli.demo.explain import Explained, examples, explained
from fairlead.cli.demo.truth import Matched, Truth
from fairlead.cli.demo.workload import play
from fairlead.config import load
from fairlead.fitting import fit
from fairlead.gateway.app import application
from fairlead.gateway.setup import opened, prepare
from fairlead.proof.statement import Statement, statement
from fairlead.providers.simulated import World
from fairlead.providers.upstream import serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from fairlead.gateway.state import Gateway
    from fairlead.ledger.base import Entry
    from fairlead.providers.simulated import Task

Pool = Literal["saving", "losing"]

PROVIDER = "simulated"
TIME_SCALE = 0.01
"""A simulated second takes a hundredth of one."""
CONTROL_SHARE = 0.25
TABLE_SEED, WORKLOAD_SEED = 1, 2
"""The table to learn from and the workload are different draws of one world: no task is in both."""

CONFIGURATION = """
[ledger]
path = "demo.db"

[providers.{provider}]
dialect = "simulated"
seed = {seed}
pool = "{pool}"
time_scale = {time_scale}

[routes.auto]
reference = "{reference}"
router = "router"
control_share = {control_share}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to play."""

    pool: Pool
    seed: int
    n_tasks: int
    n_trained_on: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What it came to: what the ledger shows, and what only a simulation knows."""

    plan: Plan
    statement: Statement
    truth: Truth
    matched: Matched
    explained: tuple[Explained, ...]
    policy: str
    elapsed_s: float


async def tell(plan: Plan, say: Callable[[str], None], on_answer: Callable[[], None]) -> Ending:
    """Plays the whole demo.

    Args:
        plan: what to play.
        say: told what happens next.
        on_answer: called after each answer.
    """
    began = time.perf_counter()
    world = World(plan.seed, pool=plan.pool)
    reference, *_ = world.models  # the dearest
    with TemporaryDirectory(prefix="fairlead-demo-") as folder:
        say(f"fitting a router on {plan.n_trained_on:,} simulated tasks")
        router = fit(world.outcomes(plan.n_trained_on, TABLE_SEED), reference=reference, seed=plan.seed)
        save(router, Path(folder) / "router")

        tasks = world.tasks(plan.n_tasks, WORKLOAD_SEED)
        outcomes = world.truth(tasks)
        async with _gateway(Path(folder), plan, f"{PROVIDER}/{reference}") as gateway, _client(gateway) as client:
            say(f"asking {plan.n_tasks:,} other tasks through the gateway, a quarter of the sessions as control")
            await play(client, tasks, outcomes, on_answer)
            entries = tuple(gateway.ledger.entries())
            three = await _explained(client, entries, tasks)

    matched = Matched.of(entries, tasks, outcomes)
    return Ending(
        plan=plan,
        statement=statement(entries),
        truth=matched.truth(reference),
        matched=matched,
        explained=three,
        policy=repr(router.policy),
        elapsed_s=time.perf_counter() - began,
    )


@asynccontextmanager
async def _gateway(folder: Path, plan: Plan, reference: str) -> AsyncIterator[Gateway]:
    """Yields the gateway as `fairlead serve --config` would open it."""
    path = folder / "fairlead.toml"
    path.write_text(
        CONFIGURATION.format(
            provider=PROVIDER,
            seed=plan.seed,
            pool=plan.pool,
            time_scale=TIME_SCALE,
            reference=reference,
            control_share=CONTROL_SHARE,
        )
    )
    # An installation draws its secret at random; here the seed decides who is in the control arm.
    (folder / "demo.db.secret").write_text(hashlib.sha256(f"demo {plan.seed}".encode()).hexdigest())
    async with opened(prepare(load(path, {}))) as gateway:
        yield gateway


@asynccontextmanager
async def _client(gateway: Gateway) -> AsyncIterator[ChatClient]:
    """Yields a client of the gateway, which listens on a free local port."""
    async with serving(application(gateway)) as address, connected(f"{address}/v1") as client:
        yield client


async def _explained(client: ChatClient, entries: Sequence[Entry], tasks: Sequence[Task]) -> tuple[Explained, ...]:
    asked = {task.prompt_id: task for task in tasks}
    found = [(kind, entry, asked[str(entry.prompt_id)]) for kind, entry in examples(entries)]
    return tuple([explained(kind, entry, task, await client.plan(task)) for kind, entry, task in found])
