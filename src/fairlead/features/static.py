"""What a request is about in general: the mean of its words in a table distilled from a sentence encoder.

    words, each once -WordPiece-> rows of the table (int8) -mean, unit length-> 128 numbers

The table knows English words that the training prompts do not hold, which n-grams cannot. It ships with the package
(`data/static.npz`, with its notice beside it); `tools/distil_static.py` rebuilds it. Reading it takes milliseconds.

References:
    Wu et al., Google's neural machine translation system, 2016, arXiv:1609.08144, on WordPiece.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from fairlead.errors import ArtifactError
from fairlead.estimator import Estimator, State
from fairlead.features.reading import middle, read
from fairlead.features.word_rows import WordRows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fairlead.features.reading import Float32Array, Reading
    from fairlead.types import FloatArray, Request

_INSIDE = b"##"
_TINY = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of pieces of words."""

    rows: npt.NDArray[np.int8]
    unit: Float32Array
    """(n_columns,) what 1 means in each column."""
    place: Mapping[bytes, int]
    """Piece -> row; a piece that does not begin a word begins with `##`."""
    fingerprint: npt.NDArray[np.uint8]
    """First eight bytes of the SHA-256 of the file."""

    def pieces(self, word: bytes) -> list[int]:
        """Returns the rows of the longest pieces that make up a word, from its start on; none if it has others."""
        if word in self.place:
            return [self.place[word]]
        found, start = [], 0
        while start < len(word):
            mark = _INSIDE if start else b""
            ends = range(len(word), start, -1)
            place, start = next(
                ((p, e) for e in ends if (p := self.place.get(mark + word[start:e])) is not None), (-1, 0)
            )
            if place < 0:
                return []
            found.append(place)
        return found

    def rows_of(self, words: Sequence[bytes]) -> Float32Array:
        """Returns (n_words, n_columns): each word the mean of its pieces, zeros where it has none."""
        return np.stack([self._row(self.pieces(word)) for word in words])

    def _row(self, pieces: list[int]) -> Float32Array:
        total = self.rows[pieces].sum(axis=0, dtype=np.int64)
        return np.asarray(total * self.unit / np.float32(max(len(pieces), 1)), dtype=np.float32)


@cache
def table() -> Table:
    """Returns the table that ships with the package, read once a process."""
    content = files("fairlead.features").joinpath("data", "static.npz").read_bytes()
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        words = arrays["words"].tobytes().split(b"\n")
        return Table(
            rows=arrays["rows"],
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
        raw = self._raw(readings)
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
        self.check_fitted("mean_")
        return np.asarray((self._raw(readings) - self.mean_) / self.scale_)

    def restore(self, state: State) -> Self:
        """Takes back what `state` gave.

        Raises:
            ArtifactError: it was learned with another table than the one that ships with this version.
        """
        if "table_" in state and not np.array_equal(state["table_"], table().fingerprint):
            raise ArtifactError("these features were fitted with another static table. Fit the router again.")
        return super().restore(state)

    def _raw(self, readings: Sequence[Reading]) -> FloatArray:
        raw = np.empty((len(readings), len(table().unit)))
        for row, reading in zip(raw, readings, strict=True):
            row[:] = middle([self._mean(words) for words in reading.distinct])
        return raw

    def _mean(self, words: Sequence[bytes]) -> Float32Array:
        """Returns the direction of the words' mean: of unit length, zeros for no words."""
        total = np.ones(len(words), dtype=np.float32) @ self._rows(words)
        return np.asarray(total / max(float(np.sqrt(total @ total)), _TINY))

    @cached_property
    def _rows(self) -> WordRows:
        return WordRows(table().rows_of, len(table().unit))
