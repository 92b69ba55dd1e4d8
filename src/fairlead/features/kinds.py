"""The kind of a task, by what can be seen of it: for reports, so that no prompt has to be kept for them.

The first that fits, in the order of `KINDS`; rules that anyone can read, not a model. No router decides by it.
"""

from __future__ import annotations

import re
from string import digits
from typing import TYPE_CHECKING

from fairlead.features.conversation import task

if TYPE_CHECKING:
    from fairlead.types import Request

LOOKED_AT_CHARS = 2_000
"""Of the task: a report needs no more, and a long prompt must not cost time."""

KINDS = {
    "embedding": "a vector is asked for, no answer",
    "media": "it carries an image, a sound or a file",
    "tools": "tools may be called, or were",
    "structured": "the answer must follow a JSON schema",
    "translation": "it asks for another language",
    "summary": "it asks for the gist of a text",
    "extraction": "it asks to find or to label what a text holds",
    "code": "it holds code, or asks for some",
    "mathematics": "it asks for a calculation or a proof",
    "writing": "it asks for a text to be written",
    "question": "it asks something",
    "other": "none of these",
}
"""Every kind, in words."""


_WORDS = {
    "translation": "translate translation übersetze traduire traduce",
    "summary": "summarize summarise summary gist tldr condense abstract",
    "extraction": "extract classify categorize categorise label tag identify redact sentiment",
    "code": "function python javascript typescript java rust golang sql regex html css bash api compile compiler"
    " traceback exception refactor repository bug unittest pytest code script def const lambda",
    "mathematics": "prove proof theorem equation integral derivative polynomial calculate compute sum probability"
    " percent frac mathbb sqrt how_many how_much",
    "writing": "write draft compose rewrite rephrase essay story poem letter email article slogan",
    "question": "what which who whom whose when where why how",
}
_KIND_OF = {word: kind for kind, words in reversed(_WORDS.items()) for word in words.split()}
"""Word -> kind; a word of two kinds belongs to the first."""
_ORDER = {kind: i for i, kind in enumerate(KINDS)}
_SPLIT = re.compile(r"\w+")
_SPACED = "".join(chr(i) if _SPLIT.match(chr(i)) else " " for i in range(128))
"""What `_SPLIT` finds in plain text is found three times as fast by splitting it after this translation."""
_SUM = re.compile(r"\d\s*[-+*/^=]\s*\d")


def task_kind(request: Request) -> str:
    """Returns a key of `KINDS`.

    >>> from fairlead.types import Request
    >>> [task_kind(Request.from_prompt(p)) for p in ("Translate: good day", "What is 2 + 2?", "Why?", "Hello!")]
    ['translation', 'mathematics', 'question', 'other']
    """
    needs = request.needs
    if request.dialect == "embeddings":
        return "embedding"
    if needs & {"vision", "audio", "files"}:
        return "media"
    if "tools" in needs:
        return "tools"
    if "json_schema" in needs or request.json_object:
        return "structured"
    return _of_text(task(request)[0][:LOOKED_AT_CHARS])


def _of_text(text: str) -> str:
    lowered = text.lower().replace("how many", "how_many").replace("how much", "how_much")
    found = [_KIND_OF[word] for word in _KIND_OF.keys() & _words(lowered)]
    if "```" in text:
        found.append("code")
    if _may_have_digits(text) and _SUM.search(text):
        found.append("mathematics")
    if text.rstrip().endswith("?"):
        found.append("question")
    return min(found, key=_ORDER.__getitem__, default="other")


def _words(text: str) -> list[str]:
    return text.translate(_SPACED).split() if text.isascii() else _SPLIT.findall(text)


def _may_have_digits(text: str) -> bool:
    return not text.isascii() or any(digit in text for digit in digits)
