"""An export read back: the entries that the ledger gave, so that anyone can state the same without it.

What a replay needs beside (plan, context, chances) is not in an export, and so not in these entries.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import msgspec

from fairlead.errors import ConfigError, LedgerError, MissingExtraError
from fairlead.ledger.base import CertificateEvent, Entry, Feedback, Link
from fairlead.ledger.export import ROWS_PER_WRITE, AttemptRow, EntryRow, FeedbackRow
from fairlead.types import Attempt, Price, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_MADE = {"attempts", "links", "feedback", "reference_price"}
_COPIED = tuple(f.name for f in fields(Entry) if f.name in EntryRow.__struct_fields__ and f.name not in _MADE)
_CALLED = tuple(f.name for f in msgspec.structs.fields(Attempt) if f.name not in {"usage", "answer"})
_USED = tuple(f.name for f in msgspec.structs.fields(Usage) if f.name != "estimated")
_ROW = msgspec.json.Decoder(EntryRow)


def exported(path: Path) -> Iterator[Entry]:
    """Yields the entries of an export, in its order, in bounded memory.

    Args:
        path: what `export` wrote: `.parquet` or `.jsonl`.

    Raises:
        ConfigError: another suffix.
        LedgerError: the file cannot be read, or is no export.
        MissingExtraError: Parquet needs pyarrow.
    """
    yield from map(_entry, _rows(path))


def exported_events(path: Path) -> tuple[CertificateEvent, ...]:
    """Returns what the ledger of an export kept of certificates, oldest first; raises as `exported`."""
    first = next(_rows(path), None)
    events = () if first is None else first.certificate_events
    return tuple(CertificateEvent(**msgspec.structs.asdict(event)) for event in events)


def _rows(path: Path) -> Iterator[EntryRow]:
    read = _READERS.get(path.suffix)
    if read is None:
        raise ConfigError(
            f"cannot read `{path}`; expected a name that ends in {' or '.join(_READERS)}, or of a copy in .db."
        )
    try:
        yield from read(path)
    except OSError as error:
        raise LedgerError(f"cannot read `{path}`: {error.strerror or error}. Name an export.") from error
    except (msgspec.MsgspecError, ValueError, TypeError) as error:
        detail = f"`{path}` is no export of a ledger, or of a later Fairlead: {error}."
        raise LedgerError(f"{detail} Write one with `fairlead ledger export`.") from error


def _json_lines(path: Path) -> Iterator[EntryRow]:
    with path.open("rb") as file:
        yield from map(_ROW.decode, file)


def _parquet(path: Path) -> Iterator[EntryRow]:
    try:
        import pyarrow.parquet as pq  # noqa: PLC0415 - heavy, and an extra
    except ImportError as error:
        raise MissingExtraError("pyarrow", "tables") from error
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=ROWS_PER_WRITE):
            yield from msgspec.convert(batch.to_pylist(maps_as_pydicts="strict"), list[EntryRow])


_READERS: dict[str, Callable[[Path], Iterator[EntryRow]]] = {".parquet": _parquet, ".jsonl": _json_lines}


def _entry(row: EntryRow) -> Entry:
    return Entry(
        **{name: getattr(row, name) for name in _COPIED},
        attempts=tuple(map(_attempt, row.attempts)),
        reference_price=None if row.reference_price is None else msgspec.json.decode(row.reference_price, type=Price),
        feedback=tuple(_feedback(row, score) for score in row.feedback),
        links=tuple(Link(row=link.row, writer=link.writer, seq=link.seq, hash=link.hash) for link in row.links),
    )


def _feedback(row: EntryRow, score: FeedbackRow) -> Feedback:
    said = {name: getattr(score, name) for name in FeedbackRow.__struct_fields__}
    return Feedback(decision_id=row.decision_id, **said)


def _attempt(row: AttemptRow) -> Attempt:
    return Attempt(**{name: getattr(row, name) for name in _CALLED}, usage=_usage(row))


def _usage(row: AttemptRow) -> Usage | None:
    if row.input_tokens is None:
        return None
    counted = {name: getattr(row, name) for name in _USED if getattr(row, name) is not None}
    return Usage(**counted, estimated=bool(row.usage_estimated))
