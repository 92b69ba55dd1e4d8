"""`fairlead ledger`: verify a ledger, rebuild its bill, reconcile it with a provider's, export or erase from it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import msgspec
import typer

from fairlead.cli.erasing import erase
from fairlead.cli.output import JsonOption, OutOption, Result, emit
from fairlead.cli.places import DEFAULT, LedgerOption
from fairlead.cli.since import SinceOption, moment
from fairlead.cli.standing import certificates

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from fairlead.ledger.chain import ChainEnd
    from fairlead.ledger.verify import Verification

S = TypeVar("S", bound=msgspec.Struct)

app = typer.Typer(no_args_is_help=True)
app.command(short_help="what was promised with confidence, and whether it still holds")(certificates)
app.command(short_help="erase features and prompts, by team or by age")(erase)

ExportFile = Annotated[
    Path, typer.Option("--out", help="The file to write: `.parquet`, `.jsonl`, or `.db` for a copy of all.")
]
NotedOption = Annotated[
    Path | None,
    typer.Option("--noted", help="An earlier `verify --json`: each chain must still run through the end noted there."),
]

SHOWN = 20
"""Lines of a list that people see; `--json` has more."""


class FaultResult(msgspec.Struct, kw_only=True, frozen=True):
    """Something that does not add up."""

    request_id: str | None
    """`null` where no request is concerned, or it is not known which."""
    row: str
    """Table and key of the row, or its place in a chain."""
    rule: str
    """Of the chain: `row_changed`, `row_missing`, `row_reordered`, `row_added`, `end_differs` or `end_lost`; of a bill:
    `intent_missing`, `price_unknown`, `cost_differs`, `cost_without_ground` or `total_differs`."""
    detail: str


class ChainEndResult(msgspec.Struct, kw_only=True, frozen=True):
    """The newest row of a writer's chain."""

    writer: str
    seq: int
    """How many rows it has written."""
    hash: str
    """Of the newest: nothing before it can be changed without changing this."""


class UnsettledResult(msgspec.Struct, kw_only=True, frozen=True):
    """A request that may have been called and was not settled: still in flight, or cut off by a crash."""

    request_id: str
    at: datetime
    reserved_usd: Decimal | None
    """What it cost at most."""


class LedgerVerifyResult(Result, kw_only=True, frozen=True):
    """What `fairlead ledger verify` found; exit code 1 where there is a fault."""

    schema: str = "fairlead.ledger.verify/1"
    ledger: str
    """The ledger's file, or the address of its database."""
    ok: bool
    """Whether everything is as it was written and adds up. An unsettled request is not a fault."""
    n_rows: int
    """In all chains."""
    ends: tuple[ChainEndResult, ...]
    """Where each writer's chain ends. Keep them elsewhere and give them to `--noted`: nothing before may change."""
    n_requests: int
    n_attempts: int
    cost_usd: Decimal
    """Sum over the attempts whose cost is known."""
    n_unknown_cost: int
    """Attempts whose cost is not known, and so not in the sum."""
    n_estimated: int
    """Attempts whose usage was estimated, as the provider reported none."""
    unsettled: tuple[UnsettledResult, ...]
    n_faults: int
    faults: tuple[FaultResult, ...]
    """The first hundred."""


class BillLineResult(msgspec.Struct, kw_only=True, frozen=True):
    """One candidate's share of the bill."""

    candidate: str
    n_attempts: int
    n_unknown: int
    """Attempts that cannot be priced, and so are in neither sum."""
    kept_usd: Decimal
    """As it was written down."""
    rebuilt_usd: Decimal
    """Computed anew from usage and price rows."""


class LedgerRebuildResult(Result, kw_only=True, frozen=True):
    """What `fairlead ledger rebuild` computed; exit code 1 where a bill differs."""

    schema: str = "fairlead.ledger.rebuild/1"
    ledger: str
    """The ledger's file, or the address of its database."""
    ok: bool
    """Whether every bill is the same to the last digit."""
    since: datetime | None
    n_requests: int
    kept_usd: Decimal
    rebuilt_usd: Decimal
    lines: tuple[BillLineResult, ...]
    """By candidate."""
    n_differences: int
    differences: tuple[FaultResult, ...]
    """The first hundred."""


class GapResult(msgspec.Struct, kw_only=True, frozen=True):
    """A day and a model for which provider and ledger do not say the same."""

    day: date
    model: str
    rule: str
    """`not_in_ledger`, `not_billed`, `differs` or `cost_unknown`."""
    billed_usd: Decimal | None
    """What the provider asks; `null` where it asks nothing."""
    kept_usd: Decimal | None
    """What the ledger holds; `null` where it holds nothing."""
    difference_usd: Decimal
    """How much more the provider asks."""
    n_unknown: int
    """Attempts of unknown cost, which are not in the ledger's sum."""


class LedgerReconcileResult(Result, kw_only=True, frozen=True):
    """What `fairlead ledger reconcile` found; exit code 1 where there is a gap."""

    schema: str = "fairlead.ledger.reconcile/1"
    ledger: str
    """The ledger's file, or the address of its database."""
    bill: str
    """The provider's file."""
    ok: bool
    """Whether every day and model agrees within the tolerance."""
    provider: str | None
    tolerance_usd: Decimal
    n_matched: int
    """Days of a model that agree."""
    billed_usd: Decimal
    kept_usd: Decimal
    """What the ledger holds of the bill's days."""
    gaps: tuple[GapResult, ...]


class LedgerExportResult(Result, kw_only=True, frozen=True):
    """What `fairlead ledger export` wrote."""

    schema: str = "fairlead.ledger.export/1"
    ledger: str
    """The ledger's file, or the address of its database."""
    out: str
    """The file that was written."""
    rows_schema: str
    """Name and version of the rows' shape."""
    n_rows: int
    since: datetime | None


@app.command(short_help="find rows that were changed, and bills that do not add up")
def verify(
    ledger: LedgerOption = DEFAULT, noted: NotedOption = None, as_json: JsonOption = False, out: OutOption = None
) -> None:
    """Follows the hash chain through every row and computes every bill anew; lists what is not as it was written."""
    from fairlead.ledger.opening import reading  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.ledger.verify import verify as verify_ledger  # noqa: PLC0415

    ends = _noted(noted)
    with reading(ledger) as opened:
        result = _result(ledger, verify_ledger(opened, ends))
    emit(result, partial(_show_verification, result), as_json=as_json, out=out)
    if not result.ok:
        raise typer.Exit(1)


@app.command(short_help="compute the whole bill anew from the rows alone")
def rebuild(
    ledger: LedgerOption = DEFAULT, since: SinceOption = None, as_json: JsonOption = False, out: OutOption = None
) -> None:
    """Computes every bill anew from usage and price rows, and compares it with the one that was kept."""
    from fairlead.ledger.opening import reading  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.ledger.rebuild import rebuild as rebuild_bill  # noqa: PLC0415

    start = moment(since, datetime.now(UTC))
    with reading(ledger) as opened:
        found = rebuild_bill(opened, start)
    result = LedgerRebuildResult(
        ledger=ledger,
        ok=not found.n_differences,
        since=start,
        n_requests=found.n_requests,
        kept_usd=found.kept_usd,
        rebuilt_usd=found.rebuilt_usd,
        lines=_converted(found.lines, BillLineResult),
        n_differences=found.n_differences,
        differences=_converted(found.differences, FaultResult),
    )
    emit(result, partial(_show_bill, result), as_json=as_json, out=out)
    if not result.ok:
        raise typer.Exit(1)


@app.command(short_help="compare with a provider's bill, by day and model")
def reconcile(  # noqa: PLR0913 - each column can be named
    bill: Annotated[Path, typer.Argument(metavar="INVOICE.csv", help="The provider's export, with a header.")],
    *,
    ledger: LedgerOption = DEFAULT,
    provider: Annotated[str | None, typer.Option(help="Whose bill it is: only `PROVIDER/...` is compared.")] = None,
    tolerance_usd: Annotated[str, typer.Option(help="How far the sum of a day may be off.")] = "0.01",
    day_column: Annotated[str | None, typer.Option(help="Name of the column with the day.")] = None,
    model_column: Annotated[str | None, typer.Option(help="Name of the column with the model.")] = None,
    cost_column: Annotated[str | None, typer.Option(help="Name of the column with the USD.")] = None,
    as_json: JsonOption = False,
    out: OutOption = None,
) -> None:
    """Compares the ledger with a provider's bill by day (UTC) and model, and lists the gaps.

    OpenAI's and Anthropic's cost exports are read as they are.
    """
    from fairlead.ledger.opening import reading  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.ledger.reconcile import read_bill  # noqa: PLC0415
    from fairlead.ledger.reconcile import reconcile as compare  # noqa: PLC0415

    named = {"day": day_column, "model": model_column, "cost": cost_column}
    billed = read_bill(bill, {what: name for what, name in named.items() if name})
    tolerance = _sum(tolerance_usd)
    with reading(ledger) as opened:
        found = compare(opened, billed, provider=provider, tolerance_usd=tolerance)
    result = LedgerReconcileResult(
        ledger=ledger,
        bill=str(bill),
        ok=not found.gaps,
        provider=provider,
        tolerance_usd=tolerance,
        n_matched=found.n_matched,
        billed_usd=found.billed_usd,
        kept_usd=found.kept_usd,
        gaps=_converted(found.gaps, GapResult),
    )
    emit(result, partial(_show_gaps, result), as_json=as_json, out=out)
    if not result.ok:
        raise typer.Exit(1)


@app.command(short_help="write one row a request, for other tools")
def export(
    out: ExportFile, since: SinceOption = None, ledger: LedgerOption = DEFAULT, as_json: JsonOption = False
) -> None:
    """Writes one row a request, with all its attempts, for other tools."""
    from fairlead.ledger.export import SCHEMA  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.ledger.export import export as export_ledger  # noqa: PLC0415
    from fairlead.ledger.opening import reading  # noqa: PLC0415

    start = moment(since, datetime.now(UTC))
    with reading(ledger) as opened:
        n_rows = export_ledger(opened, out, start)
    result = LedgerExportResult(ledger=ledger, out=str(out), rows_schema=SCHEMA, n_rows=n_rows, since=start)
    emit(result, partial(_show_export, result), as_json=as_json)


def _result(place: str, found: Verification) -> LedgerVerifyResult:
    return LedgerVerifyResult(
        ledger=place,
        ok=found.ok,
        n_rows=found.n_rows,
        ends=_converted(found.ends, ChainEndResult),
        n_requests=found.n_requests,
        n_attempts=found.n_attempts,
        cost_usd=found.cost_usd,
        n_unknown_cost=found.n_unknown_cost,
        n_estimated=found.n_estimated,
        unsettled=_converted(found.unsettled, UnsettledResult),
        n_faults=found.n_faults,
        faults=_converted(found.faults, FaultResult),
    )


def _converted(found: Iterable[object], kind: type[S]) -> tuple[S, ...]:
    return tuple(msgspec.convert(thing, kind, from_attributes=True) for thing in found)


def _noted(path: Path | None) -> list[ChainEnd]:
    """Returns the ends of chains that an earlier `verify --json` printed."""
    from fairlead.ledger.chain import ChainEnd  # noqa: PLC0415 - heavy, loaded when called

    if path is None:
        return []
    try:
        earlier = msgspec.json.decode(path.read_bytes(), type=_Noted)
    except (OSError, msgspec.MsgspecError) as error:
        raise typer.BadParameter(f"cannot read `{path}`: {error}; expected what `verify --json` printed.") from error
    return [ChainEnd(end.writer, end.seq, end.hash) for end in earlier.ends if end.seq]


class _Noted(msgspec.Struct):
    ends: tuple[ChainEndResult, ...]


def _sum(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise typer.BadParameter(f"`{text}` is no number; expected USD such as `0.01`.") from error


def _show_verification(result: LedgerVerifyResult, console: Console) -> None:
    counts = f"{result.n_rows} rows, {result.n_requests} requests, {result.n_attempts} attempts"
    lines = [f"{result.ledger}: {counts}, {_cost(result)}"]
    unsettled = [
        f"  unsettled since {request.at:%Y-%m-%d %H:%M:%S} UTC: {request.request_id}, at most {_bound(request)}"
        for request in result.unsettled
    ]
    faults = [_fault(fault) for fault in result.faults]
    lines += [*_cut(unsettled, len(unsettled)), *_cut(faults, result.n_faults)]
    lines.append("everything is as it was written and adds up" if result.ok else f"{result.n_faults} faults")
    console.print("\n".join(lines), soft_wrap=True)


def _show_bill(result: LedgerRebuildResult, console: Console) -> None:
    lines = [f"{result.ledger}: {result.n_requests} requests, computed anew from usage and price rows"]
    width = max((len(line.candidate) for line in result.lines), default=0)
    for line in result.lines:
        unknown = f", {line.n_unknown} of them of unknown cost" if line.n_unknown else ""
        sums = f"kept {line.kept_usd:f} USD, rebuilt {line.rebuilt_usd:f} USD"
        lines.append(f"  {line.candidate:<{width}}  {sums} ({line.n_attempts} attempts{unknown})")
    lines.append(f"  {'all':<{width}}  kept {result.kept_usd:f} USD, rebuilt {result.rebuilt_usd:f} USD")
    lines += _cut([_fault(fault) for fault in result.differences], result.n_differences)
    lines.append("the same to the last digit" if result.ok else f"{result.n_differences} differences")
    console.print("\n".join(lines), soft_wrap=True)


def _show_gaps(result: LedgerReconcileResult, console: Console) -> None:
    sums = f"billed {result.billed_usd:f} USD, kept {result.kept_usd:f} USD"
    lines = [f"{result.bill} and {result.ledger}: {result.n_matched} days of a model agree, {sums}"]
    gaps = [
        f"  {gap.day} {gap.model}: {gap.rule}: billed {_known(gap.billed_usd)}, kept {_known(gap.kept_usd)}"
        + (f" and {gap.n_unknown} calls of unknown cost" if gap.n_unknown else "")
        for gap in result.gaps
    ]
    lines += _cut(gaps, len(gaps))
    lines.append("they agree" if result.ok else f"{len(gaps)} gap{'' if len(gaps) == 1 else 's'}")
    console.print("\n".join(lines), soft_wrap=True)


def _known(value: Decimal | None) -> str:
    return "nothing" if value is None else f"{value:f} USD"


def _fault(fault: FaultResult) -> str:
    return f"  fault: {fault.row}: {fault.rule}: {fault.detail}"


def _cut(lines: list[str], n: int) -> list[str]:
    rest = [f"  and {n - SHOWN} more: see `--json`"] if n > SHOWN else []
    return lines[:SHOWN] + rest


def _bound(request: UnsettledResult) -> str:
    return "an unknown sum" if request.reserved_usd is None else f"{request.reserved_usd:f} USD"


def _cost(result: LedgerVerifyResult) -> str:
    unknown = f" and {result.n_unknown_cost} attempts of unknown cost" if result.n_unknown_cost else ""
    estimated = f" ({result.n_estimated} attempts with estimated usage)" if result.n_estimated else ""
    return f"{result.cost_usd:f} USD{unknown}{estimated}"


def _show_export(result: LedgerExportResult, console: Console) -> None:
    console.print(f"{result.n_rows} requests written to {result.out}", soft_wrap=True)
