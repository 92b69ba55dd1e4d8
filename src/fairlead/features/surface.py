"""What can be seen of a request without reading it: lengths, kinds of characters, marks of code, maths and choices."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Self

import numpy as np

from fairlead.estimator import Estimator
from fairlead.features.excerpt import excerpt
from fairlead.types import Media

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.types import FloatArray, Request

KINDS = {
    "digit": b"0123456789",
    "upper": b"ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "space": b" \t\r\n",
    "newline": b"\n",
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
}
"""Kind of character -> its bytes in UTF-8."""

MARKS = {
    "option": ("\nb. ", "\nb) ", "\n(b) ", "\nb: "),
    "last_option": ("\nj. ", "\nj) ", "\n(j) ", "\nj: "),
    "bullet": ("\n- ", "\n* ", "\n1. ", "\n1) "),
    "code": ("```", "def ", "return ", "import ", "class ", "function ", "select ", "assert ", "print", "#include"),
    "formula": ("\\frac", "\\sqrt", "\\sum", "\\int", "$$", "\\("),
    "proof": ("prove", "show that", "theorem", "derive"),
    "quantity": ("how many", "how much", "calculate", "percent", "probability"),
    "explanation": ("why", "explain", "describe", "compare"),
    "shape": ("json", "xml", "yaml", "csv", "table", "format", "step by step"),
    "blank": ("____", "<mask>", "??"),
}
"""What is looked for -> the texts, in lower case, that show it."""

NAMES = (
    *(f"share_{kind}" for kind in KINDS),
    *(f"log_{kind}" for kind in KINDS),
    *(f"log_mark_{mark}" for mark in MARKS),
    *(
        "log_chars",
        "log_all_chars",
        "log_words",
        "log_numbers",
        "longest_number",
        "chars_per_word",
        "ends_with_question",
    ),
    *("log_turns", "log_tools", "log_media", "has_schema", "has_system"),
)
"""The columns, in order; `log_` is log(1 + count)."""

LIMIT_SD = 5.0
"""Largest distance from the training mean: one odd request must not swing a linear predictor."""

_IS_KIND = np.array([[byte in members for members in KINDS.values()] for byte in range(256)], dtype=np.float64)
_NUMBER = re.compile(r"\d+")


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
        self.fit_transform(requests)
        return self

    def fit_transform(self, requests: Sequence[Request]) -> FloatArray:
        """Fits, and returns what `transform` would."""
        raw = _raw(requests)
        self.mean_ = raw.mean(axis=0)
        sd = raw.std(axis=0)
        self.scale_ = np.where(sd > 1e-9, sd, 1.0)
        return self._standardised(raw)

    def transform(self, requests: Sequence[Request]) -> FloatArray:
        """Returns (n_requests, len(NAMES)), in standard deviations, within `LIMIT_SD`."""
        self.check_fitted("mean_")
        return self._standardised(_raw(requests))

    def _standardised(self, raw: FloatArray) -> FloatArray:
        return np.clip((raw - self.mean_) / self.scale_, -LIMIT_SD, LIMIT_SD)


def _raw(requests: Sequence[Request]) -> FloatArray:
    raw = np.empty((len(requests), len(NAMES)))
    for i, request in enumerate(requests):
        text = excerpt(request.prompt)
        raw[i] = np.concatenate([_characters(text), _marks(text), _sizes(request, text), _shape(request)])
    return raw


def _characters(text: str) -> FloatArray:
    data = np.frombuffer(text.encode("utf-8", "replace"), dtype=np.uint8)
    counts = np.bincount(data, minlength=256) @ _IS_KIND
    return np.concatenate([counts / max(len(data), 1), np.log1p(counts)])


def _marks(text: str) -> FloatArray:
    lowered = text.lower()
    return np.log1p([sum(map(lowered.count, shown_by)) for shown_by in MARKS.values()])


def _sizes(request: Request, text: str) -> list[float]:
    n_words = len(text.split())
    numbers = _NUMBER.findall(text)
    logs = np.log1p([len(text), request.n_chars, n_words, len(numbers)]).tolist()
    ends_with_question = float(text.rstrip().endswith("?"))
    return [*logs, float(max(map(len, numbers), default=0)), len(text) / max(n_words, 1), ends_with_question]


def _shape(request: Request) -> list[float]:
    n_media = sum(isinstance(part, Media) for message in request.messages for part in message.parts)
    return [
        *np.log1p([len(request.messages), len(request.tools), n_media]).tolist(),
        float(request.json_schema is not None or request.json_object),
        float(any(message.role == "system" for message in request.messages)),
    ]
