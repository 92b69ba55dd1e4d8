"""Whether the rows are those that were written: finds what was changed, is missing, or stands elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairlead.ledger.chain import ChainEnd, hash_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from fairlead.ledger.base import Ledger
    from fairlead.ledger.chain import ChainedRow, Writer

PAGE = 1_000
"""Rows of a chain that are held at a time."""
MAX_TRACED = 100
"""Rows that do not follow from the one before them and are looked for elsewhere; there are two or three a swap."""

RULES = {
    "row_changed": "a row does not say what it said when it was written",
    "row_missing": "a row was written and is not there",
    "row_reordered": "a row stands at another place than the one where it was written",
    "row_added": "a row was put in from outside",
    "end_differs": "a chain does not end as its `writers` row says",
    "end_lost": "an end that was noted, by a later writer or in a file, is not in its chain",
}
"""Every rule of the chain that can be broken, in words."""


@dataclass(frozen=True, slots=True)
class Break:
    """A place where a chain does not hold."""

    rule: str
    """One word of `RULES`."""
    row: str
    """Which row, or which place in which chain."""
    detail: str
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class _Stray:
    """A row that does not follow from the one before it."""

    row: ChainedRow
    before: str


def breaks(ledger: Ledger, noted: Iterable[ChainEnd] = ()) -> Iterator[Break]:
    """Yields every place where a chain does not hold; reads each row once, in bounded memory.

    A row at the end that is gone with its writer's word of it is found only by what a later writer saw, or by an end
    that was noted outside of the ledger.

    Args:
        ledger: rows that are written meanwhile are left for the next time.
        noted: ends of chains that were noted before, such as in an earlier result.
    """
    writers = ledger.writers()
    expected = _expected(writers, noted)
    for writer in writers:
        yield from _Walk(ledger, writer, expected.pop(writer.id, {})).breaks()
    for lost in expected.values():
        yield from (_lost(end) for end in lost.values())
    for row in ledger.unchained():
        yield Break("row_added", row.name, RULES["row_added"], _request(row))


def _expected(writers: Sequence[Writer], noted: Iterable[ChainEnd]) -> dict[str, dict[int, ChainEnd]]:
    """Returns writer -> place -> the end that was seen there."""
    seen = [writer.after for writer in writers if writer.after is not None]
    expected: dict[str, dict[int, ChainEnd]] = {}
    for end in [*seen, *noted]:
        expected.setdefault(end.writer, {})[end.seq] = end
    return expected


class _Walk:
    """One chain, from its first row to the end that its writer tells."""

    def __init__(self, ledger: Ledger, writer: Writer, expected: Mapping[int, ChainEnd]) -> None:
        self._ledger = ledger
        self._writer = writer
        self._expected = dict(expected)
        self._before: str | None = writer.start.hash  # `None` where the row before is missing
        self._strays: list[_Stray] = []
        self._n_strays = 0

    def breaks(self) -> Iterator[Break]:
        self._pass(self._writer.start)
        for first in range(1, self._writer.seq + 1, PAGE):
            yield from self._page(first, min(first + PAGE - 1, self._writer.seq))
        if self._before not in {None, self._writer.hash}:
            yield Break("end_differs", f"writers {self._writer.id}", RULES["end_differs"])
        yield from self._traced()
        yield from (_lost(end) for end in self._expected.values())

    def _page(self, first: int, last: int) -> Iterator[Break]:
        gap = first
        for row in self._ledger.chained(self._writer.id, first, last):
            seq = row.seq or 0
            if seq < gap:  # two tables hold a row of this place
                yield Break("row_added", row.name, f"place {seq} of its chain is another row's", _request(row))
                continue
            if seq > gap:
                yield self._missing(gap, seq - 1)
            gap = seq + 1
            self._follow(row)
        if gap <= last:
            yield self._missing(gap, last)

    def _missing(self, first: int, last: int) -> Break:
        self._before = None
        places = f"row {first}" if first == last else f"rows {first} to {last}"
        return Break("row_missing", f"{places} of {self._writer.id}", RULES["row_missing"])

    def _follow(self, row: ChainedRow) -> None:
        assert row.seq is not None
        found = row.hash or ""
        if self._before is not None and hash_of(self._before, row.table, row.content) != found:
            self._n_strays += 1
            if len(self._strays) < MAX_TRACED:
                self._strays.append(_Stray(row, self._before))
        self._before = found
        self._pass(ChainEnd(self._writer.id, row.seq, found))

    def _pass(self, end: ChainEnd) -> None:
        if self._expected.get(end.seq) == end:
            del self._expected[end.seq]

    def _traced(self) -> Iterator[Break]:
        """Yields what is wrong with each stray: it stands elsewhere if it follows from another stray's surroundings."""
        places = {hash_ for stray in self._strays for hash_ in (stray.before, stray.row.hash or "")}
        for stray in self._strays:
            row = stray.row
            moved = any(hash_of(place, row.table, row.content) == row.hash for place in places)
            rule = "row_reordered" if moved else "row_changed"
            yield Break(rule, row.name, f"{RULES[rule]}: row {row.seq} of {row.writer}", _request(row))
        if (more := self._n_strays - len(self._strays)) > 0:
            yield Break("row_changed", f"{more} more rows of {self._writer.id}", RULES["row_changed"])


def _lost(end: ChainEnd) -> Break:
    detail = f"{RULES['end_lost']}: hash {end.hash[:12]}"
    return Break("end_lost", f"row {end.seq} of {end.writer}", detail)


def _request(row: ChainedRow) -> str | None:
    known = row.content.get("request_id")
    return known if isinstance(known, str) else None
