"""`fairlead check`: verify a configuration and print what would run."""

from __future__ import annotations

import difflib
import os
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import msgspec
import typer

from fairlead.cli.keys_tried import TriedKeyResult, tried
from fairlead.cli.keys_tried import lines as tried_lines
from fairlead.cli.output import JsonOption, OutOption, Result, emit, write_whole
from fairlead.cli.road_result import RoadResult, road_of
from fairlead.config.refusals import listed
from fairlead.errors import FairleadError, LedgerError
from fairlead.policies.certified import Certified
from fairlead.policies.guard import HullGuard, as_told

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from fairlead.gateway.binding import BoundRoute
    from fairlead.gateway.setup import Setup
    from fairlead.types import Candidate

app = typer.Typer()
SHOWN_NEEDS = ("tools", "json_schema", "vision")
"""What agents and applications need most."""
PERIOD = timedelta(days=30)
"""Of the ledger, what is looked at to tell where on the road an installation is."""

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="A TOML file. Default: the providers whose keys are in the environment.")
]

SchemaOption = Annotated[
    bool, typer.Option("--schema", help="Print the JSON Schema of the configuration file, and check nothing.")
]


KeysOption = Annotated[
    bool, typer.Option("--keys", help="Try each provider's key by the list of its models, which costs nothing.")
]


class CandidateResult(msgspec.Struct, kw_only=True, frozen=True):
    """A model that could be called; `null` is unknown."""

    name: str
    input_usd_per_mtok: str | None
    output_usd_per_mtok: str | None
    price_source: str | None
    price_changes: bool
    """It goes by the day or the hour: what is shown is the dearest hour of this week."""
    price_disputed: bool
    """Two sources say different things: the dearer one guards budgets."""
    context_tokens: int | None
    unknown: tuple[str, ...] = ()
    """What nobody says whether it can: a route sends it no request that needs one of these."""
    meant: str | None = None
    """What is known at this provider by a similar name, where nothing is known of this one."""

    @classmethod
    def of(cls, candidate: Candidate) -> Self:
        """Returns what is shown of a candidate."""
        price = candidate.price
        return cls(
            name=candidate.name,
            input_usd_per_mtok=None if price is None else format(price.input.base, "f"),
            output_usd_per_mtok=None if price is None else format(price.output.base, "f"),
            price_source=None if price is None else price.source,
            price_changes=candidate.tariff is not None and len(candidate.tariff.terms) > 1,
            price_disputed=candidate.tariff is not None and bool(candidate.tariff.second),
            context_tokens=candidate.capabilities.context_tokens,
            unknown=tuple(need for need in SHOWN_NEEDS if getattr(candidate.capabilities, need) is None),
            meant=_meant(candidate),
        )


def _meant(candidate: Candidate) -> str | None:
    """Returns the model of the catalogue that a name may have been meant for; `None` where something is known of it."""
    if candidate.price is not None or candidate.capabilities.context_tokens is not None:
        return None
    from fairlead.catalog.near import near  # noqa: PLC0415 - heavy, loaded where it is needed

    at_host = f"{candidate.provider}/"
    return next((name for name in near(candidate.name, most=1) if name.startswith(at_host)), None)


class RouteResult(msgspec.Struct, kw_only=True, frozen=True):
    """A route that would decide."""

    name: str
    reference: str
    assumed: bool
    """Nobody named the reference: it is the dearest candidate."""
    router: str | None
    """Where the router was read from; `null` where none is fitted, so that the reference is served."""
    policy: str
    serves: str
    """Who serves, in words: routing, or what the guard puts in its place."""
    certification: str | None
    """What came of asking for a certificate, in words; `null` where the router was not fitted for one."""
    control_share: float
    candidates: tuple[str, ...]
    unseen: tuple[str, ...]
    """Candidates of which the router has never seen an outcome."""
    strangers: tuple[str, ...] = ()
    """Where there are such: models that it was fitted on and that no candidate is known as."""

    @classmethod
    def of(cls, route: BoundRoute) -> Self:
        """Returns what is shown of a route."""
        return cls(
            name=route.name,
            reference=str(route.router.reference),
            assumed=route.assumed,
            router=None if route.fitted is None else str(route.fitted),
            policy=repr(route.router.policy),
            serves=_in_words(route),
            certification=route.certification,
            control_share=route.router.control_share,
            candidates=tuple(candidate.name for candidate in route.router.candidates),
            unseen=route.unseen,
            strangers=route.strangers if route.unseen else (),
        )


class CheckResult(Result, kw_only=True, frozen=True):
    """What `fairlead check` found: what would run; exit code 1 where it would not, or a key is refused."""

    schema: str = "fairlead.check/1"
    source: str
    """Where the configuration came from."""
    ledger: str
    """The ledger's file, or the address of its database."""
    candidates: tuple[CandidateResult, ...]
    routes: tuple[RouteResult, ...]
    keys: tuple[TriedKeyResult, ...] = ()
    """Of `--keys`: what each provider said to its key; else none."""
    road: RoadResult | None = None
    """Where the installation is on the road from day 0, by the last 30 days; `null` where there is no ledger yet, or it
    is on a server."""

    @classmethod
    def of(cls, setup: Setup) -> Self:
        """Returns what would run."""
        return cls(
            source=setup.config.source,
            ledger=setup.config.ledger.place,
            candidates=tuple(CandidateResult.of(candidate) for candidate in setup.candidates.values()),
            routes=tuple(RouteResult.of(route) for route in setup.routes),
        )


@app.command()
def check(
    config: ConfigOption = None,
    schema: SchemaOption = False,
    keys: KeysOption = False,
    as_json: JsonOption = False,
    out: OutOption = None,
) -> None:
    """Verifies a configuration, and prints what would run and which candidates the router has never seen."""
    if schema:
        _print_schema(out)
        return
    try:
        setup = checked(config)
        result = msgspec.structs.replace(CheckResult.of(setup), road=_road(setup), keys=tried(setup) if keys else ())
    except FairleadError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None
    emit(result, partial(_show, result), as_json=as_json, out=out)
    raise typer.Exit(1 if any(key.verdict == "refused" for key in result.keys) else 0)


def _road(setup: Setup) -> RoadResult | None:
    from fairlead.ledger.opening import glancing  # noqa: PLC0415 - heavy, loaded when called

    table = setup.config.ledger
    if table.url is not None:
        return None
    with glancing(table.path) as ledger:
        return None if ledger is None else road_of(ledger.entries(datetime.now(UTC) - PERIOD))


def _print_schema(out: Path | None) -> None:
    from fairlead.config.schema import config_schema  # noqa: PLC0415 - heavy, loaded when called

    text = msgspec.json.format(msgspec.json.encode(config_schema())) + b"\n"
    if out is None:
        typer.echo(text.decode(), nl=False)
    else:
        write_whole(out, text)


def checked(path: Path | None, *, host: str | None = None, port: int | None = None, ledger: str | None = None) -> Setup:
    """Returns what a configuration means, everything checked that can be without opening anything.

    Args:
        path: of the file, if there is one.
        host: what a flag says in place of the file; so are the others.
        port: see `host`.
        ledger: see `host`.

    Raises:
        FairleadError: it would not run; says why.
    """
    from fairlead.config import load  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.gateway.setup import prepare  # noqa: PLC0415

    if path is None and _USUAL.is_file():
        typer.echo(f"`{_USUAL}` lies here and is not read: give it by `--config {_USUAL}`", err=True)
    config = load(path, os.environ).overridden(host=host, port=port, ledger=ledger)
    _check_folder(config.ledger.path)
    return prepare(config)


_USUAL = Path("fairlead.toml")
"""What most people call the file."""


def _check_folder(ledger: Path) -> None:
    folder = ledger.resolve().parent
    if not folder.is_dir():
        raise LedgerError(f"`ledger.path` is `{ledger}`, but `{folder}` is no folder. Make it first.")
    if not os.access(folder, os.W_OK):
        raise LedgerError(
            f"`ledger.path` is `{ledger}`, but `{folder}` may not be written to. Make it writable for whoever runs "
            "this, or give another place by `--ledger`."
        )


def lines(result: CheckResult) -> Iterator[str]:
    """Yields what would run, for people."""
    yield f"configuration: {result.source}; ledger: {result.ledger}"
    yield "candidates:"
    width = max(len(candidate.name) for candidate in result.candidates)
    for candidate in result.candidates:
        yield f"  {candidate.name:<{width}}  {_priced(candidate)}{_doubts(candidate)}"
    for names, route in _alike(result.routes):
        yield f"route {names}: reference {route.reference}{_ASSUMED if route.assumed else ''}; {_serves(route)}"
    yield from tried_lines(result.keys)
    if result.road is not None:
        yield f"the road from day 0: {result.road.words}"


def _alike(routes: tuple[RouteResult, ...]) -> Iterator[tuple[str, RouteResult]]:
    """Yields each way of serving once, with the names of the routes that serve so."""
    names = defaultdict(list)
    for route in routes:
        names[msgspec.structs.replace(route, name="", policy="")].append(f"`{route.name}`")
    for route, named in names.items():
        yield ", ".join(named), route


def _in_words(route: BoundRoute) -> str:
    policy = route.router.policy
    if isinstance(policy, HullGuard | Certified):
        return policy.who_serves()
    return as_told(policy) if policy.promise.as_told else f"`{route.router.reference}` serves every request"


_ASSUMED = " (assumed, as the dearest: name yours by `reference`)"


def _priced(candidate: CandidateResult) -> str:
    if candidate.input_usd_per_mtok is None:
        meant = "" if candidate.meant is None else f". Did you mean `{candidate.meant}`?"
        return f"price unknown: takes no part in claims on cost{meant}"
    usd = f"${candidate.input_usd_per_mtok} in, ${candidate.output_usd_per_mtok} out per million tokens"
    hours = " at the dearest hour" if candidate.price_changes else ""
    return f"{usd}{hours}{'; sources differ (`fairlead prices diff`)' if candidate.price_disputed else ''}"


def _doubts(candidate: CandidateResult) -> str:
    if not candidate.unknown or candidate.meant is not None:
        return ""
    needs = ", ".join(candidate.unknown)
    return f"; not known whether it has {needs}, so no route sends it what needs them (`capabilities` says so)"


def _serves(route: RouteResult) -> str:
    if route.router is None:
        return f"no router is fitted, there is no evidence yet: {route.serves}"
    never_seen = f"; never seen: {', '.join(route.unseen)}" if route.unseen else ""
    certification = "" if route.certification is None else f"\n  {route.certification}"
    strangers = f"\n  {known_otherwise(route.unseen, route.strangers)}" if route.strangers else ""
    return f"router {route.router}: {route.serves}{never_seen}{strangers}{certification}"


def known_otherwise(unseen: Sequence[str], strangers: Sequence[str], most: int = 6) -> str:
    """Returns what to do where models that a router was fitted on may be ours under other names."""
    more = f" and {len(strangers) - most} more" if len(strangers) > most else ""
    fitted = f"it was also fitted on {listed(list(strangers[:most]))}{more}"
    name, model = unseen[0], unseen[0].rpartition("/")[2]
    likeliest = next(iter(difflib.get_close_matches(model, strangers, n=1, cutoff=0.0)), strangers[0])
    return f'{fitted}. Is one of them `{name}`? Then say so: `[models."{name}"]`, `known_as = ["{likeliest}"]`.'


def _show(result: CheckResult, console: Console) -> None:
    for line in lines(result):
        console.print(line, soft_wrap=True)
