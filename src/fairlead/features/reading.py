"""What features read of a request, worked out once: the task as text, bytes and words.

A long text is read in segments: head, tail and what lies between. Each is turned into numbers by itself and the middle
ones count (`merged`), so that no prefix or suffix decides alone. A short text is one segment and pays nothing for that.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from fairlead.features.conversation import task
from fairlead.features.courtesy import without_courtesy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.types import FloatArray, Request

Float32Array = npt.NDArray[np.float32]

SHORT_CHARS = 2_000
"""A text up to this long is one segment."""
SEGMENT_CHARS = 1_200
N_SEGMENTS = 5

_ASCII_TO_WORDS = bytes(i + 32 if 65 <= i <= 90 else i if chr(i).isalnum() or i == 95 else 32 for i in range(128))
_TO_WORDS = _ASCII_TO_WORDS + bytes(range(128, 256))
_TO_ASCII_WORDS = _ASCII_TO_WORDS + b" " * 128
_NO_LETTERS = bytes([*range(0xC0), 0xC2, 0xE2])
"""Bytes of characters in UTF-8 that are in ASCII, or are signs: dashes, quotation marks, arrows, operators."""
_ACCENT = re.compile("[\u0300-\u036f]+")
_SIGN = re.compile("[\u0080-\u00bf\u00d7\u00f7\u2000-\u2bff\u3000-\u303f\uff00-\uff0f]+")
_IDEOGRAPH = re.compile("([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff])")


class Reading(NamedTuple):
    """One request, read."""

    request: Request
    text: str
    """The task, or its segments where it is very long."""
    data: bytes
    """The text in UTF-8."""
    segments: tuple[str, ...]
    n_chars: int
    """Of the whole task."""
    n_words: int
    """Of the text."""
    distinct: tuple[list[bytes], ...]
    """The words of each segment, each once, in lower case and without accents."""
    n_other_chars: int
    """Of the rest of the conversation."""
    inherited: bool
    """An earlier turn gave the task: the last one was a bare "yes"."""


def read(request: Request) -> Reading:
    """Returns what features read of `request`."""
    text, inherited = task(request)
    n_other_chars = max(request.n_chars - len(text), 0)
    text = without_courtesy(text)
    n_chars = len(text)
    if n_chars <= SHORT_CHARS:
        data = text.encode("utf-8", "replace")
        found = words(text, data)
        return Reading(
            request, text, data, (text,), n_chars, len(found), ([*dict.fromkeys(found)],), n_other_chars, inherited
        )
    segments = _segments(text)
    text = "".join(segments) if n_chars > SEGMENT_CHARS * N_SEGMENTS else text
    by_segment = [words(segment, segment.encode("utf-8", "replace")) for segment in segments]
    return Reading(
        request,
        text,
        text.encode("utf-8", "replace"),
        segments,
        n_chars,
        n_words=sum(map(len, by_segment)),
        distinct=tuple([*dict.fromkeys(found)] for found in by_segment),
        n_other_chars=n_other_chars,
        inherited=inherited,
    )


def words(text: str, data: bytes) -> list[bytes]:
    """Returns the words of `text`, of which `data` is the UTF-8; an ideograph is a word."""
    if text.isascii() or not data.translate(None, _NO_LETTERS):
        found = data.translate(_TO_ASCII_WORDS).split()
    else:
        found = _SIGN.sub(" ", plain(text)).encode("utf-8", "replace").translate(_TO_WORDS).split()
    return found


def plain(text: str) -> str:
    """Returns the text in lower case and without accents, each ideograph between spaces."""
    return _IDEOGRAPH.sub(r" \1 ", _ACCENT.sub("", unicodedata.normalize("NFD", text.lower())))


def added(readings: Sequence[Reading], rows: FloatArray) -> FloatArray:
    """Returns (n_readings, n_columns) from one row a segment: the sum."""
    if len(rows) == len(readings):
        return rows
    starts = np.cumsum([0, *(len(reading.distinct) for reading in readings[:-1])])
    return np.add.reduceat(rows, starts, axis=0)


def merged(readings: Sequence[Reading], rows: FloatArray) -> FloatArray:
    """Returns (n_readings, n_columns) from one row a segment: the mean, the outermost of three or more left out."""
    if len(rows) == len(readings):
        return rows
    starts = np.cumsum([len(reading.distinct) for reading in readings])[:-1]
    return np.stack([_middle(segments) for segments in np.split(rows, starts)])


def _middle(segments: FloatArray) -> FloatArray:
    return np.asarray(segments[0] if len(segments) == 1 else np.sort(segments, axis=0)[1:-1].mean(axis=0))


def _segments(text: str) -> tuple[str, ...]:
    """Returns three or five segments, head and tail among them, evenly spaced where they do not cover the text."""
    n = 3 if len(text) <= 3 * SEGMENT_CHARS else N_SEGMENTS
    length = min(SEGMENT_CHARS, -(-len(text) // n))
    starts = [round(i * (len(text) - length) / (n - 1)) for i in range(n)]
    return tuple(text[start : start + length] for start in starts)
