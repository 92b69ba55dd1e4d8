"""Verifiers that read the answer's words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from fairlead.answers import final_answer, question, spelled

if TYPE_CHECKING:
    from fairlead.learning.verifiers.base import Answer, Task

_NUMBER = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d{1,3})?")
_CITED = re.compile(r"\[(\d{1,3})\]")
_LINK = re.compile(r"https?://[^\s)\]>]+")
_SHORT_CHARS = 600
"""A longer answer that opens with an excuse may well do the task."""

_EXCUSES = re.compile(
    r"(?:i(?:'m| am) (?:really |very |so )?sorry|i (?:can(?:no|')t|cannot|won't|am unable|am not able|must decline)"
    r"|i'm (?:unable|not able)|as an ai\b|unfortunately,? i|i do(?:n't| not) have the ability"
    r"|(?:es tut mir leid|ich kann (?:das|diese|dir|ihnen)[^.]{0,40} nicht)|je (?:suis désolé|ne peux pas)"
    r"|lo siento|no puedo)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """0 where the answer says that it will not, or says nothing; else 1.

    A short answer that opens with an excuse is a refusal; the list of excuses is ours, English for the most part.
    """

    def verify(self, task: Task, answer: Answer) -> float | None:  # noqa: ARG002
        """See `Verifier.verify`."""
        text = answer.text.strip().casefold().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
        refused = not text or answer.finish_reason == "content_filter"
        return 0.0 if refused or (len(text) <= _SHORT_CHARS and _EXCUSES.match(text)) else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Truncation:
    """0 where the answer stops before its end: at its limit, or within a fence; else 1."""

    def verify(self, task: Task, answer: Answer) -> float | None:  # noqa: ARG002
        """See `Verifier.verify`."""
        cut = answer.finish_reason in {"length", "content_filter"} or not answer.text.strip()
        return 0.0 if cut or answer.text.count("```") % 2 else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Regex:
    """1 where the pattern is found in the answer, else 0.

    Args:
        pattern: of Python's `re`.
    """

    pattern: str

    def verify(self, task: Task, answer: Answer) -> float | None:  # noqa: ARG002
        """See `Verifier.verify`."""
        return float(re.search(self.pattern, answer.text) is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exact:
    """1 where the final answer is the expected one, both in one spelling (`answers.py`), else 0."""

    def verify(self, task: Task, answer: Answer) -> float | None:
        """See `Verifier.verify`."""
        if task.expected is None:
            return None
        asked = question(task.prompt, json_asked=task.json_schema is not None)
        said = final_answer(answer.text, asked)
        wanted = spelled(task.expected, asked) or task.expected.strip()
        return float(said == wanted or answer.text.strip() == task.expected.strip())


@dataclass(frozen=True, slots=True, kw_only=True)
class Numeric:
    """1 where the last number of the answer is the expected one, else 0.

    Args:
        tolerance: relative; 0 is exact.
    """

    tolerance: float = 0.0

    def verify(self, task: Task, answer: Answer) -> float | None:
        """See `Verifier.verify`."""
        wanted = None if task.expected is None else _last_number(task.expected)
        if wanted is None:
            return None
        said = _last_number(answer.text)
        return float(said is not None and abs(said - wanted) <= Fraction(self.tolerance) * abs(wanted))


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """1 where the answer cites enough, and nothing that the prompt does not hold, else 0.

    `[3]` is a citation; where the prompt numbers its sources so, a number that it does not hold is made up. Where it
    does not, an address counts as a citation as well.

    Args:
        at_least: how many different ones.
    """

    at_least: int = 1

    def verify(self, task: Task, answer: Answer) -> float | None:
        """See `Verifier.verify`."""
        offered, cited = set(_CITED.findall(task.prompt)), set(_CITED.findall(answer.text))
        if offered:
            return float(cited <= offered and len(cited) >= self.at_least)
        return float(len(cited | set(_LINK.findall(answer.text))) >= self.at_least)


def _last_number(text: str) -> Fraction | None:
    found = _NUMBER.findall(text)
    return Fraction(found[-1].replace(",", "")) if found else None
