"""The default features: what a request looks like, beside what it is about, in its tables' words and in general."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np

from fairlead.estimator import Estimator
from fairlead.features.marks import WORDS, word_rows
from fairlead.features.ngrams import Ngrams
from fairlead.features.reading import added, merged, read
from fairlead.features.static import Static
from fairlead.features.surface import Surface
from fairlead.features.word_rows import WordRows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.features.demands import Demands
    from fairlead.features.encoder import Encoder
    from fairlead.features.reading import Float32Array, Reading
    from fairlead.types import FloatArray, Request


class PromptFeatures(Estimator):
    """The columns of `Surface`, `Ngrams` and `Static`; every request is read once for all of them.

    Args:
        surface: what a request looks like.
        ngrams: what it is about, learned from the training prompts.
        static: what it is about, from a table that ships.
        encoder: its columns stand behind them where one is given; milliseconds a request.
        demands: what public tables taught of a prompt's demands; its columns stand last where given.
    """

    def __init__(
        self,
        *,
        surface: Surface | None = None,
        ngrams: Ngrams | None = None,
        static: Static | None = None,
        encoder: Encoder | None = None,
        demands: Demands | None = None,
    ) -> None:
        self.surface = surface or Surface()
        self.ngrams = ngrams or Ngrams()
        self.static = static or Static()
        self.encoder = encoder
        self.demands = demands

    def fit(self, requests: Sequence[Request]) -> Self:
        """Fits all parts."""
        self._fit([read(request) for request in requests])
        return self

    def fit_transform(self, requests: Sequence[Request]) -> FloatArray:
        """Fits all parts, and returns what `transform` would."""
        readings = [read(request) for request in requests]
        self._fit(readings)
        return self._columns(readings)

    def transform(self, requests: Sequence[Request]) -> FloatArray:
        """Returns (n_requests, n_features)."""
        return self._columns([read(request) for request in requests])

    def _fit(self, readings: Sequence[Reading]) -> None:
        self.forget()
        self.surface.fit_readings(readings)
        self.ngrams.fit_readings(readings)
        self.static.fit_readings(readings)
        for part in (self.encoder, self.demands):
            if part is not None:
                part.fit_readings(readings)

    def _columns(self, readings: Sequence[Reading]) -> FloatArray:
        sums = self._rows.sums(readings)
        n, m = self.ngrams.n_word_columns, -len(WORDS)
        looks = self.surface.columns(readings, added(readings, sums[:, m:]))
        learned = merged(readings, self.ngrams.projected(sums[:, :n]))
        general = merged(readings, self.static.standardised(sums[:, n:m]))
        more = [part.columns(readings) for part in (self.encoder, self.demands) if part is not None]
        return np.concatenate([looks, learned, general, *more], axis=1)

    @cached_property
    def _rows(self) -> WordRows:
        """The rows of a word in all parts that add words up, side by side: it is looked up once for them."""
        return WordRows(self._word_rows, self.ngrams.n_word_columns + self.static.n_word_columns, len(WORDS))

    def _word_rows(self, words: Sequence[bytes]) -> Float32Array:
        return np.hstack([self.ngrams.word_rows(words), self.static.word_rows(words), word_rows(words)])
