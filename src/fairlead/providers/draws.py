"""Draws that depend on their key alone: the same key gives the same number, in any order and in any process."""

from __future__ import annotations

import hashlib
from statistics import NormalDist

_STANDARD = NormalDist()


def uniform(*key: str | int) -> float:
    """Returns a draw from the open interval (0, 1)."""
    # A length before each part keeps ("ab", "c") and ("a", "bc") apart.
    content = "".join(f"{len(str(part))}:{part}" for part in key)
    number = int.from_bytes(hashlib.blake2b(content.encode(), digest_size=8).digest(), "big")
    return ((number >> 11) + 0.5) / 2**53


def normal(*key: str | int) -> float:
    """Returns a draw from the standard normal distribution."""
    return _STANDARD.inv_cdf(uniform(*key))
