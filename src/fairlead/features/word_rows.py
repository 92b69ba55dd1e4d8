"""Rows of numbers by word, worked out when a word is first met and kept while there is room."""

from __future__ import annotations

from itertools import chain, repeat
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fairlead.features.reading import Float32Array, Reading
    from fairlead.types import FloatArray

CAPACITY = 16_384
"""Words kept; the few thousand most frequent ones make up nearly all text."""

LONGEST_WORD = 40
"""Bytes of a word that are read; longer ones are keys, hashes and encoded data."""

_UNKNOWN = -1
_ONES = np.ones(CAPACITY, dtype=np.float32)


class WordRows:
    """A memo in front of a pure function of words; it changes what a row costs, never what it is.

    Args:
        compute: words -> (n_words, n_columns); the row of a word must not depend on the others.
        n_columns: of a row.
    """

    def __init__(self, compute: Callable[[Sequence[bytes]], Float32Array], n_columns: int) -> None:
        self._compute = compute
        self._n_columns = n_columns
        self._lock = Lock()
        self._memo = self._empty()

    def sums(self, readings: Sequence[Reading]) -> FloatArray:
        """Returns (n_segments, n_columns): the rows of each segment's words, added up."""
        sums = np.empty((sum(len(reading.distinct) for reading in readings), self._n_columns))
        for total, words in zip(sums, chain.from_iterable(r.distinct for r in readings), strict=True):
            total[:] = _ONES[: len(words)] @ self(words)
        return sums

    def __call__(self, words: Sequence[bytes]) -> Float32Array:
        """Returns (n_words, n_columns)."""
        slots, rows = self._memo  # read at once: another thread may put an empty one in its place
        known = [*map(slots.get, words, repeat(_UNKNOWN))]
        return self._learned(words) if _UNKNOWN in known else rows.take(known, axis=0)

    def _learned(self, words: Sequence[bytes]) -> Float32Array:
        if max(map(len, words)) > LONGEST_WORD:
            return self._compute([word[:LONGEST_WORD] for word in words])  # not worth keeping
        with self._lock:
            slots, rows = self._memo
            new = [word for word in dict.fromkeys(words) if word not in slots]
            if len(slots) + len(new) > CAPACITY:
                slots, rows = self._memo = self._empty()
                new = [*dict.fromkeys(words)]
            if len(new) > CAPACITY:
                return self._compute(words)
            start = len(slots)
            rows[start : start + len(new)] = self._compute(new)
            slots |= zip(new, range(start, start + len(new)), strict=True)  # found only once their rows are there
        return rows[[slots[word] for word in words]]

    def _empty(self) -> tuple[dict[bytes, int], Float32Array]:
        # Pages of `np.empty` that nothing was written to take no memory.
        return {}, np.empty((CAPACITY, self._n_columns), dtype=np.float32)
