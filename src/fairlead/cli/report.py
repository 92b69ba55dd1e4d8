"""`fairlead report`: the savings statement of a ledger."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fairlead.cli.output import JsonOption, OutOption, Result, emit, write_whole
from fairlead.cli.places import DEFAULT, LedgerOption
from fairlead.cli.since import SinceOption, moment
from fairlead.cli.statement_result import StatementResult, result_of, show_statement

if TYPE_CHECKING:
    from rich.console import Console

    from fairlead.proof.statement import Statement

app = typer.Typer()

HtmlOption = Annotated[Path | None, typer.Option("--html", help="Write the statement to this file as a page, too.")]


class ReportResult(Result, kw_only=True, frozen=True):
    """What `fairlead report` states."""

    schema: str = "fairlead.report/1"
    ledger: str
    """The ledger's file, or the address of its database."""
    since: datetime | None
    """Start of the period that was asked for; `null` for everything."""
    html: str | None
    """The page that was written."""
    statement: StatementResult


@app.command()
def report(
    ledger: LedgerOption = DEFAULT,
    since: SinceOption = None,
    as_json: JsonOption = False,
    out: OutOption = None,
    html: HtmlOption = None,
) -> None:
    """States what was paid, what the reference would have cost, and how good the answers were, with intervals."""
    from fairlead.ledger.opening import reading  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.proof.page import page  # noqa: PLC0415
    from fairlead.proof.statement import statement  # noqa: PLC0415

    start = moment(since, datetime.now(UTC))
    with reading(ledger) as opened:
        stated = statement(opened.entries(start))
    if html is not None:
        write_whole(html, page(stated, title="Savings statement").encode())
    result = ReportResult(
        ledger=ledger, since=start, html=None if html is None else str(html), statement=result_of(stated)
    )
    emit(result, partial(_show, stated, html), as_json=as_json, out=out)


def _show(stated: Statement, html: Path | None, console: Console) -> None:
    show_statement(stated, console)
    if html is not None:
        console.print(f"\npage: {html}", markup=False, soft_wrap=True)
