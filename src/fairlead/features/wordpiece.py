"""Words cut into the longest pieces that a vocabulary holds.

References:
    Wu et al., Google's neural machine translation system, 2016, arXiv:1609.08144.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

INSIDE = b"##"
"""Begins a piece that does not begin a word."""

LONGEST_PIECE = 20
"""Bytes, that mark included; no piece of the vocabulary is longer."""


def pieces(word: bytes, place: Mapping[bytes, int]) -> list[int]:
    """Returns the places of the longest pieces that make up a word, from its start on; none if it has others."""
    found, rest, mark = [], word, b""
    while rest:
        marked = mark + rest[:LONGEST_PIECE]
        for end in range(len(marked), len(mark), -1):
            if (at := place.get(marked[:end])) is not None:
                break
        else:
            return []
        found.append(at)
        rest, mark = rest[end - len(mark) :], INSIDE
    return found
