"""Products of rows and a matrix, each row by itself."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Precision = TypeVar("Precision", bound=np.floating[Any])


def by_row(rows: npt.NDArray[Precision], matrix: npt.NDArray[Precision]) -> npt.NDArray[Precision]:
    """Returns (n, k) the product of `rows` (n, p) and `matrix` (p, k), or (n, p, k) with one a row, a row at a time.

    A product of many rows is rounded otherwise than that of one. This one is the same to the last bit whatever stands
    beside a row, so that a decision in a batch is the decision alone.

    Example:
        >>> rows, matrix = np.random.default_rng(0).random((9, 300)), np.ones((300, 20)) / 3
        >>> bool((by_row(rows, matrix)[4:5] == by_row(rows[4:5], matrix)).all())
        True
    """
    product: npt.NDArray[Precision] = np.vecmat(rows, matrix)
    return product
