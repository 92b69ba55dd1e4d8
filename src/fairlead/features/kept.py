"""Features that a ledger can keep in place of the words: whole numbers from -127 to 127, the same at every place.

    request -> what it looks like (counts as logarithms), what it is about in general -> int8

Nothing in them is learned from prompts, so a vector that was kept a year ago means what it means today. A router that
is fitted on kept vectors reads fresh requests through the same rounding: it decides on what it learned from.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Annotated, Self

import msgspec
import numpy as np

from fairlead.estimator import Estimator
from fairlead.features import surface
from fairlead.features.reading import merged, read
from fairlead.features.static import Static, directions, table
from fairlead.types import KeptFeatures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.types import FloatArray, Request

LAYOUT = 1
"""Version of the columns; vectors of another one are not read."""
LIMIT = 127
LIMIT_SD = 5.0
PER_LOG = 8.0
"""Steps of a logarithm: a count is known to within a twelfth."""
PER_DIRECTION = 254.0
"""Steps of a coordinate of a unit vector; beyond a half it is cut."""

_N_SHARES, _N_FLAGS = len(surface.KINDS), len(surface.FLAGS)
_N_SURFACE = len(surface.NAMES)
_FLAGS = slice(_N_SURFACE - 1 - _N_FLAGS, _N_SURFACE - 1)


class Kept(Estimator):
    """The columns of `Surface` and `Static`, rounded; those of what it is about keep their proportions.

    Example:
        >>> from fairlead.types import Request
        >>> features, request = Kept(), Request.from_prompt("What is a fairlead?")
        >>> kept = decoded(encoded(features.keep(request)))
        >>> x = features.fit([request, Request.from_prompt("2 + 2?")])
        >>> bool((x.transform([request]) == x.transform([Request(messages=(), kept=kept)])).all())
        True
    """

    mean_: FloatArray
    scale_: FloatArray

    def keep(self, request: Request) -> KeptFeatures:
        """Returns what is kept of a request."""
        return KeptFeatures(kind=kind(), vector=self._rounded([request])[0].tobytes(), n_chars=request.n_chars)

    def fit(self, requests: Sequence[Request]) -> Self:
        """Learns where the training requests lie."""
        raw = self._rounded(requests).astype(np.float64)
        self.mean_ = raw.mean(axis=0)
        spread = raw.std(axis=0)
        about = np.sqrt(np.square(spread[_N_SURFACE:]).mean())
        spread[_N_SURFACE:] = about
        self.scale_ = np.where(spread > 1e-9, spread, 1.0)
        return self

    def fit_transform(self, requests: Sequence[Request]) -> FloatArray:
        """Fits, and returns what `transform` would."""
        return self.fit(requests).transform(requests)

    def transform(self, requests: Sequence[Request]) -> FloatArray:
        """Returns (n_requests, n_columns); what a request looks like within `LIMIT_SD` standard deviations."""
        x: FloatArray = (self._rounded(requests) - self.mean_) / self.scale_
        x[:, :_N_SURFACE] = np.clip(x[:, :_N_SURFACE], -LIMIT_SD, LIMIT_SD)
        return x

    def _rounded(self, requests: Sequence[Request]) -> np.ndarray[tuple[int, int], np.dtype[np.int8]]:
        """Returns (n_requests, n_columns) from words, or from what was kept of them."""
        rows = np.empty((len(requests), _N_SURFACE + self._static.n_word_columns), dtype=np.int8)
        fresh = [i for i, request in enumerate(requests) if request.kept is None]
        if fresh:
            rows[fresh] = self._read([requests[i] for i in fresh])
        for i, request in enumerate(requests):
            if request.kept is not None:
                rows[i] = np.frombuffer(request.kept.vector, dtype=np.int8)
        return rows

    def _read(self, requests: Sequence[Request]) -> FloatArray:
        readings = [read(request) for request in requests]
        looks = surface.raw(readings)
        steps = np.empty_like(looks)
        steps[:, :_N_SHARES] = looks[:, :_N_SHARES] * LIMIT
        steps[:, _N_SHARES:] = looks[:, _N_SHARES:] * PER_LOG
        steps[:, _FLAGS] = looks[:, _FLAGS] * LIMIT
        steps[:, -1] = np.log1p(looks[:, -1]) * PER_LOG
        about = merged(readings, directions(self._static.word_sums(readings))) * PER_DIRECTION
        return np.asarray(np.clip(np.rint(np.hstack([steps, about])), -LIMIT, LIMIT))

    @property
    def _static(self) -> Static:
        found: Static = self.__dict__.setdefault("_words", Static())
        return found


def kind() -> str:
    """Returns what the columns mean: their layout, and the fingerprint of the table of words."""
    return f"{LAYOUT}:{table().fingerprint.tobytes().hex()}"


class _Written(msgspec.Struct, frozen=True):
    kind: str
    n_chars: Annotated[int, msgspec.Meta(ge=0)]
    x: str


def encoded(kept: KeptFeatures) -> str:
    """Returns what a ledger writes down."""
    written = _Written(kind=kept.kind, n_chars=kept.n_chars, x=base64.b64encode(kept.vector).decode())
    return msgspec.json.encode(written).decode()


def decoded(content: str) -> KeptFeatures | None:
    """Returns what a ledger has written down; `None` where its columns mean something else today."""
    try:
        written = msgspec.json.decode(content, type=_Written)
        vector = base64.b64decode(written.x, validate=True)
    except (msgspec.MsgspecError, ValueError):
        return None
    if written.kind != kind() or len(vector) != _N_SURFACE + len(table().unit):
        return None
    return KeptFeatures(kind=written.kind, vector=vector, n_chars=written.n_chars)
