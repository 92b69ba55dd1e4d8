"""`fairlead feedback`: scores of answers from a file, and how far each source of scores can be trusted."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from fairlead.cli.output import JsonOption, OutOption, Result, emit, table
from fairlead.cli.places import DEFAULT, LedgerOption
from fairlead.cli.since import SinceOption, moment
from fairlead.statistics.bootstrap import Interval  # noqa: TC001 - msgspec reads the annotations

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from fairlead.learning.files import Problem
    from fairlead.learning.importing import Imported

app = typer.Typer(no_args_is_help=True)

File = Annotated[
    Path, typer.Argument(help="`.csv`, `.jsonl` or `.parquet` with the columns `decision_id` and `score`.")
]
Source = Annotated[str, typer.Option(help="Who scored, where a row does not say: human, verifier, judge or implicit.")]

SHOWN = 20
"""Lines of a list that people see; `--json` has more."""
LISTED = 100


class ProblemResult(msgspec.Struct, kw_only=True, frozen=True):
    """A row of the file."""

    place: str
    """Its line, or its row in a Parquet file."""
    detail: str


class FeedbackImportResult(Result, kw_only=True, frozen=True):
    """What `fairlead feedback import` kept; exit code 1 where a row cannot be kept, and then none is."""

    schema: str = "fairlead.feedback.import/1"
    ledger: str
    """The ledger's file, or the address of its database."""
    file: str
    n_rows: int
    n_kept: int
    n_duplicates: int
    """Rows that say what is kept already, or what an earlier row says: passed over."""
    duplicates: tuple[ProblemResult, ...]
    """The first hundred."""
    n_problems: int
    problems: tuple[ProblemResult, ...]
    """The first hundred: unknown decisions, scores outside [0, 1], two scores of one answer by one source."""


class SourceResult(msgspec.Struct, kw_only=True, frozen=True):
    """One source, held against people who scored the same answers."""

    source: str
    n_scores: int
    n_both: int
    """Answers that a person scored as well."""
    true_good: int
    """Both found the answer good: a score of at least 0.5."""
    false_good: int
    """Only the source did."""
    true_bad: int
    false_bad: int
    mean_difference: float | None
    """Its score minus the person's; `null` without an answer that both scored."""
    sensitivity: Interval | None
    """Of the answers that people found good, the share that it found good; 95 % interval."""
    specificity: Interval | None
    """Of the answers that people found bad, the share that it found bad."""


class FeedbackSourcesResult(Result, kw_only=True, frozen=True):
    """How far the sources of a ledger's scores can be trusted."""

    schema: str = "fairlead.feedback.sources/1"
    ledger: str
    since: datetime | None
    sources: tuple[SourceResult, ...]


@app.command("import", short_help="keep the scores of a file: all, or none")
def import_(
    file: File,
    ledger: LedgerOption = DEFAULT,
    source: Source = "human",
    as_json: JsonOption = False,
    out: OutOption = None,
) -> None:
    """Keeps the scores of a file by decision id.

    Optional columns: `source`, `reference_score` (of the reference's answer to the same request), `at` (ISO 8601).
    """
    import re  # noqa: PLC0415

    from fairlead.ledger.sources import KINDS, PATTERN  # noqa: PLC0415 - heavy, loaded when called

    if not re.match(PATTERN, source):
        raise typer.BadParameter(f"`--source` is `{source}`; expected one of {', '.join(KINDS)}, or one with `:NAME`.")
    result = _result(ledger, file, asyncio.run(_imported(ledger, file, source)))
    emit(result, partial(_show, result), as_json=as_json, out=out)
    if result.n_problems:
        raise typer.Exit(1)


@app.command(short_help="how far each source of scores can be trusted")
def sources(
    ledger: LedgerOption = DEFAULT, since: SinceOption = None, as_json: JsonOption = False, out: OutOption = None
) -> None:
    """Holds each source of scores against the people who scored the same answers."""
    from fairlead.learning.reliability import reliabilities  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.ledger.opening import reading  # noqa: PLC0415

    start = moment(since, datetime.now(UTC))
    with reading(ledger) as opened:
        found = reliabilities(opened.entries(start))
    listed = tuple(msgspec.convert(one, SourceResult, from_attributes=True) for one in found)
    result = FeedbackSourcesResult(ledger=ledger, since=start, sources=listed)
    emit(result, partial(_show_sources, result), as_json=as_json, out=out)


async def _imported(place: str, file: Path, source: str) -> Imported:
    from fairlead.learning.importing import import_scores  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.ledger.opening import open_ledger  # noqa: PLC0415

    ledger = await asyncio.to_thread(open_ledger, place, create=False)
    try:
        return await import_scores(ledger, file, now=datetime.now(UTC), source=source)
    finally:
        await ledger.close()


def _result(place: str, file: Path, found: Imported) -> FeedbackImportResult:
    return FeedbackImportResult(
        ledger=place,
        file=str(file),
        n_rows=found.n_rows,
        n_kept=found.n_kept,
        n_duplicates=len(found.duplicates),
        duplicates=_first(found.duplicates),
        n_problems=len(found.problems),
        problems=_first(found.problems),
    )


def _first(found: tuple[Problem, ...]) -> tuple[ProblemResult, ...]:
    return tuple(ProblemResult(place=one.place, detail=one.detail) for one in found[:LISTED])


def _show(result: FeedbackImportResult, console: Console) -> None:
    lines = [*_lines("passed over", result.duplicates, result.n_duplicates)]
    lines += _lines("problem", result.problems, result.n_problems)
    kept = f"{result.n_kept:,} of {result.n_rows:,} scores kept"
    rows = "1 row" if result.n_problems == 1 else f"{result.n_problems:,} rows"
    refused = f"{rows} cannot be kept, so nothing was: correct the file and import it again"
    lines.append(f"{result.file}: {refused if result.n_problems else kept}")
    console.print("\n".join(lines), soft_wrap=True)


def _lines(what: str, rows: Iterable[ProblemResult], n: int) -> list[str]:
    shown = [f"  {what}: {row.place}: {row.detail}" for row in rows][:SHOWN]
    return [*shown, f"  and {n - SHOWN:,} more: see `--json`"] if n > SHOWN else shown


def _show_sources(result: FeedbackSourcesResult, console: Console) -> None:
    if not result.sources:
        console.print("No source but people has scored an answer yet.", soft_wrap=True)
        return
    rows = table("source", "scores", "with a person's", "finds the good", "finds the bad", "mean difference")
    for one in result.sources:
        difference = "not known" if one.mean_difference is None else f"{one.mean_difference:+.3f}"
        shares = (_share(one.sensitivity), _share(one.specificity))
        rows.add_row(one.source, f"{one.n_scores:,}", f"{one.n_both:,}", *shares, difference)
    console.print(rows)


def _share(share: Interval | None) -> str:
    return "not known" if share is None else f"{share.value:.0%} [{share.low:.0%}, {share.high:.0%}]"
