"""What is left of a request once its reply was delivered: all that its copies, verifiers and judges need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairlead.learning.verifiers.base import Answer, Task
from fairlead.types import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fairlead.types import Candidate, Chunk, Context, Decision, Request, Response

MAX_CHARS = 1_000_000
"""Of an answer that is kept for a moment; a longer one is not scored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """A request that was answered, and the answer."""

    decision_id: str
    route: str
    request: Request
    context: Context
    decision: Decision
    candidates: Mapping[str, Candidate]
    """Those that the route chooses from."""
    candidate: str
    """Whose answer it is."""
    answer: Answer
    config_hash: str
    key_id: str | None = None
    """The virtual key that asked."""
    team: str | None = None


class Transcript:
    """An answer that passes by in chunks, kept until it is whole."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._n_chars = 0
        self._finish_reason: str | None = None

    def note(self, chunks: Iterable[Chunk]) -> None:
        """Takes in what passes."""
        for chunk in chunks:
            self._finish_reason = chunk.finish_reason or self._finish_reason
            self._n_chars += len(chunk.text)
            if chunk.text and self._n_chars <= MAX_CHARS:
                self._texts.append(chunk.text)

    @property
    def answer(self) -> Answer | None:
        """The whole answer; `None` where it is too long, or is a call of tools."""
        if self._n_chars > MAX_CHARS or self._finish_reason in {None, "tool_calls"}:
            return None
        return Answer(text="".join(self._texts), finish_reason=str(self._finish_reason))


def answer_of(response: Response) -> Answer | None:
    """Returns the answer in a response; `None` where it is too long, or is a call of tools."""
    text = response.text
    other = any(not isinstance(part, Text) for part in response.parts)
    if other or len(text) > MAX_CHARS or response.finish_reason == "tool_calls":
        return None
    return Answer(text=text, finish_reason=response.finish_reason)


def task_of(request: Request) -> Task:
    """Returns what a verifier may know of a request."""
    return Task(
        prompt=request.prompt, json_schema=request.json_schema, expected=request.metadata.get(EXPECTED_ANSWER) or None
    )


EXPECTED_ANSWER = "expected_answer"
"""Key of a request's metadata under which its caller may name the right answer."""
