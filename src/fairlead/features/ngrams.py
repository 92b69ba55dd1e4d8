"""What a request is about: its words, word pairs and runs of four bytes, hashed, weighed and projected.

    text -hash-> counts in 2^14 buckets -idf, unit length-> a sparse row -truncated SVD-> 128 numbers

This is latent semantic analysis over hashed n-grams. Serving needs numpy only and reads the prompt once.

References:
    Weinberger et al., Feature hashing for large scale multitask learning, 2009, arXiv:0902.2206.
    Halko, Martinsson, Tropp, Finding structure with randomness, 2011, arXiv:0909.4061.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Self
from zlib import crc32

import numpy as np
import numpy.typing as npt

from fairlead.estimator import Estimator
from fairlead.features.excerpt import excerpt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.types import FloatArray, IntArray, Request

Float32Array = npt.NDArray[np.float32]
HashArray = npt.NDArray[np.uint32]

BUCKET_BITS = 14
BYTES_PER_GRAM = 4

_WORD = re.compile(rb"[a-z0-9_\x80-\xff]+|[^\sa-z0-9_\x80-\xff]")
_PRIME = np.uint32(0x01000193)
_SALT = {"word": np.uint32(0x9E3779B1), "pair": np.uint32(0x85EBCA77), "bytes": np.uint32(0xC2B2AE3D)}
_N_POWER_ITERATIONS = 1
_OVERSAMPLING = 16


class Ngrams(Estimator):
    """Dense columns from hashed n-grams; a column's typical size is 1, as a standardised column's is.

    Args:
        n_components: columns, fewer where there are not as many prompts to learn from.
        max_prompts: the projection is learned from at most this many prompts, evenly spaced: it bounds the memory of
            `fit` (64 KiB a prompt), and a projection gains little from more.
        seed: of the random start of the decomposition.
    """

    idf_: Float32Array
    components_: Float32Array
    """(n_buckets, n_components)."""

    def __init__(self, *, n_components: int = 128, max_prompts: int = 2048, seed: int = 0) -> None:
        self.n_components = n_components
        self.max_prompts = max_prompts
        self.seed = seed

    def fit(self, requests: Sequence[Request]) -> Self:
        """Learns how telling each bucket is, and the projection. A bucket seen in one prompt only tells nothing."""
        n = min(len(requests), self.max_prompts)
        chosen = np.linspace(0, len(requests) - 1, n).astype(np.int64)
        counted = [_counted(requests[i]) for i in chosen]
        n_containing = np.bincount(np.concatenate([buckets for buckets, _ in counted]), minlength=1 << BUCKET_BITS)
        idf = np.where(n_containing >= min(2, n), np.log((1 + n) / (1 + n_containing)), 0.0)
        self.idf_ = idf.astype(np.float32)
        telling = np.flatnonzero(idf)
        weights = np.zeros((n, len(telling)), dtype=np.float32)
        for row, (buckets, counts) in zip(weights, counted, strict=True):
            told = idf[buckets] > 0
            row[np.searchsorted(telling, buckets[told])] = self._weights(buckets, counts)[told]
        directions = _directions(weights, self.n_components, np.random.default_rng(self.seed))
        self.components_ = np.zeros((1 << BUCKET_BITS, directions.shape[1]), dtype=np.float32)
        self.components_[telling] = directions
        return self

    def fit_transform(self, requests: Sequence[Request]) -> FloatArray:
        """Fits, and returns what `transform` would."""
        return self.fit(requests).transform(requests)

    def transform(self, requests: Sequence[Request]) -> FloatArray:
        """Returns (n_requests, n_components)."""
        self.check_fitted("components_")
        x = np.zeros((len(requests), self.components_.shape[1]))
        for row, request in zip(x, requests, strict=True):
            buckets, counts = _counted(request)
            row[:] = self._weights(buckets, counts) @ self.components_.take(buckets, axis=0)
        return x

    def _weights(self, buckets: IntArray, counts: IntArray) -> Float32Array:
        """Returns the weight of each filled bucket; the row they belong to has unit length."""
        weights = np.log1p(counts).astype(np.float32) * self.idf_[buckets]
        return np.asarray(weights / np.float32(max(float(np.linalg.norm(weights)), 1e-6)))


def _counted(request: Request) -> tuple[IntArray, IntArray]:
    """Returns the buckets that a prompt fills, ascending, and how often."""
    data = excerpt(request.prompt).lower().encode("utf-8", "replace")
    counts = np.bincount(_hashes(data) >> np.uint32(32 - BUCKET_BITS), minlength=1 << BUCKET_BITS)
    buckets = np.flatnonzero(counts > 0)  # of truth values it is found five times as fast as of numbers
    return buckets, counts[buckets]


def _hashes(data: bytes) -> HashArray:
    """Returns one well-mixed hash an n-gram; the same on every machine, unlike Python's `hash`."""
    words = np.fromiter(map(crc32, _WORD.findall(data)), dtype=np.uint32)
    letters = np.frombuffer(data, dtype=np.uint8).astype(np.uint32)
    grams = {"word": _runs(words, 1), "pair": _runs(words, 2), "bytes": _runs(letters, BYTES_PER_GRAM)}
    return _mixed(np.concatenate([hashes + _SALT[kind] for kind, hashes in grams.items()]))


def _runs(values: HashArray, length: int) -> HashArray:
    """Returns a hash of every run of `length` neighbours: a polynomial in them, modulo 2^32."""
    n = max(len(values) - length + 1, 0)
    hashes = values[:n]
    for offset in range(1, length):
        hashes = hashes * _PRIME + values[offset : offset + n]
    return hashes


def _mixed(hashes: HashArray) -> HashArray:
    """Spreads the information of each hash over all of its bits (the finaliser of MurmurHash3)."""
    hashes = (hashes ^ (hashes >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    hashes = (hashes ^ (hashes >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return hashes ^ (hashes >> np.uint32(16))


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
