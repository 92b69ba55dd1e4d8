"""The words of a host, as they may be shown: without our secrets and parts of them, and not too many.

Hosts quote what they were sent: a key, one that they masked themselves, or one of which the end is cut off.
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

BLACKENED = "***"
MOST_CHARS = 500
"""More of a host's words are not shown."""
PART_CHARS = 8
"""So many characters in a row tell too much of a secret; of one that is not twice as long nothing can be told apart."""
_MASKED = re.compile(r"[\w-]*\*{3,}[\w-]*|\b(?:sk|pk|gsk|xai|hf)[-_][\w-]*(?:\*+|\.{2,}|…)[\w-]*")
"""A key of which a host itself has left a beginning and an end."""


def quoted(words: str, secrets: Iterable[str]) -> str:
    """Returns the words without any secret, whole or in part; what is too long is cut when they are gone.

    Example:
        >>> quoted("no such key: hunter2-hunter2-hunter2", ["hunter2-hunter2-hunter2"])
        'no such key: ***'
        >>> quoted("Incorrect API key provided: sk-proj-a1b2********wxyz.", [])
        'Incorrect API key provided: ***.'
    """
    known = sorted(filter(None, secrets), key=len, reverse=True)
    for secret in known:
        for form in (secret, quote(secret, safe=""), _in_json(secret)):
            words = words.replace(form, BLACKENED)
    words = _cut(_MASKED.sub(BLACKENED, words))
    for secret in known:
        words = _without_parts(words, secret)
    return words


def _in_json(secret: str) -> str:
    return msgspec.json.encode(secret)[1:-1].decode()


def _cut(words: str) -> str:
    return words if len(words) <= MOST_CHARS else words[: MOST_CHARS - 1] + "…"


def _without_parts(words: str, secret: str) -> str:
    if len(secret) < 2 * PART_CHARS:
        return words
    parts = {secret[i : i + PART_CHARS] for i in range(len(secret) - PART_CHARS + 1)}
    hidden = [False] * len(words)
    for i in range(len(words) - PART_CHARS + 1):
        if words[i : i + PART_CHARS] in parts:
            hidden[i : i + PART_CHARS] = [True] * PART_CHARS
    runs = groupby(zip(hidden, words, strict=True), key=lambda pair: pair[0])
    return "".join(BLACKENED if hide else "".join(char for _, char in run) for hide, run in runs)
