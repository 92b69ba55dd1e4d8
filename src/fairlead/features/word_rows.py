"""Rows of numbers by word, worked out when a word is first met and kept while there is room."""

from __future__ import annotations

from itertools import accumulate, chain, pairwise
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from fairlead.features.reading import Float32Array, Reading
    from fairlead.types import FloatArray

CAPACITY = 16_384
"""Words kept; the few thousand most frequent ones make up nearly all text."""

LONGEST_WORD = 40
"""Bytes of a word that are read; longer ones are keys, hashes and encoded data."""

_ONES = np.ones(CAPACITY, dtype=np.float32)


class WordRows:
    """A memo in front of a pure function of words; it changes what a row costs, never what it is.

    Args:
        compute: words -> (n_words, n_columns); the row of a word must not depend on the others.
        n_columns: of each part of a row. Parts are added up one by one: what stands beside one must not touch how its
            sums are rounded.
    """

    def __init__(self, compute: Callable[[Sequence[bytes]], Float32Array], *n_columns: int) -> None:
        self._compute = compute
        edges = [0, *accumulate(n_columns)]
        self._parts = [slice(start, end) for start, end in pairwise(edges)]
        self._n_columns = edges[-1]
        self._lock = Lock()
        self._memo: dict[bytes, bytes] = {}  # a row as its bytes: joined, those of a text are a matrix

    def sums(self, readings: Sequence[Reading]) -> FloatArray:
        """Returns (n_segments, n_columns): the rows of each segment's words, added up."""
        sums = np.empty((sum(len(reading.distinct) for reading in readings), self._n_columns))
        for total, words in zip(sums, chain.from_iterable(r.distinct for r in readings), strict=True):
            rows = self(words)
            for part in self._parts:
                total[part] = _ONES[: len(words)] @ rows[:, part]
        return sums

    def __call__(self, words: Sequence[bytes]) -> Float32Array:
        """Returns (n_words, n_columns)."""
        try:
            return self._joined(map(self._memo.__getitem__, words))
        except KeyError:
            return self._learned(words)

    def _learned(self, words: Sequence[bytes]) -> Float32Array:
        if max(map(len, words)) > LONGEST_WORD:
            return self._compute([word[:LONGEST_WORD] for word in words])  # not worth keeping
        with self._lock:
            memo = self._memo
            new = [*dict.fromkeys(word for word in words if word not in memo)]
            if len(memo) + len(new) > CAPACITY:
                memo = self._memo = {}
                new = [*dict.fromkeys(words)]
            if len(new) > CAPACITY:
                return self._compute(words)
            memo |= zip(new, map(np.ndarray.tobytes, self._compute(new)), strict=True)
        return self._joined(map(memo.__getitem__, words))

    def _joined(self, rows: Iterable[bytes]) -> Float32Array:
        return np.frombuffer(b"".join(rows), dtype=np.float32).reshape(-1, self._n_columns)
