"""`fairlead demo`: the whole thing on a simulated pool, ending with the cost report.

story.py is the order of events; client.py asks as the `openai` package does; workload.py plays the sessions; truth.py
knows what nobody else can; explain.py takes three decisions apart; showing.py prints and draws.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import contextmanager
from decimal import Decimal  # noqa: TC003 - msgspec reads the annotations
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from fairlead.cli.demo.explain import Explained  # noqa: TC001 - msgspec reads the annotations
from fairlead.cli.output import JsonOption, Result, emit, write_whole
from fairlead.errors import ConfigError
from fairlead.proof.statement import Statement  # noqa: TC001 - msgspec reads the annotations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fairlead.cli.demo.story import Ending

app = typer.Typer()

N_TASKS = 1_200
N_TRAINED_ON = 1_500
PAGE = Path("fairlead-demo.html")

LosingOption = Annotated[bool, typer.Option("--losing", help="A pool of models where routing saves nothing.")]
TasksOption = Annotated[int, typer.Option("--tasks", help="Tasks to ask.", min=20, max=20_000)]
SeedOption = Annotated[int, typer.Option("--seed", help="Seed of the simulated world.", min=0)]
PageOption = Annotated[Path, typer.Option("--out", help="The page to write, or a folder for it.")]


class TruthResult(msgspec.Struct, kw_only=True, frozen=True):
    """What the statement estimates, exact: only a simulation knows it."""

    reference_usd: Decimal
    """What the reference would have cost on all tasks."""
    saving_usd: Decimal
    saving_share: float
    policy_score: float
    """Mean score on the tasks of the policy arm."""
    reference_score: float
    """The reference's mean score on the same tasks."""
    quality_difference: float
    """Policy minus reference."""


class DemoResult(Result, kw_only=True, frozen=True):
    """What `fairlead demo` played and found; every figure is simulated."""

    schema: str = "fairlead.demo/1"
    simulated: bool = True
    pool: str
    """`saving` or `losing`."""
    seed: int
    n_tasks: int
    n_trained_on: int
    """Tasks that the router was fitted on; none of them was asked."""
    policy: str
    """The policy that served, and what its guard found."""
    elapsed_s: float
    html: str
    """The page that was written."""
    statement: Statement
    """From the ledger alone."""
    truth: TruthResult
    decisions: tuple[Explained, ...]


@app.command()
def demo(
    losing: LosingOption = False,
    tasks: TasksOption = N_TASKS,
    seed: SeedOption = 0,
    out: PageOption = PAGE,
    as_json: JsonOption = False,
) -> None:
    """Plays a simulated workload through a real gateway and reports what routing saved; no key, no network."""
    from fairlead.cli.demo.showing import page, show  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.cli.demo.story import Plan, tell  # noqa: PLC0415

    path = out / PAGE if out.is_dir() else out
    if not path.parent.is_dir():  # said now, not after the play
        raise ConfigError(f"`--out` is `{out}`, in a folder that does not exist. Make the folder, or name another.")
    plan = Plan(pool="losing" if losing else "saving", seed=seed, n_tasks=tasks, n_trained_on=N_TRAINED_ON)
    with _progress(tasks) as (say, on_answer):
        ending = asyncio.run(tell(plan, say, on_answer))
    write_whole(path, page(ending).encode())
    emit(_result(ending, path), partial(show, ending, path), as_json=as_json)


def _result(ending: Ending, path: Path) -> DemoResult:
    return DemoResult(
        pool=ending.plan.pool,
        seed=ending.plan.seed,
        n_tasks=ending.plan.n_tasks,
        n_trained_on=ending.plan.n_trained_on,
        policy=ending.policy,
        elapsed_s=round(ending.elapsed_s, 1),
        html=str(path),
        statement=ending.statement,
        truth=msgspec.convert(ending.truth, TruthResult, from_attributes=True),
        decisions=ending.explained,
    )


@contextmanager
def _progress(n_tasks: int) -> Iterator[tuple[Callable[[str], None], Callable[[], None]]]:
    """Yields what is told of the course of events; it shows on a terminal and not in a pipe."""
    if not sys.stderr.isatty():
        yield (lambda _words: None), (lambda: None)
        return
    from rich.console import Console  # noqa: PLC0415 - only people need it
    from rich.progress import Progress  # noqa: PLC0415

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=n_tasks)
        yield (lambda words: bar.update(task, description=words)), (lambda: bar.advance(task))
