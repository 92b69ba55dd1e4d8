"""`fairlead ledger`: verify a ledger, or export its rows."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal  # noqa: TC003 - msgspec reads the annotations
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from fairlead.cli.output import JsonOption, OutOption, Result, emit
from fairlead.cli.since import SinceOption, moment
from fairlead.config import LedgerConfig

if TYPE_CHECKING:
    from rich.console import Console

    from fairlead.ledger.sqlite import SqliteLedger
    from fairlead.ledger.verify import Verification

app = typer.Typer(no_args_is_help=True)

LedgerOption = Annotated[Path, typer.Option("--ledger", help="The ledger's file.")]
ExportFile = Annotated[Path, typer.Option("--out", help="The file to write: `.parquet` or `.jsonl`.")]
DEFAULT = LedgerConfig().path

SHOWN = 20
"""Lines of a list that people see; `--json` has more."""


class FaultResult(msgspec.Struct, kw_only=True, frozen=True):
    """Something that does not add up."""

    request_id: str
    rule: str
    """`intent_missing`, `price_unknown`, `cost_differs`, `cost_without_ground` or `total_differs`."""
    detail: str


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
    """The ledger's file."""
    ok: bool
    """Whether everything adds up. An unsettled request is not a fault."""
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


class LedgerExportResult(Result, kw_only=True, frozen=True):
    """What `fairlead ledger export` wrote."""

    schema: str = "fairlead.ledger.export/1"
    ledger: str
    """The ledger's file."""
    out: str
    """The file that was written."""
    rows_schema: str
    """Name and version of the rows' shape."""
    n_rows: int
    since: datetime | None


@app.command(short_help="compute every bill anew; list what does not add up")
def verify(ledger: LedgerOption = DEFAULT, as_json: JsonOption = False, out: OutOption = None) -> None:
    """Computes every bill anew from usage and price rows, and lists what does not add up."""
    from fairlead.ledger.verify import verify as verify_ledger  # noqa: PLC0415 - heavy, loaded when called

    result = _result(ledger, verify_ledger(_opened(ledger)))
    emit(result, partial(_show_verification, result), as_json=as_json, out=out)
    if not result.ok:
        raise typer.Exit(1)


@app.command(short_help="write one row a request, for other tools")
def export(
    out: ExportFile, since: SinceOption = None, ledger: LedgerOption = DEFAULT, as_json: JsonOption = False
) -> None:
    """Writes one row a request, with all its attempts, for other tools."""
    from fairlead.ledger.export import SCHEMA  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.ledger.export import export as export_ledger  # noqa: PLC0415

    start = moment(since, datetime.now(UTC))
    n_rows = export_ledger(_opened(ledger), out, start)
    result = LedgerExportResult(ledger=str(ledger), out=str(out), rows_schema=SCHEMA, n_rows=n_rows, since=start)
    emit(result, partial(_show_export, result), as_json=as_json)


def _opened(path: Path) -> SqliteLedger:
    from fairlead.ledger.sqlite import SqliteLedger  # noqa: PLC0415 - heavy, loaded when called

    return SqliteLedger.open(path, create=False)


def _result(path: Path, found: Verification) -> LedgerVerifyResult:
    return LedgerVerifyResult(
        ledger=str(path),
        ok=found.ok,
        n_requests=found.n_requests,
        n_attempts=found.n_attempts,
        cost_usd=found.cost_usd,
        n_unknown_cost=found.n_unknown_cost,
        n_estimated=found.n_estimated,
        unsettled=tuple(msgspec.convert(found.unsettled, list[UnsettledResult], from_attributes=True)),
        n_faults=found.n_faults,
        faults=tuple(msgspec.convert(found.faults, list[FaultResult], from_attributes=True)),
    )


def _show_verification(result: LedgerVerifyResult, console: Console) -> None:
    lines = [f"{result.ledger}: {result.n_requests} requests, {result.n_attempts} attempts, {_cost(result)}"]
    unsettled = [
        f"  unsettled since {request.at:%Y-%m-%d %H:%M:%S} UTC: {request.request_id}, at most {_bound(request)}"
        for request in result.unsettled
    ]
    faults = [f"  fault: {fault.request_id}: {fault.rule}: {fault.detail}" for fault in result.faults]
    lines += [*_cut(unsettled, len(unsettled)), *_cut(faults, result.n_faults)]
    lines.append("everything adds up" if result.ok else f"{result.n_faults} faults")
    console.print("\n".join(lines), markup=False, soft_wrap=True)


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
    console.print(f"{result.n_rows} requests written to {result.out}", markup=False, soft_wrap=True)
