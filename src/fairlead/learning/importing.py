"""Scores that come in a file: all of them are kept, or none, and every row that is passed over is named."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from fairlead.errors import TableError
from fairlead.learning.files import Problem, ScoreRow, read_scores
from fairlead.ledger.base import Feedback

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from fairlead.ledger.base import Ledger

MAX_ROWS = 1_000_000
"""Of one file; they are kept in one transaction."""
BATCH = 500
"""Decisions that are looked up at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of a file."""

    n_rows: int
    n_kept: int
    """0 where there is a problem."""
    duplicates: tuple[Problem, ...]
    """Rows that say what is kept already, or what an earlier row says."""
    problems: tuple[Problem, ...]
    """Rows that cannot be kept."""


async def import_scores(ledger: Ledger, path: Path, *, now: datetime, source: str = "human") -> Imported:
    """Keeps the scores of a file in one transaction; where any row cannot be kept, none is.

    The same score of a decision by the same source is passed over, so a file can be imported twice; another one is a
    newer judgement, unless both stand in this file.

    Args:
        ledger: that holds the decisions.
        path: of the file, see `files.read_scores`.
        now: when a row was scored that says nothing of it.
        source: of rows that name none.

    Raises:
        TableError: the file cannot be read, or has more than `MAX_ROWS` rows.
        LedgerError: the scores cannot be written.
    """
    sheet = _Sheet(now, source)
    for place, read in islice(read_scores(path), MAX_ROWS + 1):
        sheet.add(place, read)
    if sheet.n_rows > MAX_ROWS:
        raise TableError(f"`{path}` has more than {MAX_ROWS:,} rows. Split it.")
    for batch in sheet.batches():
        sheet.compare(batch, ledger.decided(batch))
    fresh = () if sheet.problems else tuple(row for row in sheet.rows.values() if row is not None)
    await ledger.feedback(*fresh)
    return Imported(
        n_rows=sheet.n_rows,
        n_kept=len(fresh),
        duplicates=tuple(sheet.duplicates),
        problems=tuple(sheet.problems),
    )


class _Sheet:
    """The rows of a file, sorted into those to keep, duplicates and problems."""

    def __init__(self, now: datetime, source: str) -> None:
        self._now = now
        self._source = source
        self._place: dict[tuple[str, str], str] = {}
        self._sources: dict[str, list[str]] = {}  # decision -> who scores it here
        self.n_rows = 0
        self.rows: dict[tuple[str, str], Feedback | None] = {}
        """(decision, source) -> its score; `None` where it is kept already."""
        self.duplicates: list[Problem] = []
        self.problems: list[Problem] = []

    def add(self, place: str, read: ScoreRow | Problem) -> None:
        self.n_rows += 1
        if isinstance(read, Problem):
            self.problems.append(read)
            return
        row = self._feedback(read)
        key = (row.decision_id, row.source)
        earlier = self.rows.get(key)
        if earlier is None:
            self.rows[key], self._place[key] = row, place
            self._sources.setdefault(row.decision_id, []).append(row.source)
        elif _says_the_same(earlier, row):
            self.duplicates.append(Problem(place, f"says what {self._place[key]} says"))
        else:
            detail = f"`{row.decision_id}` has another score by `{row.source}` in {self._place[key]}"
            self.problems.append(Problem(place, f"{detail}. Remove one of the two"))

    def batches(self) -> Iterator[Sequence[str]]:
        """Yields the decisions of the file, some at a time."""
        remaining = iter(self._sources)
        while batch := list(islice(remaining, BATCH)):
            yield batch

    def compare(self, batch: Sequence[str], decided: Mapping[str, Sequence[Feedback]]) -> None:
        """Marks rows of decisions that nobody made, and those that are kept already."""
        for decision_id in batch:
            for source in self._sources[decision_id]:
                key = (decision_id, source)
                if decision_id not in decided:
                    detail = (
                        f"no decision `{decision_id}` is in the ledger; expected a reply's `x-fairlead-decision-id`"
                    )
                    self.problems.append(Problem(self._place[key], detail))
                elif self._is_kept(key, decided[decision_id]):
                    self.duplicates.append(Problem(self._place[key], "is in the ledger already"))
                    self.rows[key] = None

    def _is_kept(self, key: tuple[str, str], kept: Sequence[Feedback]) -> bool:
        """Says whether the latest score of the same source says the same."""
        row, latest = self.rows[key], [earlier for earlier in kept if earlier.source == key[1]][-1:]
        return row is not None and any(_says_the_same(row, earlier) for earlier in latest)

    def _feedback(self, read: ScoreRow) -> Feedback:
        return Feedback(
            decision_id=read.decision_id,
            at=read.at or self._now,
            score=read.score,
            source=read.source or self._source,
            reference_score=read.reference_score,
        )


def _says_the_same(one: Feedback, other: Feedback) -> bool:
    return replace(one, at=other.at) == other
