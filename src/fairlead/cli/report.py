"""`fairlead report`: the savings statement of a ledger, or of an export of one."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from fairlead.cli.output import JsonOption, OutOption, Result, emit, write_whole
from fairlead.cli.places import DEFAULT, LedgerOption
from fairlead.cli.since import SinceOption, moment
from fairlead.cli.statement_result import StatementResult, result_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from fairlead.learning.road import Road
    from fairlead.ledger.base import Entry
    from fairlead.proof.statement import Statement

app = typer.Typer()

HtmlOption = Annotated[Path | None, typer.Option("--html", help="Write the statement to this file as a page, too.")]
FromOption = Annotated[
    Path | None,
    typer.Option(
        "--from", help="State from this export, `.parquet` or `.jsonl`, in place of the ledger: the same bytes."
    ),
]


class RoadResult(msgspec.Struct, kw_only=True, frozen=True):
    """Where the installation is on the road from day 0."""

    stage: str
    """`no_requests`, `no_scores`, `nothing_compared`, `gathering`, `ready` or `saving`."""
    n_requests: int
    """Served requests that a route decided."""
    n_scored: int
    n_compared: int
    """Requests on which the nearest candidate is compared with the reference."""
    candidate: str | None
    """The candidate that is nearest to a first saving."""
    labels_needed: int | None
    """About how many more requests must have both answers scored until a first saving can be shown, at a margin of
    0.01 and in four cases of five; `null` cannot be told."""
    words: str


class ReportResult(Result, kw_only=True, frozen=True):
    """What `fairlead report` states; it depends on the rows and on `since`, not on where the rows lie."""

    schema: str = "fairlead.report/2"
    since: datetime | None
    """Start of the period that was asked for; `null` for everything."""
    statement: StatementResult
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
    stated, here = _of_ledger(ledger, start) if export is None else _of_export(export, start)
    if html is not None:
        write_whole(html, page(stated, title="Savings statement").encode())
    told = msgspec.convert(here, RoadResult, from_attributes=True)
    result = ReportResult(since=start, statement=result_of(stated), road=told)
    emit(result, partial(_show, stated, here, html), as_json=as_json, out=out)


def _of_ledger(place: str, start: datetime | None) -> tuple[Statement, Road]:
    from fairlead.ledger.opening import reading  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.proof.statement import statement  # noqa: PLC0415

    with reading(place) as opened:
        return statement(opened.entries(start)), _road(opened.entries(start))


def _of_export(path: Path, start: datetime | None) -> tuple[Statement, Road]:
    from fairlead.ledger.exported import exported  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.proof.statement import statement  # noqa: PLC0415

    def entries() -> Iterator[Entry]:
        return (entry for entry in exported(path) if start is None or entry.at >= start)

    return statement(entries()), _road(entries())


def _road(entries: Iterator[Entry]) -> Road:
    from fairlead.learning.road import road, signs_of  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.policies.objectives import MARGIN  # noqa: PLC0415

    return road(signs_of(entries), margin=MARGIN)


def _show(stated: Statement, here: Road, html: Path | None, console: Console) -> None:
    from fairlead.cli.statement_shown import show_statement  # noqa: PLC0415 - only people need it

    show_statement(stated, console)
    if stated.n_requests:
        console.print(f"\nThe road to a first saving: {here.words}", markup=False, soft_wrap=True)
    if html is not None:
        console.print(f"\npage: {html}", markup=False, soft_wrap=True)
