"""What a request is about in general: the mean of its words in a table distilled from a sentence encoder.

    words, each once -WordPiece-> rows of the table (int8) -mean, unit length-> 128 numbers

The table knows English words that the training prompts do not hold, which n-grams cannot. It ships with the package
(`data/static.npz`, with its notice beside it); `tools/distil_static.py` rebuilds it. Reading it takes milliseconds.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from itertools import chain
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from fairlead.errors import ArtifactError
from fairlead.estimator import Estimator, State
from fairlead.features.reading import merged, read
from fairlead.features.word_rows import WordRows
from fairlead.features.wordpiece import pieces

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fairlead.features.reading import Float32Array, Reading
    from fairlead.types import FloatArray, Request

_NOTHING = -1
_TINY = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of pieces of words."""

    rows: npt.NDArray[np.int8]
    """The last one is zero."""
    unit: Float32Array
    """(n_columns,) what 1 means in each column."""
    place: Mapping[bytes, int]
    """Piece -> row."""
    fingerprint: npt.NDArray[np.uint8]
    """First eight bytes of the SHA-256 of the file."""

    def rows_of(self, words: Sequence[bytes]) -> Float32Array:
        """Returns (n_words, n_columns): each word the mean of its pieces, zeros where it has none."""
        pieces_of = [pieces(word, self.place) or [_NOTHING] for word in words]
        n_pieces = np.array([*map(len, pieces_of)])
        of_pieces = self.rows.take([*chain.from_iterable(pieces_of)], axis=0).astype(np.float32)
        total = np.add.reduceat(of_pieces, np.cumsum(n_pieces) - n_pieces, axis=0)
        return np.asarray(total * (self.unit / n_pieces[:, None]), dtype=np.float32)


@cache
def table() -> Table:
    """Returns the table that ships with the package, read once a process."""
    content = files("fairlead.features").joinpath("data", "static.npz").read_bytes()
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        words = arrays["words"].tobytes().split(b"\n")
        return Table(
            rows=np.pad(arrays["rows"], ((0, 1), (0, 0))),
            unit=arrays["unit"],
            place=dict(zip(words, range(len(words)), strict=True)),
            fingerprint=np.frombuffer(hashlib.sha256(content).digest()[:8], dtype=np.uint8),
        )


class Static(Estimator):
    """Columns of the table; a column's typical size over the training requests is 1 on average, and its mean is 0.

    Example:
        >>> from fairlead.types import Request
        >>> cat, dog, tax = map(Request.from_prompt, ("my cat sleeps", "a dog barks", "income tax returns"))
        >>> x = Static().fit_transform([cat, dog, tax])
        >>> bool(x[0] @ x[1] > x[0] @ x[2])
        True
    """

    mean_: FloatArray
    scale_: FloatArray
    table_: npt.NDArray[np.uint8]
    """Fingerprint of the table that the requests were read with."""

    def fit(self, requests: Sequence[Request]) -> Self:
        """Learns where the training requests lie; directions keep their proportions."""
        return self.fit_readings([read(request) for request in requests])

    def fit_readings(self, readings: Sequence[Reading]) -> Self:
        """Does the same for requests that were read already."""
        raw = merged(readings, directions(self.word_sums(readings)))
        self.mean_ = raw.mean(axis=0)
        self.scale_ = np.array([max(float(np.sqrt(np.square(raw - self.mean_).mean())), _TINY)])
        self.table_ = table().fingerprint
        return self

    def fit_transform(self, requests: Sequence[Request]) -> FloatArray:
        """Fits, and returns what `transform` would."""
        readings = [read(request) for request in requests]
        return self.fit_readings(readings).columns(readings)

    def transform(self, requests: Sequence[Request]) -> FloatArray:
        """Returns (n_requests, n_columns)."""
        return self.columns([read(request) for request in requests])

    def columns(self, readings: Sequence[Reading]) -> FloatArray:
        """Returns the same for requests that were read already."""
        return merged(readings, self.standardised(self.word_sums(readings)))

    def standardised(self, sums: FloatArray) -> FloatArray:
        """Returns (n_segments, n_columns) from the sums of `word_rows`."""
        return np.asarray((directions(sums) - self.mean_[None]) / self.scale_[0])

    def word_sums(self, readings: Sequence[Reading]) -> FloatArray:
        """Returns (n_segments, n_columns): the rows of the words of each segment, added up."""
        return self._rows.sums(readings)

    def word_rows(self, words: Sequence[bytes]) -> Float32Array:
        """Returns (n_words, n_columns) of the table."""
        return table().rows_of(words)

    def restore(self, state: State) -> Self:
        """Takes back what `state` gave.

        Raises:
            ArtifactError: it was learned with another table than the one that ships with this version.
        """
        if "table_" in state and not np.array_equal(state["table_"], table().fingerprint):
            raise ArtifactError("these features were fitted with another static table. Fit the router again.")
        return super().restore(state)

    @property
    def n_word_columns(self) -> int:
        """Columns of `word_rows`."""
        return len(table().unit)

    @cached_property
    def _rows(self) -> WordRows:
        return WordRows(self.word_rows, self.n_word_columns)


def directions(sums: FloatArray) -> FloatArray:
    """Returns rows of unit length, zeros where there was no known word."""
    length = np.sqrt(np.vecdot(sums, sums))
    return np.asarray(sums / np.maximum(length, _TINY)[:, None])
