"""What a prompt demands, as public outcome tables taught it: the item side of the shipped prior as a few features.

    request -General-> columns -a linear map, from `data/prior.npz`-> discriminations and easiness -> standardised

They say nothing of the user's models, only how hard such prompts were for public ones, and in which direction. A
predictor weighs them like any other column by the user's own outcomes, which so outweigh them as they grow.
`docs/prior.md` says what the file was made of; `tools/fit_prior.py` makes it.
"""

from __future__ import annotations

import hashlib
import io
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from fairlead.errors import ArtifactError
from fairlead.estimator import Estimator, State
from fairlead.features.general import General
from fairlead.features.reading import read
from fairlead.statistics.products import by_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.features.reading import Reading
    from fairlead.types import FloatArray, Request

WEIGHT = 3.0
"""Typical size of a column: larger than that of other features, so that a ridge, which is blind to meaning, shrinks it
less. 1 and 10 were tried as well."""

_TINY = 1e-6


@cache
def prior_file() -> State:
    """Returns the arrays of the shipped prior, read once a process."""
    content = files("fairlead.features").joinpath("data", "prior.npz").read_bytes()
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        state = {name: np.asarray(arrays[name]) for name in arrays.files}
    return state | {"fingerprint": np.frombuffer(hashlib.sha256(content).digest()[:8], dtype=np.uint8)}


def under(prefix: str, arrays: State) -> State:
    """Returns the arrays whose names start with `prefix/`, without it."""
    return {name.removeprefix(f"{prefix}/"): array for name, array in arrays.items() if name.startswith(f"{prefix}/")}


class Demands(Estimator):
    """Columns for what a prompt demands, mean 0 and size `WEIGHT` over the training requests.

    Example:
        >>> from fairlead.types import Request
        >>> prompts = "What is the capital of France?", "Find the sum of the squares of all roots of x^4 - 3x + 1."
        >>> easy, hard = map(Request.from_prompt, prompts)
        >>> x = Demands().fit_transform([easy, hard])
        >>> bool(x[0, -1] > x[1, -1])  # the last column is easiness
        True
    """

    mean_: FloatArray
    scale_: FloatArray
    prior_: npt.NDArray[np.uint8]
    """Fingerprint of the prior that the requests were read with."""

    def fit(self, requests: Sequence[Request]) -> Self:
        """Learns where the training requests lie."""
        return self.fit_readings([read(request) for request in requests])

    def fit_readings(self, readings: Sequence[Reading]) -> Self:
        """Does the same for requests that were read already."""
        raw = _items(readings)
        self.mean_ = raw.mean(axis=0)
        self.scale_ = np.maximum(raw.std(axis=0), _TINY) / WEIGHT
        self.prior_ = prior_file()["fingerprint"]
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
        return np.asarray((_items(readings) - self.mean_) / self.scale_)

    def restore(self, state: State) -> Self:
        """Takes back what `state` gave.

        Raises:
            ArtifactError: it was learned with another prior than the one that ships with this version.
        """
        if "prior_" in state and not np.array_equal(state["prior_"], prior_file()["fingerprint"]):
            raise ArtifactError("these features were fitted with another prior. Fit the router again.")
        return super().restore(state)


def _items(readings: Sequence[Reading]) -> FloatArray:
    items = under("items", prior_file())
    return by_row(_general().columns(readings) - items["centre_"], items["coefficients_"]) + items["intercept_"]


@cache
def _general() -> General:
    return General().restore(under("features", prior_file()))
