"""`fairlead promote`: let a fitted router serve, if it is shown to be worth it; or go back."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from fairlead.cli.check import ConfigOption  # noqa: TC001 - Typer reads the annotations
from fairlead.cli.output import JsonOption, OutOption, Result, emit
from fairlead.learning.promotion import Gate, Move  # noqa: TC001 - msgspec reads the annotations

if TYPE_CHECKING:
    from rich.console import Console

    from fairlead.config import Config
    from fairlead.learning.promotion import Shelf

app = typer.Typer()

RouterArgument = Annotated[Path | None, typer.Argument(help="A router that `fairlead fit` saved.")]
RouteOption = Annotated[str, typer.Option("--route", help="The route that it is to serve.")]
BackOption = Annotated[bool, typer.Option("--back", help="Let serve again what served before.")]
DryOption = Annotated[bool, typer.Option("--dry-run", help="Say whether it would be, and move nothing.")]


class PromoteResult(Result, kw_only=True, frozen=True):
    """What `fairlead promote` did; exit code 1 where it was not to be."""

    schema: str = "fairlead.promote/1"
    route: str
    pointer: str
    """The link that the configuration names."""
    moved: bool
    version: str | None
    """What serves now; `null` is the reference alone."""
    before: str | None
    gates: tuple[Gate, ...]
    """All must be passed; none is asked of a way back."""
    history: tuple[Move, ...]
    """Every move of this pointer, oldest first."""


@app.command()
def promote(
    router: RouterArgument = None,
    config: ConfigOption = None,
    route: RouteOption = "auto",
    back: BackOption = False,
    dry_run: DryOption = False,
    as_json: JsonOption = False,
    out: OutOption = None,
) -> None:
    """Lets a router serve a route if the hull guard and the gates agree, and says why where they do not.

    A gateway that runs takes it up by itself. The route's `router` is a path that ends in `current`.
    """
    import os  # noqa: PLC0415 - heavy ones are loaded when called

    from fairlead.config import load as read  # noqa: PLC0415
    from fairlead.learning.promotion import Shelf  # noqa: PLC0415

    if (router is None) != back:
        raise typer.BadParameter("expected a router, or `--back`.")
    configured = read(config, os.environ)
    pointer = _pointer(configured, route)
    shelf = Shelf(pointer)
    before = shelf.current
    now = datetime.now(UTC)
    asked: tuple[Gate, ...] = ()
    move: Move | None = None
    if router is None:
        move = None if dry_run else shelf.back(now=now)
    else:
        asked = _asked(configured, route, router)
        if all(gate.passed for gate in asked) and not dry_run:
            move = shelf.promote(router, now=now, words=next(gate.words for gate in asked if gate.name == "guard"))
    result = _result(route, shelf, before, asked, move)
    emit(result, partial(_show, result, dry_run), as_json=as_json, out=out)
    if not all(gate.passed for gate in asked):
        raise typer.Exit(1)


def _pointer(config: Config, route: str) -> Path:
    if route not in config.routes:
        raise typer.BadParameter(
            f"`{route}` is no route of {config.source}; expected one of {', '.join(config.routes)}."
        )
    pointer = config.routes[route].router
    if pointer is None:
        raise typer.BadParameter(
            f'`routes.{route}.router` names nothing that could be moved. Add `router = "routers/{route}/current"` to '
            "the route; until the first promotion the reference serves."
        )
    return pointer


def _asked(config: Config, route: str, router: Path) -> tuple[Gate, ...]:
    """Returns the gates, asked of the router as it would serve."""
    from fairlead.artifact import load  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.gateway.binding import bound_routes  # noqa: PLC0415
    from fairlead.gateway.hosts import candidates, in_process  # noqa: PLC0415
    from fairlead.learning.promotion import gates  # noqa: PLC0415

    learned = load(router)
    trial = msgspec.structs.replace(config.routes[route], router=router)
    tried = msgspec.structs.replace(config, routes={route: trial})
    bound = next(b for b in bound_routes(tried, candidates(tried, in_process(tried))) if b.name == route)
    return gates(bound.router, learned=learned)


def _result(route: str, shelf: Shelf, before: str | None, asked: tuple[Gate, ...], move: Move | None) -> PromoteResult:
    return PromoteResult(
        route=route,
        pointer=str(shelf.pointer),
        moved=move is not None,
        version=shelf.current,
        before=before,
        gates=asked,
        history=shelf.history(),
    )


def _show(result: PromoteResult, dry_run: bool, console: Console) -> None:
    lines = [f"  {'yes' if gate.passed else 'no '}  {gate.name}: {gate.words}" for gate in result.gates]
    serves = "the reference" if result.version is None else f"router {result.version}"
    if result.moved:
        before = "the reference alone" if result.before is None else f"router {result.before}"
        lines.append(f"route `{result.route}`: {serves} serves, in place of {before}; `--back` goes back")
    elif dry_run:
        lines.append(f"nothing was moved; {serves} serves route `{result.route}`")
    else:
        lines.append(f"not promoted: {serves} goes on serving route `{result.route}`")
    console.print("\n".join(lines), soft_wrap=True)
