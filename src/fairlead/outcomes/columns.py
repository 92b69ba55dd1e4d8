"""The columns of one file, each checked as it is taken; a complaint names file, row, column and value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fairlead.errors import TableError
from fairlead.outcomes.files import arrow, read_columns

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from fairlead.types import BoolArray, FloatArray

ObjectArray = npt.NDArray[np.object_]


class Columns:
    """The columns of the file at `path` that we know; others are not read.

    Raises:
        TableError: the file is missing, unreadable or empty, or lacks a required column.
        MissingExtraError: `pyarrow` is not installed.
    """

    def __init__(self, path: Path, *, required: Collection[str], optional: Collection[str] = ()) -> None:
        self.path = path
        self._table = read_columns(path, required, optional)
        if self.n_rows == 0:
            raise TableError(f"`{path}` has no rows; expected at least one. Write the table again.")

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return int(self._table.num_rows)

    def __contains__(self, name: str) -> bool:
        return name in self._table.column_names

    def texts(self, name: str) -> ObjectArray:
        """Returns (n_rows,) strings.

        Raises:
            TableError: the column holds something else, or a value is absent.
        """
        texts = self.texts_or_none(name)
        self.refuse(np.array([text is None for text in texts], dtype=np.bool_), name, "a text")
        return texts

    def names(self, name: str) -> ObjectArray:
        """Returns (n_rows,) strings that name something: none is absent or empty.

        Raises:
            TableError: see `texts`; also an empty one.
        """
        names = self.texts(name)
        self.refuse(names == "", name, "a name")
        return names

    def texts_or_none(self, name: str) -> ObjectArray:
        """Returns (n_rows,) strings, `None` where absent; all `None` where the file has no such column."""
        if name not in self:
            return np.full(self.n_rows, None, dtype=np.object_)
        column = self._typed(name, "text", ("string", "large_string", "string_view", "dictionary", "null"))
        texts = np.empty(self.n_rows, dtype=np.object_)
        texts[:] = column.to_pylist()
        return texts

    def numbers(self, name: str) -> FloatArray:
        """Returns (n_rows,) numbers, NaN where absent; all NaN where the file has no such column."""
        if name not in self:
            return np.full(self.n_rows, np.nan)
        column = self._typed(name, "numbers", ("int", "uint", "float", "double", "halffloat", "bool", "null"))
        return np.asarray(column.cast("double").to_numpy(), dtype=np.float64)

    def counts(self, name: str) -> FloatArray:
        """Returns (n_rows,) whole numbers of at least 0, NaN where absent.

        Raises:
            TableError: a value is negative, infinite or has a fraction.
        """
        counts = self.numbers(name)
        known = ~np.isnan(counts)
        wrong = known & ~(np.isfinite(counts) & (counts >= 0) & (np.floor(counts) == counts))
        self.refuse(wrong, name, "a whole number of at least 0, or nothing where it is unknown")
        return counts

    def flags(self, name: str, *, absent: bool) -> BoolArray:
        """Returns (n_rows,) truth values, `absent` where the file says nothing."""
        if name not in self:
            return np.full(self.n_rows, absent)
        column = self._typed(name, "true or false", ("bool", "null"))
        return np.array([absent if value is None else value for value in column.to_pylist()], dtype=np.bool_)

    def refuse(self, wrong: BoolArray, name: str, expected: str) -> None:
        """Raises TableError for the first row where `wrong`; rows count from 1."""
        if wrong.any():
            row = int(np.argmax(wrong))
            value = self._table.column(name)[row].as_py()
            place = f"`{self.path}`, row {row + 1}, column `{name}`"
            raise TableError(f"{place} is {value!r}; expected {expected}. Correct or remove this row.")

    def _typed(self, name: str, expected: str, prefixes: tuple[str, ...]) -> Any:
        column = self._table.column(name)
        if not str(column.type).startswith(prefixes):
            place = f"`{self.path}`, column `{name}`"
            raise TableError(f"{place} holds {column.type}; expected {expected}. Convert it and write it again.")
        return column


def write_parquet(path: Path, columns: Mapping[str, npt.NDArray[Any]]) -> None:
    """Writes columns of equal length; NaN and `None` become absent values."""
    pa = arrow()
    table = pa.table({name: pa.array(values, from_pandas=True) for name, values in columns.items()})
    pa.parquet.write_table(table, path, compression="zstd")
