"""`fairlead replay`: another policy on the own log; with `--exact`, every logged decision once more."""

from __future__ import annotations

import os
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from fairlead.cli.output import JsonOption, OutOption, Result, emit
from fairlead.cli.places import DEFAULT, LedgerOption
from fairlead.cli.replay_shown import show_exact, show_what_if
from fairlead.cli.since import SinceOption, moment
from fairlead.errors import ConfigError
from fairlead.proof.by_copies import ByCopies  # noqa: TC001 - msgspec reads the annotations
from fairlead.proof.replay import Difference  # noqa: TC001
from fairlead.statistics.bootstrap import Interval  # noqa: TC001

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fairlead.ledger.base import Entry
    from fairlead.proof.what_if import Measured, WhatIf
    from fairlead.router import Router

app = typer.Typer()

PolicyOption = Annotated[
    Path | None, typer.Option("--policy", help="Configuration whose routes say what else could have been done.")
]
ExactOption = Annotated[
    bool, typer.Option("--exact", help="Decide every logged request again, and compare to the last bit.")
]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="With `--exact`: the configuration that decided. Default: as `serve`.")
]


class ExactResult(Result, kw_only=True, frozen=True):
    """What `fairlead replay --exact` found; exit code 1 where a decision differs, or none could be made again."""

    schema: str = "fairlead.replay.exact/1"
    ledger: str
    since: datetime | None
    ok: bool
    n_requests: int
    n_same: int
    """Decisions that came out as they were logged, to the last bit."""
    n_different: int
    differences: tuple[Difference, ...]
    """Of the first hundred decisions that differ."""
    not_replayed: dict[str, int]
    """Why not (`asked_for`, `not_served`, `other_route`, `other_router`, `kept_too_little`) -> requests."""
    other_routers: dict[str, int]
    """Version of another router -> requests that it decided."""


class MeasureResult(msgspec.Struct, kw_only=True, frozen=True):
    """One measure on the requests that say something of the other policy."""

    measure: str
    """`cost_usd`, `score` or `latency_s`; a mean per request."""
    n_requests: int
    n_sessions: int
    not_observed: int
    """Usable requests of which it is not known; left out."""
    n_informative: int
    """Sessions that went the other policy's way, wholly or in part, where chance might have had it otherwise."""
    effective_sessions: float
    max_weight: float
    mean_weight: float
    """Near 1 where the log can tell."""
    refusal: str | None
    """Why there is no estimate: `few_sessions` or `heavy_tail`."""
    sessions_needed: int | None
    """About how many more sessions would do; `null` where none are missing, or that cannot be said."""
    as_logged: float
    """Mean of the same requests as they were served, exact."""
    once: Interval | None
    """Under the other policy, doubly robust; the interval is for one look. `null` where refused."""
    always: Interval | None
    """The same with limits that hold however often one looks."""
    difference: Interval | None
    """The other policy minus as logged; for one look."""
    cross_check: float | None
    """The mean by weight alone (snips)."""


class ReplayResult(Result, kw_only=True, frozen=True):
    """What `fairlead replay` estimates of another policy; exit code 1 where every measure is refused."""

    schema: str = "fairlead.replay/2"
    ledger: str
    policy: str
    since: datetime | None
    n_requests: int
    n_usable: int
    not_usable: dict[str, int]
    """Why not (`asked_for`, `not_served`, `other_route`, `kept_too_little`, `router_fault`, `nobody`, `cascade`,
    `no_chance`) -> requests."""
    agreement: float | None
    """Share of the usable requests on which both policies call the same candidate first; `null` without any."""
    measures: tuple[MeasureResult, ...]
    copied: ByCopies
    """Also of candidates that had no chance in the log, and of plans that weigh answers."""


@app.command()
def replay(
    policy: PolicyOption = None,
    exact: ExactOption = False,
    config: ConfigOption = None,
    ledger: LedgerOption = DEFAULT,
    since: SinceOption = None,
    as_json: JsonOption = False,
    out: OutOption = None,
) -> None:
    """Estimates what another policy would have cost and scored on the ledger's own log; nobody is called."""
    if exact == (policy is not None):
        raise ConfigError("`fairlead replay` takes either `--policy FILE` or `--exact`. Give one of them.")
    if policy is not None and config is not None:
        raise ConfigError("`--config` belongs to `--exact`; what else could have been done stands in `--policy`.")
    from fairlead.ledger.opening import reading  # noqa: PLC0415 - heavy, loaded when called

    start, routers = moment(since, datetime.now(UTC)), _routers(config if policy is None else policy)
    with reading(ledger) as opened:
        entries = opened.entries(start)
        place = {"ledger": ledger, "since": start}
        ok = (
            _exactly(entries, routers, place, as_json=as_json, out=out)
            if policy is None
            else _estimated(entries, routers, place | {"policy": str(policy)}, as_json=as_json, out=out)
        )
    raise typer.Exit(0 if ok else 1)


def _routers(path: Path | None) -> Mapping[str, Router]:
    from fairlead.config import load  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.gateway.setup import prepare  # noqa: PLC0415

    return {route.name: route.router for route in prepare(load(path, os.environ)).routes}


def _exactly(
    entries: Iterable[Entry],
    routers: Mapping[str, Router],
    place: Mapping[str, object],
    *,
    as_json: bool,
    out: Path | None,
) -> bool:
    from fairlead.proof.replay import replay_exactly  # noqa: PLC0415 - heavy, loaded when called

    found = replay_exactly(entries, routers)
    counted = {"not_replayed": dict(found.not_replayed), "other_routers": dict(found.other_routers)}
    result = msgspec.convert({**asdict(found), **counted, **place, "ok": found.ok}, ExactResult)
    emit(result, partial(show_exact, found), as_json=as_json, out=out)
    return found.ok


def _estimated(
    entries: Iterable[Entry],
    routers: Mapping[str, Router],
    place: Mapping[str, object],
    *,
    as_json: bool,
    out: Path | None,
) -> bool:
    from fairlead.proof.what_if import what_if  # noqa: PLC0415 - heavy, loaded when called

    found = what_if(entries, routers)
    emit(_result(found, place), partial(show_what_if, found), as_json=as_json, out=out)
    told = (*(measured.once for measured in found.measures), *(measured.low for measured in found.copied.measures))
    return any(interval is not None for interval in told)


def _result(found: WhatIf, place: Mapping[str, object]) -> ReplayResult:
    told = {**asdict(found), **place, "not_usable": dict(found.not_usable)}
    return msgspec.convert({**told, "measures": [_measure(measured) for measured in found.measures]}, ReplayResult)


def _measure(measured: Measured) -> dict[str, object]:
    told, overlap = asdict(measured), measured.overlap
    return {**asdict(overlap), **told, "refusal": overlap.refusal, "sessions_needed": overlap.sessions_needed}
