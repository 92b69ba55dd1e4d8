"""The contract of verifiers: what was asked and an answer in, how good it is out; no model is called."""

from __future__ import annotations

from typing import Protocol

import msgspec


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What a verifier may know of a request."""

    prompt: str
    json_schema: str | None = None
    """That the request demands of the answer, as text."""
    expected: str | None = None
    """The right answer, where the caller named it (`metadata.expected_answer`)."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a model answered, whole."""

    text: str
    finish_reason: str = "stop"


class Verifier(Protocol):
    """Settles by a rule how good an answer is."""

    def verify(self, task: Task, answer: Answer) -> float | None:
        """Returns a score in [0, 1]; `None` where the rule does not apply to this task."""
        ...
