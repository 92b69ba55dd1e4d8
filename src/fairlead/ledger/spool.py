"""Rows that the database could not take, in a local file, until it can: in order, bounded, none dropped silently."""

from __future__ import annotations

import os
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from fairlead.errors import LedgerError
from fairlead.ledger.forms import row_type
from fairlead.ledger.schema import ROWS, payloads

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from fairlead.ledger.chain import Row
    from fairlead.ledger.forms import Kept

BATCH = 500
"""Changes that are replayed in one transaction."""

_TABLES = {table.name: table for table in (*ROWS, payloads)}
_Line = list[tuple[str, dict[str, str | int | bool | float | None]]]
_DECODER = msgspec.json.Decoder(_Line)


class Spool:
    """A file with a line a change.

    A change whose line is not whole was never acknowledged, and is cut off. One that the database refuses for good goes
    to a second file, `.rejected`, with the reason.

    Args:
        path: of the file; its folder must exist.
        max_bytes: how large it may grow; what does not fit is refused.
        durable: wait for the disk, so that a change survives the death of the machine.
    """

    def __init__(self, path: Path, *, max_bytes: int, durable: bool = False) -> None:
        self.path = path
        self.max_bytes = max_bytes
        self.n_waiting = 0
        self.n_rejected = 0
        self._durable = durable
        self._passed = 0  # bytes at the beginning that the database has by now
        try:
            self._file = path.open("a+b")
            path.chmod(0o600)
            _lock(self._file)
            self._cut_to_whole_lines()
            self.n_rejected = _n_lines(self._rejected) if self._rejected.exists() else 0
        except BlockingIOError:
            self._file.close()
            message = f"another gateway uses the spool `{path}`. Give this one a `ledger.path` of its own."
            raise LedgerError(message) from None
        except OSError as error:
            raise LedgerError(f"cannot use the spool `{path}`: {error.strerror or error}. Make its folder.") from error

    @property
    def _rejected(self) -> Path:
        return self.path.with_name(f"{self.path.name}.rejected")

    def add(self, changes: Sequence[Kept]) -> None:
        """Appends changes, all or none.

        Raises:
            LedgerError: they do not fit, or cannot be written.
        """
        lines = b"".join(_line(change) for change in changes)
        size = self._file.seek(0, os.SEEK_END)
        if size + len(lines) > self.max_bytes:
            raise LedgerError(f"the spool `{self.path}` is full: {self.n_waiting} changes wait for the ledger in it.")
        try:
            self._write(self._file, lines)
        except OSError as error:
            self._file.truncate(size)  # what was written of it is nobody's
            raise LedgerError(f"cannot write to the spool `{self.path}`: {error.strerror or error}.") from error
        self.n_waiting += len(changes)

    def batches(self) -> Iterator[list[Kept]]:
        """Yields what waits, in order; a batch counts as passed once the next one is asked for."""
        while lines := self._lines():
            yield [_change(line) for line in lines]
            self._passed += sum(map(len, lines))
            self.n_waiting -= len(lines)
        self._file.truncate(0)
        self._passed = self.n_waiting = 0

    def reject(self, change: Kept, reason: Exception) -> None:
        """Puts a change aside that the database will never take."""
        with self._rejected.open("ab") as file:
            self._rejected.chmod(0o600)
            self._write(file, msgspec.json.encode({"reason": str(reason), "change": _named(change)}) + b"\n")
        self.n_rejected += 1

    def close(self) -> None:
        """Lets another process have it; what waits in it is replayed by the next one."""
        self._file.close()

    def _lines(self) -> list[bytes]:
        self._file.seek(self._passed)
        return list(islice(self._file, BATCH))

    def _write(self, file: BinaryIO, lines: bytes) -> None:
        file.write(lines)
        file.flush()
        if self._durable:
            os.fsync(file.fileno())

    def _cut_to_whole_lines(self) -> None:
        self._file.seek(0)
        whole = 0
        for line in self._file:
            if line.endswith(b"\n"):
                whole += len(line)
                self.n_waiting += 1
        self._file.truncate(whole)


def _lock(file: BinaryIO) -> None:
    try:
        import fcntl  # noqa: PLC0415 - not on Windows, where nobody else is kept out
    except ImportError:
        return
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _line(change: Kept) -> bytes:
    return msgspec.json.encode(_named(change)) + b"\n"


def _named(change: Kept) -> list[tuple[str, Row]]:
    return [(str(table.name), row) for table, row in change]  # its name is a string of SQLAlchemy's own


def _change(line: bytes) -> Kept:
    return tuple((table := _TABLES[name], row_type(table)(**content)) for name, content in _DECODER.decode(line))


def _n_lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in file)
