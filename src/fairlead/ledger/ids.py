"""Time-ordered ids: sorted as text, they are in the order in which they were made."""

from __future__ import annotations

import os
import struct
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

NS_PER_MS = 1_000_000
_N_WORDS = 512


class Randomness:
    """The system's own random numbers, some hundred at a time.

    A system call for each would let go of the interpreter, and another thread could keep it for milliseconds.
    """

    def __init__(self) -> None:
        self._words: list[int] = []

    def bits(self, n: int) -> int:
        """Returns `n` random bits, at most 64."""
        try:
            word = self._words.pop()
        except IndexError:
            self._words = list(struct.unpack(f"{_N_WORDS}Q", os.urandom(8 * _N_WORDS)))
            word = self._words.pop()
        return word >> (64 - n)


RANDOM = Randomness()


def new_id(
    prefix: str,
    *,
    now_ns: Callable[[], int] = time.time_ns,
    random_bits: Callable[[int], int] = RANDOM.bits,
) -> str:
    """Returns `prefix_` and 32 hexadecimal digits in the layout of a version 7 UUID.

    48 bits of milliseconds, the version, 12 bits of the millisecond's fraction (so ids sort within it, too), the
    variant, 62 random bits: many processes can make ids without asking each other.

    References:
        RFC 9562, section 5.7 and method 3 of section 6.2.
    """
    ms, rest_ns = divmod(now_ns(), NS_PER_MS)
    fraction = (rest_ns << 12) // NS_PER_MS
    return f"{prefix}_{ms << 80 | 7 << 76 | fraction << 64 | 2 << 62 | random_bits(62):032x}"
