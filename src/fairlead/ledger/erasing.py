"""What may be erased, and that its absence can be told from theft.

The chain holds a salted hash of each payload. One that is there must fit its hash. One that is not there must be
covered by an erasure, which is a row of the chain itself: so what was taken out is found, and what was erased is no
fault.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from fairlead.ledger import rows
from fairlead.ledger.inspection import Break
from fairlead.ledger.schema import Instant, erasures, payloads, requests

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Connection

    from fairlead.ledger.base import Entry, Erasure, Ledger, Payload
    from fairlead.ledger.chain import Content

BATCH = 500
"""Requests whose payloads are read at a time."""

RULES = {
    "payload_changed": "a payload is not what it was when it was written",
    "payload_missing": "a payload was written, is not there, and no erasure covers it",
}
"""Every rule of payloads that can be broken, in words."""


def erased(connection: Connection, content: Content) -> Content:
    """Deletes what an `erasures` row, as the database keeps it, speaks of; returns the row with how many there were."""
    before = Instant().process_result_value(content["before"], connection.dialect)  # type: ignore[arg-type]
    chosen = select(requests.c.request_id).where(requests.c.at < before)
    if content["team"] is not None:
        chosen = chosen.where(requests.c.team == content["team"])
    done = connection.execute(delete(payloads).where(payloads.c.request_id.in_(chosen)))
    return {**content, "n_erased": done.rowcount}


def says_something(content: Content) -> bool:
    """Says whether an erasure is worth a row: the hourly one that found nothing is not."""
    return bool(content["n_erased"]) or content["reason"] != "retention"


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
