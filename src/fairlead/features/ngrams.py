"""What a request is about: its words and their runs of four letters, hashed, weighed and projected.

    words, each once -hash-> 2^14 buckets -idf, unit length-> a sparse row -truncated SVD-> 128 numbers

This is latent semantic analysis over hashed n-grams, as in fastText of whole words and of what they are made of: an
unknown or misspelt word is near the one it resembles. A word counts once however often it is said. All n-grams lie
within a word, so a text's row is the sum of its words' rows, and those are remembered.

References:
    Weinberger et al., Feature hashing for large scale multitask learning, 2009, arXiv:0902.2206.
    Bojanowski et al., Enriching word vectors with subword information, 2017, arXiv:1607.04606.
    Halko, Martinsson, Tropp, Finding structure with randomness, 2011, arXiv:0909.4061.
"""

from __future__ import annotations

from functools import cached_property
from itertools import accumulate, chain
from typing import TYPE_CHECKING, Self
from zlib import crc32

import numpy as np
import numpy.typing as npt

from fairlead.estimator import Estimator
from fairlead.features.reading import merged, read
from fairlead.features.word_rows import WordRows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.features.reading import Float32Array, Reading
    from fairlead.types import FloatArray, IntArray, Request

BUCKET_BITS = 14
N_BUCKETS = 1 << BUCKET_BITS
BYTES_PER_GRAM = 4

_SHIFT = 32 - BUCKET_BITS
_SALT = 0x9E3779B1
_N_POWER_ITERATIONS = 1
_OVERSAMPLING = 16
_TINY = 1e-6


class Ngrams(Estimator):
    """Dense columns from hashed n-grams; a column's typical size is 1, as a standardised column's is.

    Args:
        n_components: columns, fewer where there are not as many prompts to learn from.
        max_prompts: the projection is learned from at most this many prompts, evenly spaced: it bounds the memory of
            `fit` (64 KiB a prompt), and a projection gains little from more.
        seed: of the random start of the decomposition.
    """

    idf_: Float32Array
    components_: npt.NDArray[np.float16]
    """(n_buckets, n_components), weighed by `idf_`. Half precision: a saved router is mostly this."""

    def __init__(self, *, n_components: int = 128, max_prompts: int = 2048, seed: int = 0) -> None:
        self.n_components = n_components
        self.max_prompts = max_prompts
        self.seed = seed

    def fit(self, requests: Sequence[Request]) -> Self:
        """Learns how telling each bucket is, and the projection. A bucket seen in one prompt only tells nothing."""
        return self.fit_readings([read(request) for request in requests])

    def fit_readings(self, readings: Sequence[Reading]) -> Self:
        """Does the same for requests that were read already."""
        self.forget()
        n = min(len(readings), self.max_prompts)
        filled = [_filled(readings[i]) for i in np.linspace(0, len(readings) - 1, n).astype(np.int64)]
        n_containing = np.bincount(np.concatenate([np.unique(buckets) for buckets in filled]), minlength=N_BUCKETS)
        idf = np.where(n_containing >= min(2, n), np.log((1 + n) / (1 + n_containing)), 0.0)
        self.idf_ = idf.astype(np.float32)
        telling = np.flatnonzero(idf)
        weights = np.empty((n, len(telling)), dtype=np.float32)
        for row, buckets in zip(weights, filled, strict=True):
            idf_of_each = self.idf_[buckets]
            row[:] = np.bincount(buckets, idf_of_each, N_BUCKETS)[telling] / max(
                float(np.linalg.norm(idf_of_each)), _TINY
            )
        directions = _directions(weights, self.n_components, np.random.default_rng(self.seed))
        self.components_ = np.zeros((N_BUCKETS, directions.shape[1]), dtype=np.float16)
        self.components_[telling] = directions * self.idf_[telling, None]
        return self

    def fit_transform(self, requests: Sequence[Request]) -> FloatArray:
        """Fits, and returns what `transform` would."""
        readings = [read(request) for request in requests]
        return self.fit_readings(readings).columns(readings)

    def transform(self, requests: Sequence[Request]) -> FloatArray:
        """Returns (n_requests, n_components)."""
        return self.columns([read(request) for request in requests])

    def columns(self, readings: Sequence[Reading]) -> FloatArray:
        """Returns the same for requests that were read already."""
        return merged(readings, self.projected(self._rows.sums(readings)))

    def projected(self, sums: FloatArray) -> FloatArray:
        """Returns (n_segments, n_components) from the sums of `word_rows`: as if the sparse row had unit length."""
        return np.asarray(sums[:, :-1] / np.maximum(np.sqrt(sums[:, -1:]), _TINY))

    @property
    def n_word_columns(self) -> int:
        """Columns of `word_rows`."""
        return int(self.components_.shape[1]) + 1

    @cached_property
    def _rows(self) -> WordRows:
        return WordRows(self.word_rows, self.n_word_columns)

    def word_rows(self, words: Sequence[bytes]) -> Float32Array:
        """Returns (n_words, n_components + 1): each word projected, and the square of its length before that."""
        filled = [grams(word) for word in words]
        buckets = np.fromiter(chain.from_iterable(filled), np.int64)
        first = [*accumulate(map(len, filled[:-1]), initial=0)]
        rows = np.empty((len(words), self.n_word_columns), dtype=np.float32)
        np.add.reduceat(self.components_.take(buckets, axis=0).astype(np.float32), first, axis=0, out=rows[:, :-1])
        np.add.reduceat(np.square(self.idf_.take(buckets)), first, out=rows[:, -1])
        return rows


def _filled(reading: Reading) -> IntArray:
    """Returns the bucket of every n-gram of a text."""
    words = dict.fromkeys(chain.from_iterable(reading.distinct))
    return np.array([bucket for word in words for bucket in grams(word)], dtype=np.int64)


def grams(word: bytes) -> list[int]:
    """Returns the buckets of a word's n-grams: the word, and its runs of four bytes, spaces around it counted.

    A checksum is a hash that is the same on every machine, unlike Python's `hash`; its first bits name the bucket.
    """
    spaced = b" " + word + b" "
    runs = [crc32(spaced[i : i + BYTES_PER_GRAM], _SALT) >> _SHIFT for i in range(len(word) - 1)]
    return [crc32(word) >> _SHIFT, *runs]


def _directions(weights: Float32Array, n_components: int, rng: np.random.Generator) -> Float32Array:
    """Returns the leading right singular vectors, scaled so that a projected row has mean square 1 a column.

    The range is found on the side of the prompts, the shorter one: factorising the long side costs far more.
    """
    n_probes = min(n_components + _OVERSAMPLING, *weights.shape)
    probes = rng.standard_normal((len(weights), n_probes)).astype(np.float32)
    for _ in range(1 + _N_POWER_ITERATIONS):
        probes = np.linalg.qr(weights @ (weights.T @ probes))[0]
    within = weights.T @ probes
    squares, rotation = np.linalg.eigh(within.T.astype(np.float64) @ within)
    leading = np.argsort(-squares)[: min(n_components, int((squares > 1e-6 * squares.max(initial=0.0)).sum()))]
    directions = within @ (rotation[:, leading] / np.sqrt(squares[leading]))
    mean_square = squares[leading].sum() / max(len(weights) * len(leading), 1)
    return np.asarray(directions / np.sqrt(max(float(mean_square), 1e-12)), dtype=np.float32)
