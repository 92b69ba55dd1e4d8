"""The two files of a table, each in one of three formats; the first that is there is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from fairlead.errors import MissingExtraError, TableError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

TEXTS = ("prompt_id", "prompt", "model", "benchmark", "subset", "answer")
"""Columns that are text whatever they look like: the answer `12` of a CSV file is no number."""
BLOCK_BYTES = 1 << 26
"""Of a CSV file taken at once: no row may be longer, and types are told from the first block."""


def table_file(folder: Path, stem: str) -> Path:
    """Returns the file of a table, `<stem>.parquet`, `.csv` or `.jsonl`.

    Raises:
        TableError: `folder` is no folder, or holds none of the three.
    """
    if not folder.is_dir():
        found = "is a file" if folder.exists() else "does not exist"
        raise TableError(f"`{folder}` {found}; expected a folder with `prompts.*` and `outcomes.*` in it. Name that.")
    for suffix in _READERS:
        if (path := folder / (stem + suffix)).is_file():
            return path
    present = ", ".join(f"`{path.name}`" for path in sorted(folder.iterdir())[:8]) or "nothing"
    names = f"`{stem}.parquet`, `{stem}.csv` or `{stem}.jsonl`"
    raise TableError(f"`{folder}` holds {present}; expected {names}. Write it, or rename the file you mean.")


def is_table(folder: Path) -> bool:
    """Tells whether a folder holds prompts."""
    return any((folder / ("prompts" + suffix)).is_file() for suffix in _READERS)


def read_columns(path: Path, required: Collection[str], optional: Collection[str]) -> Any:
    """Returns the known columns of a file as an Arrow table.

    Raises:
        TableError: the file cannot be read, or lacks a required column.
        MissingExtraError: `pyarrow` is not installed.
    """
    pa = arrow()
    read, kind = _READERS[path.suffix]
    try:
        table = read(path, {*required, *optional}, lambda present: _check_columns(path, present, required))
        table.validate(full=True)
    except (pa.ArrowException, msgspec.DecodeError, UnicodeDecodeError, OSError) as error:
        raise TableError(f"`{path}` cannot be read as {kind} ({error}). Write or copy it again.") from error
    return table


def arrow() -> Any:
    """Returns `pyarrow`, with what it reads files by.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - serving needs no tables
        import pyarrow.csv  # noqa: PLC0415
        import pyarrow.parquet  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError("pyarrow", "tables") from error
    return pa


def _check_columns(path: Path, present: Collection[str], required: Collection[str]) -> None:
    for name in required:
        if name not in present:
            listed = ", ".join(f"`{column}`" for column in present)
            raise TableError(f"`{path}` has no column `{name}`, only {listed}. Add it, or rename the one you mean.")


def _parquet(path: Path, known: Collection[str], check: Callable[[Collection[str]], None]) -> Any:
    parquet = arrow().parquet
    present = [str(name) for name in parquet.read_schema(path).names]
    check(present)
    return parquet.read_table(path, columns=[name for name in present if name in known])


def _csv(path: Path, known: Collection[str], check: Callable[[Collection[str]], None]) -> Any:
    """An empty field is absent, a quoted empty one is an empty text; a text may run over several lines."""
    pa = arrow()
    table = pa.csv.read_csv(
        path,
        read_options=pa.csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES),
        parse_options=pa.csv.ParseOptions(newlines_in_values=True),
        convert_options=pa.csv.ConvertOptions(
            column_types=dict.fromkeys(TEXTS, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    check(table.column_names)
    return table.select([name for name in table.column_names if name in known])


def _json_lines(path: Path, known: Collection[str], check: Callable[[Collection[str]], None]) -> Any:
    with path.open("rb") as file:
        rows = [msgspec.json.decode(line, type=dict[str, Any]) for line in file if line.strip()]
    names = list(dict.fromkeys(name for row in rows for name in row))
    if rows:
        check(names)
    return arrow().table({name: [row.get(name) for row in rows] for name in names if name in known})


_READERS: dict[str, tuple[Callable[..., Any], str]] = {
    ".parquet": (_parquet, "Parquet"),
    ".csv": (_csv, "CSV"),
    ".jsonl": (_json_lines, "lines of JSON"),
}
