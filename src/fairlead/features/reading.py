"""What features read of a request, worked out once: the task as text, bytes and words.

A long text is read in segments: head, tail and what lies between. Each is turned into numbers by itself and the middle
ones count (`middle`), so that no prefix or suffix decides alone. A short text is one segment and pays nothing for that.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fairlead.features.conversation import task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.types import Request

Float32Array = npt.NDArray[np.float32]

SHORT_CHARS = 2_000
"""A text up to this long is one segment."""
SEGMENT_CHARS = 1_200
N_SEGMENTS = 5
LONGEST_WORD = 40
"""Bytes of a word that are read; longer ones are keys, hashes and encoded data."""

_ASCII_TO_WORDS = bytes(i + 32 if 65 <= i <= 90 else i if chr(i).isalnum() or i == 95 else 32 for i in range(128))
_TO_WORDS = _ASCII_TO_WORDS + bytes(range(128, 256))
_TO_ASCII_WORDS = _ASCII_TO_WORDS + b" " * 128
_NO_LETTERS = bytes([*range(0xC0), 0xC2, 0xE2])
"""Bytes of characters in UTF-8 that are in ASCII, or are signs: dashes, quotation marks, arrows, operators."""
_ACCENT = re.compile("[\u0300-\u036f]+")
_SIGN = re.compile("[\u0080-\u00bf\u00d7\u00f7\u2000-\u2bff\u3000-\u303f\uff00-\uff0f]+")
_IDEOGRAPH = re.compile("([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff])")


@dataclass(frozen=True)
class Reading:
    """One request, read."""

    request: Request
    text: str
    """The task, or its segments where it is very long."""
    n_chars: int
    """Of the whole task."""
    inherited: bool
    """An earlier turn gave the task: the last one was a bare "yes"."""

    @cached_property
    def data(self) -> bytes:
        """The text in UTF-8."""
        return self.text.encode("utf-8", "replace")

    @cached_property
    def segments(self) -> tuple[list[bytes], ...]:
        """The words of each segment, in order, in lower case and without accents."""
        if len(self.text) <= SHORT_CHARS:
            return (words(self.text, self.data),)
        return tuple(words(piece, piece.encode("utf-8", "replace")) for piece in _pieces(self.text))

    @cached_property
    def distinct(self) -> tuple[list[bytes], ...]:
        """The words of each segment, each once."""
        return tuple(list(dict.fromkeys(segment)) for segment in self.segments)


def read(request: Request) -> Reading:
    """Returns what features read of `request`."""
    text, inherited = task(request)
    n_chars = len(text)
    if n_chars > SEGMENT_CHARS * N_SEGMENTS:
        text = "".join(_pieces(text))
    return Reading(request, text, n_chars, inherited)


def words(text: str, data: bytes) -> list[bytes]:
    """Returns the words of `text`, of which `data` is the UTF-8; an ideograph is a word."""
    if not data.translate(None, _NO_LETTERS):
        found = data.translate(_TO_ASCII_WORDS).split()
    else:
        plain = _SIGN.sub(" ", _ACCENT.sub("", unicodedata.normalize("NFD", text.lower())))
        found = _IDEOGRAPH.sub(r" \1 ", plain).encode("utf-8", "replace").translate(_TO_WORDS).split()
    if max(map(len, found), default=0) > LONGEST_WORD:
        return [word[:LONGEST_WORD] for word in found]
    return found


def middle(segments: Sequence[Float32Array]) -> Float32Array:
    """Returns the mean over the segments, column by column; of three or more the outermost values do not count."""
    if len(segments) == 1:
        return segments[0]
    return np.asarray(np.sort(segments, axis=0)[1:-1].mean(axis=0))


def _pieces(text: str) -> list[str]:
    """Returns three or five segments, head and tail among them, evenly spaced where they do not cover the text."""
    n = 3 if len(text) <= 3 * SEGMENT_CHARS else N_SEGMENTS
    length = min(SEGMENT_CHARS, -(-len(text) // n))
    starts = [round(i * (len(text) - length) / (n - 1)) for i in range(n)]
    return [text[start : start + length] for start in starts]
