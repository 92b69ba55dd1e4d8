"""What may be erased, and that its absence can be told from theft.

The chain holds a salted hash of each payload. One that is there must fit its hash. One that is not there must be
covered by an erasure, which is a row of the chain itself: so what was taken out is found, and what was erased is no
fault.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from msgspec.structs import asdict, replace
from sqlalchemy import bindparam, delete, func, select

from fairlead.ledger import rows
from fairlead.ledger.chain import plain
from fairlead.ledger.inspection import Break
from fairlead.ledger.pen import Statement
from fairlead.ledger.schema import erasures, payloads, requests

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Connection

    from fairlead.ledger.base import Entry, Erasure, Ledger, Payload
    from fairlead.ledger.chain import Row
    from fairlead.ledger.pen import Pen

_PAYLOADS, _REQUESTS = plain(payloads), plain(requests)
_OLD = select(_REQUESTS.c.request_id).where(_REQUESTS.c.at < bindparam("before", type_=_REQUESTS.c.at.type))
_OF_ALL = _PAYLOADS.c.request_id.in_(_OLD)
_OF_TEAM = _PAYLOADS.c.request_id.in_(_OLD.where(_REQUESTS.c.team == bindparam("team", type_=_REQUESTS.c.team.type)))

BATCH = 500
"""Requests whose payloads are read at a time."""

RULES = {
    "payload_changed": "a payload is not what it was when it was written",
    "payload_missing": "a payload was written, is not there, and no erasure covers it",
}
"""Every rule of payloads that can be broken, in words."""


def erased(pen: Pen, row: Row) -> Row:
    """Deletes what an `erasures` row, as the database keeps it, speaks of; returns the row with how many there were."""
    covered, named = _OF_ALL if row.team is None else _OF_TEAM, asdict(row)
    ((n_erased,),) = pen.run(Statement(select(func.count()).where(covered)), named)
    pen.run_all(Statement(delete(_PAYLOADS).where(covered)), [named])
    return replace(row, n_erased=n_erased)


def says_something(row: Row) -> bool:
    """Says whether an erasure is worth a row: the hourly one that found nothing is not."""
    return bool(row.n_erased) or row.reason != "retention"


def left(connection: Connection, request_ids: Sequence[str]) -> Mapping[str, Sequence[Payload]]:
    """Returns what is left of each of these requests."""
    query = select(payloads).where(payloads.c.request_id.in_(request_ids)).order_by(payloads.c.kind)
    found = defaultdict(list)
    for row in connection.execute(query).mappings():
        found[row["request_id"]].append(rows.payload(row))
    return found


def done(connection: Connection) -> Sequence[Erasure]:
    """Returns every erasure, oldest first."""
    query = select(erasures).order_by(erasures.c.at, erasures.c.id)
    return [rows.erasure(row) for row in connection.execute(query).mappings()]


class Inspection:
    """Compares payloads with the hashes of their requests, a batch at a time.

    Args:
        ledger: what is read.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._waiting: list[Entry] = []

    def add(self, entry: Entry) -> Iterator[Break]:
        """Takes a request; yields what was found of those before, now and then."""
        if entry.features_hash or entry.prompt_hash:
            self._waiting.append(entry)
        if len(self._waiting) == BATCH:
            yield from self.rest()

    def rest(self) -> Iterator[Break]:
        """Yields what is found of those that wait."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        there = self._ledger.payloads([entry.request_id for entry in waiting])
        gone = self._ledger.erasures()  # after the payloads: what is erased in between is told here
        for entry in waiting:
            yield from _faults(entry, there.get(entry.request_id, ()), gone)


def _faults(entry: Entry, there: Iterable[Payload], gone: Sequence[Erasure]) -> Iterator[Break]:
    found = {payload.kind: payload.hash for payload in there}
    for kind, hash_ in (("features", entry.features_hash), ("prompt", entry.prompt_hash)):
        name = f"payloads {entry.request_id}/{kind}"
        if hash_ is not None and kind not in found:
            if not any(erasure.covers(entry.team, entry.at) for erasure in gone):
                yield Break("payload_missing", name, RULES["payload_missing"], entry.request_id)
        elif found.get(kind, hash_) != hash_:  # type: ignore[call-overload]
            yield Break("payload_changed", name, RULES["payload_changed"], entry.request_id)
