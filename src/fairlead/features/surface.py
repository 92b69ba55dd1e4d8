"""What can be seen of a request without understanding it: lengths, kinds of characters, telling words, its shape."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Self

import numpy as np

from fairlead.estimator import Estimator
from fairlead.features.marks import LINES, WORDS, lines, words
from fairlead.features.reading import read
from fairlead.types import Media

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.features.reading import Reading
    from fairlead.types import FloatArray, IntArray, Request, Role

KINDS = {
    "digit": b"0123456789",
    "non_ascii": bytes(range(128, 256)),
    "question_mark": b"?",
    "comma": b",",
    "full_stop": b".",
    "colon": b":;",
    "quote": b"\"'",
    "bracket": b"()[]{}",
    "operator": b"=<>+-*/^%",
    "dollar": b"$",
    "backslash": b"\\",
    "underscore": b"_",
    "backtick": b"`",
    "bar": b"|",
    "greek": b"\xce\xcf",
    "cyrillic": bytes(range(0xD0, 0xD4)),
    "right_to_left": bytes(range(0xD6, 0xDC)),
    "indic": b"\xe0\xe1",
    "symbol": b"\xe2",
    "ideograph": bytes(range(0xE3, 0xEA)),
    "hangul": bytes(range(0xEA, 0xEE)),
    "emoji": b"\xf0",
}
"""Kind of character -> bytes that show it; case and spacing change none.

A script shows in the first byte of each of its letters in UTF-8.
"""

SIZES = ("chars", "other_chars", "lines", "words", "distinct_words", "numbers", "distinct_numbers", "longest_number")
SHAPE = ("turns", "user_turns", "tool_results", "tools", "media", "system_chars", "max_output_tokens")
FLAGS = ("ends_with_question", "has_schema", "has_json_object", "has_system", "after_tool", "inherited")

NAMES = (
    *(f"share_{kind}" for kind in KINDS),
    *(f"log_{kind}" for kind in KINDS),
    *(f"log_{name}" for name in (*WORDS, *LINES, *SIZES, *SHAPE)),
    *FLAGS,
    "chars_per_word",
)
"""The columns, in order; `log_` is log(1 + count)."""

LIMIT_SD = 5.0
"""Largest distance from the training mean: one odd request must not swing a linear predictor."""

_INK = bytes(byte for byte in range(256) if byte > 0x20 and not 0x80 <= byte < 0xC0)
"""Bytes that begin a printed character."""
_IS_KIND = np.array([[byte in kind for kind in (*KINDS.values(), _INK)] for byte in range(256)], dtype=np.float64)
_TO_NUMBERS = bytes(byte if byte in b"0123456789" else 0x20 for byte in range(256))
_N_CHARS, _N_WORDS = NAMES.index("log_chars"), NAMES.index("log_words")
_SHARES, _COUNTS = slice(0, len(KINDS)), slice(len(KINDS), 2 * len(KINDS))
_TELLING = slice(_COUNTS.stop, _COUNTS.stop + len(WORDS))
_SEEN = slice(_TELLING.stop, -1)
_LOGS = slice(_COUNTS.start, -1 - len(FLAGS))


class Surface(Estimator):
    """Counts and shares, standardised by the training requests.

    Example:
        >>> from fairlead.types import Request
        >>> requests = [Request.from_prompt("2 + 2?"), Request.from_prompt("Hello")]
        >>> Surface().fit(requests).transform(requests).shape == (2, len(NAMES))
        True
    """

    mean_: FloatArray
    scale_: FloatArray

    def fit(self, requests: Sequence[Request]) -> Self:
        """Learns mean and standard deviation of each column; a constant column keeps its unit."""
        return self.fit_readings([read(request) for request in requests])

    def fit_readings(self, readings: Sequence[Reading]) -> Self:
        """Does the same for requests that were read already."""
        columns = raw(readings)
        self.mean_ = columns.mean(axis=0)
        sd = columns.std(axis=0)
        self.scale_ = np.where(sd > 1e-9, sd, 1.0)
        return self

    def fit_transform(self, requests: Sequence[Request]) -> FloatArray:
        """Fits, and returns what `transform` would."""
        readings = [read(request) for request in requests]
        return self.fit_readings(readings).columns(readings)

    def transform(self, requests: Sequence[Request]) -> FloatArray:
        """Returns (n_requests, len(NAMES)), in standard deviations, within `LIMIT_SD`."""
        return self.columns([read(request) for request in requests])

    def columns(self, readings: Sequence[Reading], telling: FloatArray | None = None) -> FloatArray:
        """Returns the same for requests that were read already; `telling` as in `raw`."""
        x = raw(readings, telling)
        x -= self.mean_[None]
        x /= self.scale_[None]
        np.maximum(x, -LIMIT_SD, out=x)
        return np.minimum(x, LIMIT_SD, out=x)


def raw(readings: Sequence[Reading], telling: FloatArray | None = None) -> FloatArray:
    """Returns (n_readings, len(NAMES)), not standardised.

    Args:
        readings: what was read.
        telling: (n_readings, len(WORDS)) how many telling words each has, where somebody has counted them.
    """
    if not readings:
        return np.empty((0, len(NAMES)))
    kinds = np.array([_histogram(reading) for reading in readings], dtype=np.float64) @ _IS_KIND
    counts, ink = kinds[:, :-1], np.maximum(kinds[:, -1], 1.0)
    x = np.empty((len(readings), len(NAMES)))
    np.divide(counts, ink[:, None], out=x[:, _SHARES])
    x[:, _COUNTS] = counts
    x[:, _TELLING] = [words(chain(*reading.distinct)) for reading in readings] if telling is None else telling
    x[:, _SEEN] = [_seen(reading) for reading in readings]
    x[:, -1] = ink / np.maximum(x[:, _N_WORDS], 1.0)
    x[:, _N_CHARS] += ink
    np.log1p(x[:, _LOGS], out=x[:, _LOGS])
    return x


def _histogram(reading: Reading) -> IntArray:
    """Returns (256,) how often each byte of the text occurs."""
    return np.bincount(np.frombuffer(reading.data, dtype=np.uint8), minlength=256)


def _seen(reading: Reading) -> list[float]:
    roles = [message.role for message in reading.request.messages]
    return [
        *lines(reading.data),
        *_sizes(reading),
        *_shape(reading.request, roles),
        *_flags(reading, roles),
    ]


def _sizes(reading: Reading) -> list[int]:
    numbers = reading.data.translate(_TO_NUMBERS).split()
    return [
        reading.n_chars - len(reading.text),  # the rest of a very long text; `raw` adds what was read
        reading.n_other_chars,
        sum(map(bool, map(bytes.strip, reading.data.split(b"\n")))),
        reading.n_words,
        sum(map(len, reading.distinct)),
        len(numbers),
        len(set(numbers)),
        max(map(len, numbers), default=0),
    ]


def _shape(request: Request, roles: Sequence[Role]) -> list[int]:
    return [
        len(roles),
        roles.count("user"),
        roles.count("tool"),
        len(request.tools),
        sum(isinstance(part, Media) for message in request.messages for part in message.parts) if request.needs else 0,
        sum(len(m.text) for m in request.messages if m.role == "system") if "system" in roles else 0,
        request.max_output_tokens or 0,
    ]


def _flags(reading: Reading, roles: Sequence[Role]) -> list[bool]:
    request = reading.request
    return [
        reading.text.rstrip().endswith("?"),
        request.json_schema is not None,
        request.json_object,
        "system" in roles,
        roles[-1:] == ["tool"],
        reading.inherited,
    ]
