"""The statement in the terminal."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from fairlead import wording
from fairlead.cli.output import table
from fairlead.proof.shown import (
    arms,
    certificate_lines,
    counts,
    figures,
    included,
    mean_cost,
    misroute_lines,
    period,
    quality_lines,
    scored_by,
    steps,
    verdict,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rich.console import Console
    from rich.table import Table

    from fairlead.proof.shares import Share
    from fairlead.proof.statement import Statement


def show_statement(statement: Statement, console: Console, *, start: datetime | None = None) -> None:
    """Prints the statement for people.

    Args:
        statement: what is stated.
        console: where to.
        start: of the period that was asked for; `None` for everything.
    """
    if statement.since is None:
        nothing = "No requests" if start is None else f"No requests since {start.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        console.print(f"{nothing}: there is nothing to state yet. Send some through `fairlead serve`.", soft_wrap=True)
        return
    console.print(
        f"{period(statement)}: {statement.n_requests:,} requests in {statement.n_sessions:,} sessions, "
        f"reference {', '.join(statement.references) or 'none'}\n",
    )
    console.print(_headline(statement))
    console.print(f"\n{verdict(statement)}\n", style="bold")
    if statement.gap is not None:
        console.print(_gap(statement))
    for line in (*quality_lines(statement), *misroute_lines(statement), *certificate_lines(statement)):
        console.print(line, soft_wrap=True)
    console.print()
    for part in (_included(statement), _models(statement), _kinds(statement), _arms(statement)):
        console.print(part)
    for name, parts in (("route", statement.routes), ("team", statement.teams)):
        if len(parts) > 1 or (name == "team" and parts):
            console.print(_shares(name, parts))
    _show_counts(statement, console)


def _headline(statement: Statement) -> Table:
    headline = table("", "", "")
    for figure in figures(statement):
        headline.add_row(figure.name, figure.value, figure.note)
    naive = statement.naive
    headline.add_row(
        "Naive saving, for comparison",
        wording.usd(naive.saving_usd),
        f"served tokens at the reference's price, {naive.n_requests:,} requests: no counterfactual",
    )
    return headline


def _gap(statement: Statement) -> Table:
    rows = table("why the naive figure differs", "USD [95 %]")
    for name, usd, words in steps(statement):
        rows.add_row(f"{name}: {words}" if words else name, usd)
    return rows


def _included(statement: Statement) -> Table:
    rows = table("what routing costs, in what was paid", "calls", "USD")
    for name, n, usd in included(statement):
        rows.add_row(name, n, usd)
    return rows


def _models(statement: Statement) -> Table:
    rows = table("model", "calls", "share", "paid, USD", "score [95 %]", "n", "p50")
    for row in statement.models:
        unknown = f" + {row.n_unknown_cost} unknown" if row.n_unknown_cost else ""
        rows.add_row(
            row.model,
            f"{row.n_calls:,}",
            wording.percent(row.share),
            wording.bare(wording.usd(row.cost_usd)) + unknown,
            wording.interval(row.score, wording.score),
            scored_by(row),
            wording.seconds(row.latency_p50_s),
        )
    return rows


def _kinds(statement: Statement) -> Table:
    rows = table("task, model", "answers", "score [95 %]", "n", "mean USD [95 %]", "p50")
    for row in statement.kinds:
        rows.add_row(
            f"{row.kind}, {row.model}",
            f"{row.n:,}",
            wording.interval(row.score, wording.score),
            scored_by(row),
            mean_cost(row),
            wording.seconds(row.latency_p50_s),
        )
    return rows


def _arms(statement: Statement) -> Table:
    rows = table("arm", "requests", "sessions", "failed", "paid", "mean score", "n scored")
    for name, arm in arms(statement):
        rows.add_row(
            name,
            f"{arm.n_requests:,}",
            f"{arm.n_sessions:,}",
            f"{arm.n_failed:,}",
            wording.usd(arm.paid_usd),
            wording.score(arm.mean_score),
            f"{arm.n_scored:,}",
        )
    return rows


def _shares(name: str, parts: Sequence[Share]) -> Table:
    rows = table(name, "requests", "paid, USD", "saving [95 %]", "quality [95 %]")
    for part in parts:
        rows.add_row(
            part.name,
            f"{part.n_requests:,}",
            wording.bare(wording.usd(part.paid_usd)),
            wording.interval(part.saving.saving_share if part.saving else None, wording.percent),
            wording.interval(part.quality.difference if part.quality else None, wording.points),
        )
    return rows


def _show_counts(statement: Statement, console: Console) -> None:
    lines = [f"{count.n:>7,}  {count.key}: {count.words}" for count in counts(statement)]
    console.print("\n".join(["", *lines]), soft_wrap=True)
    if statement.n_configurations > 1:
        several = f"{statement.n_configurations:,} configurations served in this period."
        console.print(f"{several} If the share of the control arm changed, ask for one at a time.", soft_wrap=True)
    if statement.unknown.n_requests:
        bound = wording.usd(statement.unknown.bound_usd)
        console.print(f"{statement.unknown.n_requests:>7,}  of unknown cost, in no sum: together at most {bound}")
    console.print(f"rows: sha256 {statement.rows_sha256}", soft_wrap=True)
