"""Who writes: changes become links of this process' chain, within the limits, or wait in the spool."""

from __future__ import annotations

import time
from collections import defaultdict
from datetime import UTC, datetime
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict, astuple
from sqlalchemy import and_, bindparam, insert, literal_column, select, update

from fairlead.errors import LedgerError
from fairlead.ledger import erasing, reading
from fairlead.ledger.accounts import Accounts, Answer
from fairlead.ledger.chain import begin, plain
from fairlead.ledger.claimed import Change
from fairlead.ledger.database import BAD_ROW, WRITE, NotAtOnceError, explained
from fairlead.ledger.ids import new_id
from fairlead.ledger.pen import Statement
from fairlead.ledger.schema import (
    IN_ORDER,
    UNCHAINED,
    Instant,
    erasures,
    feedback,
    prices,
    requests,
    settlements,
    writers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Table

    from fairlead.ledger.accounts import Posted
    from fairlead.ledger.chain import ChainEnd
    from fairlead.ledger.database import Database
    from fairlead.ledger.forms import Kept
    from fairlead.ledger.pen import Pen
    from fairlead.ledger.spool import Spool

_WRITERS = plain(writers)
_NEWEST_WRITER = Statement(select(_WRITERS).order_by(_WRITERS.c.id.desc()).limit(1))
_BEGIN = Statement(insert(_WRITERS), tuple(_WRITERS.c.keys()))
_MOVE_ON = Statement(
    update(_WRITERS)
    .where(_WRITERS.c.id == bindparam("writer"))
    .values(seq=bindparam("last_seq"), hash=bindparam("last_hash"))
)
_QUICK = frozenset({requests, settlements, feedback})
"""Tables of changes that take no longer the more the ledger holds: of the first row, the others are of its request."""


class Scribe:
    """Writes changes; for one thread at a time, which `GroupCommit` sees to.

    Args:
        database: where to.
        spool: takes changes while the database cannot; without one they are refused.
        retry_s: how long a database that failed is left alone, seconds.
    """

    def __init__(self, database: Database, spool: Spool | None, *, retry_s: float) -> None:
        self._database = database
        self._spool = spool
        self._retry_s = retry_s
        self._retry_at = 0.0  # by the monotonic clock
        self._accounts = Accounts()
        self._end: ChainEnd | None = None  # of our chain

    @property
    def n_spooled(self) -> int:
        """Changes that wait in the spool for the database."""
        return 0 if self._spool is None else self._spool.n_waiting

    def write(self, changes: Sequence[Change]) -> Sequence[Answer]:
        """Keeps all changes, or tells why not; waits for whatever there is to wait for."""
        if not self.replayed():  # what waits goes first
            return self._spooled(changes, None)
        return self._commit(changes)

    def write_at_once(self, changes: Sequence[Change]) -> Sequence[Answer] | None:
        """The same without waiting; `None` where something has to be waited for or is wrong: nothing was done."""
        if self.n_spooled or not all(_is_quick(change) for change in changes):
            return None
        try:
            return self._written(self._database.commit_at_once(lambda pen: self._posted(pen, changes)))
        except (NotAtOnceError, *BAD_ROW):
            return None  # `write` finds out what it is, and for whom

    def replayed(self) -> bool:
        """Writes what waits in the spool, and tells whether nothing waits any more."""
        if self._spool is None or not self._spool.n_waiting:
            return True
        if time.monotonic() < self._retry_at:
            return False
        try:
            for batch in self._spool.batches():
                self._replay(batch)
        except BAD_ROW:
            self._broke_off()
            return False
        return True

    def _commit(self, changes: Sequence[Change]) -> Sequence[Answer]:
        try:
            return self._written(self._database.commit(lambda pen: self._posted(pen, changes)))
        except BAD_ROW as error:
            if self._database.unavailable(error):  # the disk, a lock, the network: none could be kept
                self._broke_off()
                return self._spooled(changes, error)
            if len(changes) == 1:
                return [self._explain(error)]
            return [answer for change in changes for answer in self._commit([change])]  # one is at fault

    def _posted(self, pen: Pen, changes: Sequence[Change], *, others: bool = False) -> tuple[ChainEnd | None, Posted]:
        """Writes what no limit forbids; returns the new end of our chain, and what came of the changes."""
        posted = self._accounts.post(pen, changes, others=others)
        return self._append(pen, posted.written), posted

    def _written(self, done: tuple[ChainEnd | None, Posted]) -> Sequence[Answer]:
        """Takes in what is committed now; returns what came of each change."""
        self._end, posted = done
        self._accounts.committed(posted)
        return posted.answers

    def _broke_off(self) -> None:
        """Notes a failure: the commit may have been made all the same, so a new chain starts behind it."""
        self._end = None
        self._retry_at = time.monotonic() + self._retry_s

    def _spooled(self, changes: Sequence[Change], error: Exception | None) -> list[Answer]:
        """Puts aside what the database cannot take now; without a spool, or where it is full, that is refused."""
        if self._spool is None:
            assert error is not None
            return [self._explain(error) for _ in changes]
        waiting = [change.rows for change in changes if change.claimed is None]
        try:
            self._spool.add(waiting)
        except LedgerError as full:
            return [full for _ in changes]
        return [() if change.claimed is None else self._cannot_grant() for change in changes]

    def _cannot_grant(self) -> LedgerError:
        place = self._database.place
        return LedgerError(f"the ledger `{place}` is not available, and a limit cannot be kept without it.")

    def _replay(self, batch: Sequence[Kept]) -> None:
        """Writes a batch of the spool: what a replay that broke off has written already is passed over.

        Raises:
            SQLAlchemyError: the database is not available.
        """
        try:
            self._written(self._database.commit(lambda pen: self._posted(pen, _absent(pen, batch), others=True)))
        except BAD_ROW as error:
            if self._database.unavailable(error):
                raise
            if len(batch) == 1 and self._spool is not None:
                self._spool.reject(batch[0], self._explain(error))
                return
            for change in batch:
                self._replay([change])

    def _append(self, pen: Pen, changes: Sequence[Kept]) -> ChainEnd | None:
        """Puts rows at the end of our chain; returns its new end."""
        if not (fresh := _new(pen, changes)):
            return self._end
        end = self._end
        gathered: dict[Table, list[tuple[Any, ...]]] = defaultdict(list)
        for table, row in chain.from_iterable(fresh):
            if table in UNCHAINED:  # is deleted one day, and so is no link of the chain
                gathered[table].append(astuple(row))
                continue
            if table is erasures:
                row = erasing.erased(pen, row)  # noqa: PLW2901 - with how many there were
                if not erasing.says_something(row):
                    continue
            end = (end or _begun(pen)).next(table.name, row)
            gathered[table].append((*astuple(row), end.writer, end.seq, end.hash))
        for table in IN_ORDER:
            if table in gathered:
                pen.insert(table, gathered[table])
        if end is not None and end is not self._end:
            pen.run_all(_MOVE_ON, [{"writer": end.writer, "last_seq": end.seq, "last_hash": end.hash}])
        return end

    def _explain(self, error: Exception) -> LedgerError:
        return explained(self._database, error, WRITE)


def _is_quick(change: Change) -> bool:
    return not change.rows or change.rows[0][0] in _QUICK


def _begun(pen: Pen) -> ChainEnd:
    """Returns the start of a new chain, which names the one that began before it."""
    newest = [dict(zip(_WRITERS.c.keys(), row, strict=True)) for row in pen.run(_NEWEST_WRITER, {})]
    after = reading.writer_of(newest[0]).end if newest else None
    began_at = Instant().kept(datetime.now(UTC))
    start = begin(new_id("wrt"), began_at, after)
    seen = (None, None, None) if after is None else (after.writer, after.seq, after.hash)
    named = dict(zip(("after_writer", "after_seq", "after_hash"), seen, strict=True))
    pen.run_all(_BEGIN, [{"id": start.writer, "began_at": began_at, "seq": 0, "hash": start.hash, **named}])
    return start


def _absent(pen: Pen, changes: Sequence[Kept]) -> list[Change]:
    """Returns the changes whose first row is not there; feedback has no id of its own, so all of it counts."""
    found = []
    for change in changes:
        table, row = change[0]
        content = asdict(row)
        names = [c.name for c in table.primary_key] if table is not feedback else list(content)
        given = tuple(name for name in names if content[name] is not None)
        missing = tuple(name for name in names if content[name] is None)
        if not pen.run(_same(table, given, missing), content):
            found.append(Change(change))
    return found


@cache
def _same(table: Table, given: tuple[str, ...], missing: tuple[str, ...]) -> Statement:
    columns = plain(table).c
    same = [columns[name] == bindparam(name, type_=columns[name].type) for name in given]
    empty = [columns[name].is_(None) for name in missing]
    return Statement(select(literal_column("1")).where(and_(*same, *empty)).limit(1))


@cache
def _known(n: int) -> Statement:
    ids = plain(prices).c.id
    return Statement(select(ids).where(ids.in_([bindparam(f"i{i}") for i in range(n)])))


def _new(pen: Pen, changes: Sequence[Kept]) -> Sequence[Kept]:
    """Returns the changes without prices that are kept already, each price once."""
    wanted = sorted({rows[0][1].id for rows in changes if _is_price(rows)})
    if not wanted:
        return changes
    known = {row[0] for row in pen.run(_known(len(wanted)), {f"i{i}": name for i, name in enumerate(wanted)})}
    fresh: list[Kept] = []
    for rows in changes:
        if not _is_price(rows):
            fresh.append(rows)
        elif (name := rows[0][1].id) not in known:
            known.add(name)
            fresh.append(rows)
    return fresh


def _is_price(rows: Kept) -> bool:
    return bool(rows) and rows[0][0] is prices
