"""`fairlead route`: decide without calling anyone, for one prompt or for a file of them."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fairlead.cli.check import ConfigOption  # noqa: TC001 - Typer reads the annotations
from fairlead.cli.output import JsonOption, Result, emit, writing
from fairlead.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import Console
    from rich.table import Table

    from fairlead.gateway.decide import DecisionShown
    from fairlead.gateway.routes import Routes
    from fairlead.router import Router
    from fairlead.types import Prediction

app = typer.Typer()

PromptArgument = Annotated[str | None, typer.Argument(help="The prompt to decide for; `-` reads standard input.")]
RouterOption = Annotated[Path | None, typer.Option("--router", help="A router that `fairlead fit` saved.")]
ROUTE = "auto"
"""What a saved router answers to; in a configuration there may be other routes."""
ModelOption = Annotated[str, typer.Option("--model", help="What a client would ask for: a route, or a model.")]
BatchOption = Annotated[
    Path | None, typer.Option("--batch", help="A Parquet file with `prompt_id` and `prompt`, or an outcome table.")
]
OutOption = Annotated[
    Path | None, typer.Option("--out", help="With --batch: the Parquet file to write. Else: the JSON result as well.")
]


class BatchResult(Result, kw_only=True, frozen=True):
    """What `fairlead route --batch` wrote."""

    schema: str = "fairlead.route.batch/1"
    out: str
    """The Parquet file; its own metadata names the shape of its rows."""
    router: str
    """Version of the router."""
    rows: int
    rows_undecided: int
    """Rows that no candidate can serve."""
    rows_resumed: int
    """Rows taken over from an earlier run that did not finish."""
    discarded: str | None
    """Why the parts of an earlier run were thrown away, where they were."""
    chosen: dict[str, int]
    """Candidate -> prompts for which it would be called first; most often first."""


@app.command()
def route(
    prompt: PromptArgument = None,
    router: RouterOption = None,
    config: ConfigOption = None,
    model: ModelOption = ROUTE,
    batch: BatchOption = None,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decides without calling anyone, for a prompt or with --batch for a file of prompts."""
    if (prompt is None) == (batch is None):
        raise ConfigError("`fairlead route` takes either a prompt or `--batch FILE`. Give one of them.")
    if router is not None and config is not None:
        raise ConfigError("`--router` and `--config` both say who decides. Give one of them.")
    routes = _configured(config) if router is None else _saved(router)
    if batch is None:
        _route_one(routes, str(prompt), model, as_json=as_json, out=out)
    elif out is None or out.suffix != ".parquet":
        given = "" if out is None else f", and `--out` is `{out}`"
        raise ConfigError(f"`--batch` needs a Parquet file for its decisions{given}. Add `--out decisions.parquet`.")
    else:
        _route_batch(_router_of(routes, model), batch, out, as_json=as_json)


# Who decides ---------------------------------------------------------------------------------------------------------


def _saved(path: Path) -> Routes:
    from fairlead.artifact import load  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.gateway.routes import Routes  # noqa: PLC0415

    router = load(path)
    return Routes(routers={ROUTE: router}, candidates={c.name: c for c in router.candidates})


def _configured(path: Path | None) -> Routes:
    from fairlead.config import load  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.gateway.routes import Routes  # noqa: PLC0415
    from fairlead.gateway.setup import prepare  # noqa: PLC0415

    setup = prepare(load(path, os.environ))
    return Routes(routers={route.name: route.router for route in setup.routes}, candidates=setup.candidates)


def _router_of(routes: Routes, model: str) -> Router:
    if model not in routes.routers:
        listed = ", ".join(f"`{name}`" for name in routes.routers)
        raise ConfigError(f"`--model` is `{model}`, which is no route; expected one of {listed}.")
    return routes.routers[model]


# One prompt ----------------------------------------------------------------------------------------------------------


def _route_one(routes: Routes, prompt: str, model: str, *, as_json: bool, out: Path | None) -> None:
    from fairlead.gateway.decide import DecisionShown  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.types import Context, Request  # noqa: PLC0415

    text = sys.stdin.read() if prompt == "-" else prompt
    request = Request.from_prompt(text, model=model)
    shown = DecisionShown.of(asyncio.run(routes.decide(request, Context(now=datetime.now(UTC)))), request)
    emit(shown, partial(_show_decision, shown), as_json=as_json, out=out)


def _show_decision(shown: DecisionShown, console: Console) -> None:
    from fairlead.eligibility import EXCLUSIONS  # noqa: PLC0415 - only people need it
    from fairlead.policies.base import REASONS  # noqa: PLC0415

    console.print(f"{shown.model}: {shown.reason}, {REASONS[shown.reason]}", soft_wrap=True)
    if shown.predictions:  # a model that was asked for is not compared with others
        console.print(_candidates(shown))
    if shown.prior:
        console.print("The shipped prior expects the following. It knows nothing of your tasks, and decides nothing:")
        console.print(_expected(shown.prior))
    lines = [f"{name} is excluded: {EXCLUSIONS[reason]}" for name, reason in shown.excluded.items()]
    decided_by = f", router {shown.router_version}" if shown.router_version else ""
    lines.append(f"reference {shown.reference or 'none'}, propensity {shown.propensity:.4g}{decided_by}")
    if shown.certificate:
        lines.append(f"certificate {shown.certificate}")
    console.print("\n".join(lines), soft_wrap=True)


def _candidates(shown: DecisionShown) -> Table:
    """Returns one row a candidate; a name that does not fit goes on in the next line, and so stays whole."""
    from rich import box  # noqa: PLC0415 - only people need it
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("candidate", overflow="fold")
    for name in ("called", "P(success)", "tokens out", "cost, USD"):
        table.add_column(name, justify="right", no_wrap=True)
    for prediction in shown.predictions:
        name = prediction.candidate
        table.add_row(
            name,
            f"{shown.plan.index(name) + 1}." if name in shown.plan else "",
            _number(prediction.p_success, ".3f"),
            _number(prediction.output_tokens, ",.0f"),
            _number(prediction.cost_usd, ".6f"),
        )
    return table


def _expected(prior: Sequence[Prediction]) -> Table:
    from rich import box  # noqa: PLC0415 - only people need it
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("candidate", overflow="fold")
    table.add_column("P(success), prior", justify="right", no_wrap=True)
    table.add_column("spread", justify="right", no_wrap=True)
    for prediction in prior:
        table.add_row(
            prediction.candidate, _number(prediction.p_success, ".2f"), _number(prediction.p_success_sd, ".2f")
        )
    return table


def _number(value: float | None, spec: str) -> str:
    return "unknown" if value is None else format(value, spec)


# A file of prompts ---------------------------------------------------------------------------------------------------


def _route_batch(router: Router, batch: Path, out: Path, *, as_json: bool) -> None:
    from fairlead.bulk import decide_file  # noqa: PLC0415 - heavy, loaded when called

    with writing(out), _progress() as on_progress:
        decided = decide_file(router, batch, out, on_progress=on_progress)
    result = BatchResult(
        out=str(out),
        router=router.version,
        rows=decided.rows,
        rows_undecided=decided.rows_undecided,
        rows_resumed=decided.rows_resumed,
        discarded=decided.discarded,
        chosen=dict(decided.chosen),
    )
    emit(result, partial(_show_batch, result), as_json=as_json)


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """Yields what is told of rows done; it draws a bar on a terminal and nothing in a pipe."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console  # noqa: PLC0415 - only people need it
    from rich.progress import Progress  # noqa: PLC0415

    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("deciding", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _show_batch(result: BatchResult, console: Console) -> None:
    lines = [f"{result.rows:,} decisions written to {result.out}"]
    if result.rows_resumed:
        lines.append(f"{result.rows_resumed:,} of them were made by an earlier run")
    if result.discarded:
        lines.append(f"parts of an earlier run were thrown away: {result.discarded}")
    lines += [f"{n:>12,}  {name}" for name, n in result.chosen.items()]
    if result.rows_undecided:
        lines.append(f"{result.rows_undecided:>12,}  nobody: every candidate was excluded")
    console.print("\n".join(lines), soft_wrap=True)
