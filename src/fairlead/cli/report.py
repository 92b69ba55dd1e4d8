"""`fairlead report`: the savings statement of a ledger, or of an export of one."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fairlead.cli.output import JsonOption, OutOption, Result, emit, write_whole
from fairlead.cli.places import DEFAULT, LedgerOption
from fairlead.cli.road_result import RoadResult, road_of
from fairlead.cli.since import SinceOption, moment
from fairlead.proof.statement import Statement  # noqa: TC001 - msgspec reads the annotations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from fairlead.ledger.base import Entry

app = typer.Typer()

HtmlOption = Annotated[Path | None, typer.Option("--html", help="Write the statement to this file as a page, too.")]
FromOption = Annotated[
    Path | None,
    typer.Option(
        "--from", help="State from this export, `.parquet`, `.jsonl` or `.db`, in place of the ledger: the same bytes."
    ),
]


class ReportResult(Result, kw_only=True, frozen=True):
    """What `fairlead report` states; it depends on the rows and on `since`, not on where the rows lie."""

    schema: str = "fairlead.report/3"
    since: datetime | None
    """Start of the period that was asked for; `null` for everything."""
    statement: Statement
    road: RoadResult


@app.command()
def report(
    ledger: LedgerOption = DEFAULT,
    since: SinceOption = None,
    export: FromOption = None,
    as_json: JsonOption = False,
    out: OutOption = None,
    html: HtmlOption = None,
) -> None:
    """States what was paid, what the reference would have cost, and how good the answers were, with intervals."""
    from fairlead.proof.page import page  # noqa: PLC0415 - heavy, loaded when called

    start = moment(since, datetime.now(UTC))
    stated, here = _of_export(export, start) if export is not None else _of_ledger(ledger, start)
    if html is not None:
        write_whole(html, page(stated, title="Savings statement").encode())
    result = ReportResult(since=start, statement=stated, road=here)
    emit(result, partial(_show, result, stated, html), as_json=as_json, out=out)


def _of_ledger(place: str, start: datetime | None) -> tuple[Statement, RoadResult]:
    from fairlead.ledger.opening import reading  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.proof.statement import statement  # noqa: PLC0415

    with reading(place) as opened:
        return statement(opened.entries(start), opened.certificate_events()), road_of(opened.entries(start))


def _of_export(path: Path, start: datetime | None) -> tuple[Statement, RoadResult]:
    from fairlead.ledger.export import COPY  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.ledger.exported import exported, exported_events  # noqa: PLC0415
    from fairlead.proof.statement import statement  # noqa: PLC0415

    if path.suffix == COPY:
        return _of_ledger(str(path), start)

    def entries() -> Iterator[Entry]:
        return (entry for entry in exported(path) if start is None or entry.at >= start)

    return statement(entries(), exported_events(path)), road_of(entries())


def _show(result: ReportResult, stated: Statement, html: Path | None, console: Console) -> None:
    from fairlead.cli.statement_shown import show_statement  # noqa: PLC0415 - only people need it

    show_statement(stated, console, start=result.since)
    if stated.n_requests:
        console.print(f"\nThe road from day 0: {result.road.words}", soft_wrap=True)
    if html is not None:
        console.print(f"\npage: {html}", soft_wrap=True)
