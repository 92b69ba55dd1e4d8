"""Files of scores, CSV, JSON lines or Parquet: a row a score, each with the place that a message names."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - msgspec reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from fairlead.errors import MissingExtraError, TableError
from fairlead.ledger.sources import KINDS, PATTERN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

Score = Annotated[float, msgspec.Meta(ge=0, le=1)]


class ScoreRow(msgspec.Struct, kw_only=True, frozen=True):
    """A score as a file gives it; further columns are left alone."""

    decision_id: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    score: Score
    source: Annotated[str, msgspec.Meta(pattern=PATTERN)] | None = None
    reference_score: Score | None = None
    at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a row."""

    place: str
    """`line 7`, or `row 7` of a Parquet file."""
    detail: str


_COLUMN = re.compile(r"(?:\$\.|field `)(\w+)`")
"""The column that a message of msgspec is about."""
_EXPECTED = {
    "decision_id": "1 to 128 characters",
    "score": "a number from 0 to 1",
    "source": f"one of {', '.join(KINDS)}, or one with `:NAME`",
    "reference_score": "a number from 0 to 1",
    "at": "a moment with its time zone, such as 2026-11-25T13:00:00Z",
}

Read = tuple[str, ScoreRow | Problem]
"""The place of a row, and what stands there."""


def read_scores(path: Path) -> Iterator[Read]:
    """Yields every row of a file, or what is wrong with it.

    Raises:
        TableError: the file cannot be read, or has no such columns.
        MissingExtraError: Parquet needs pyarrow.
    """
    reader = _READERS.get(path.suffix)
    if reader is None:
        raise TableError(f"cannot read `{path}`; expected a name that ends in {', '.join(_READERS)}.")
    try:
        for place, raw in reader(path):
            yield place, raw if isinstance(raw, Problem) else _row(place, raw)
    except OSError as error:
        raise TableError(f"cannot read `{path}`: {error.strerror or error}. Give the path of a file.") from None
    except UnicodeDecodeError:
        raise TableError(f"`{path}` is not UTF-8 text; expected one score a line.") from None


def _row(place: str, raw: Mapping[str, Any]) -> ScoreRow | Problem:
    given = {name: value for name, value in raw.items() if value is not None and value != ""}
    try:
        return msgspec.convert(given, ScoreRow, strict=False)
    except msgspec.ValidationError as error:
        name = _COLUMN.findall(str(error))[-1]
        found = f"is {given[name]!r}" if name in given else "is missing"
        return Problem(place, f"`{name}` {found}; expected {_EXPECTED[name]}")


def _csv(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        _check(path, reader.fieldnames or ())
        try:
            for raw in reader:
                yield f"line {reader.line_num}", {name: value for name, value in raw.items() if isinstance(name, str)}
        except csv.Error as error:
            raise TableError(f"`{path}`, line {reader.line_num}: {error}. Write the file again.") from None


def _json_lines(path: Path) -> Iterator[tuple[str, Mapping[str, Any] | Problem]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            place = f"line {number}"
            if not line.strip():
                continue
            try:
                yield place, msgspec.json.decode(line, type=dict[str, Any])
            except (msgspec.DecodeError, RecursionError) as error:
                yield place, Problem(place, f"no JSON object ({error})")


def _parquet(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        import pyarrow as pa  # noqa: PLC0415 - heavy, and an extra
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError("pyarrow", "tables") from error
    try:
        file = pq.ParquetFile(path)
        _check(path, file.schema_arrow.names)
        wanted = [name for name in file.schema_arrow.names if name in ScoreRow.__struct_fields__]
        number = 0
        for batch in file.iter_batches(columns=wanted):
            for raw in batch.to_pylist():
                number += 1
                yield f"row {number}", raw
    except pa.ArrowException as error:
        raise TableError(f"`{path}` cannot be read as Parquet ({error}). Write or copy it again.") from None


def _check(path: Path, present: Any) -> None:
    for name in ("decision_id", "score"):
        if name not in present:
            listed = ", ".join(f"`{column}`" for column in present) or "none"
            raise TableError(f"`{path}` has no column `{name}`, only {listed}. Add it, or rename the one you mean.")


_READERS: dict[str, Callable[[Path], Iterator[tuple[str, Any]]]] = {
    ".csv": _csv,
    ".jsonl": _json_lines,
    ".parquet": _parquet,
}
