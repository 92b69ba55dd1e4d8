"""Time-ordered ids: sorted as text, they are in the order in which they were made."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

NS_PER_MS = 1_000_000


def new_id(
    prefix: str,
    *,
    now_ns: Callable[[], int] = time.time_ns,
    random_bits: Callable[[int], int] = secrets.randbits,
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
