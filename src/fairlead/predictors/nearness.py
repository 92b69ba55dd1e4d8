"""Who is near, and how near: weights that fade to nothing at the edge of the neighbourhood.

The weight of a neighbour at squared distance d^2 is 1 - d^2 / r^2, where r is the distance of the first point outside
(Epanechnikov's kernel with an adaptive radius). At the edge it is zero, so that rounding, which may swap two points
there, changes no prediction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from fairlead.statistics.products import by_row

if TYPE_CHECKING:
    from fairlead.types import FloatArray, IntArray

Float32Array = npt.NDArray[np.float32]

_ALONE = 1e-9  # keeps weights above zero where all points coincide


class Near(NamedTuple):
    """The `k` nearest points of each of n rows."""

    places: IntArray
    """(n, k) positions, in no order."""
    weight: FloatArray
    """(n, k) above 0 but for the edge; each row adds up to 1."""


def squared_distances(rows: Float32Array, points: Float32Array, points_squared: Float32Array) -> Float32Array:
    """Returns (n_rows, n_points); single precision is enough to tell who is near."""
    distance = relative_distances(rows, points, points_squared)
    distance += np.square(rows).sum(axis=1)[:, None]
    np.maximum(distance, 0.0, out=distance)
    return distance


def relative_distances(rows: Float32Array, points: Float32Array, points_squared: Float32Array) -> Float32Array:
    """Returns the squared distances less the squared length of each row: all that `nearest` needs, in fewer passes."""
    distance = by_row(-2.0 * rows, points.T)  # a power of two rounds nothing, and a row is shorter than its distances
    distance += points_squared[None]
    return distance


def nearest(distance: Float32Array, k: int) -> Near:
    """Returns the `k` nearest of each row; all of them, equally weighted, where there are no more than `k`.

    Args:
        distance: (n, n_points) squared, up to a constant of each row.
        k: how many.
    """
    n, n_points = distance.shape
    if n_points <= k:
        return Near(places=np.tile(np.arange(n_points), (n, 1)), weight=np.full((n, n_points), 1.0 / max(n_points, 1)))
    order = distance.argpartition(k, axis=1)[:, : k + 1]
    flat = order if n == 1 else order + np.arange(0, distance.size, n_points)[:, None]
    ordered = distance.take(flat).astype(np.float64)
    radius, inside = ordered[:, k:], ordered[:, :k]
    weight = radius + _ALONE * (1.0 + np.abs(radius)) - inside
    weight /= weight.sum(axis=1, keepdims=True)
    return Near(places=order[:, :k], weight=weight)
