"""Going on with an answer that broke off when its caller had a part of it: what may be continued, by whom, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from fairlead.wire.anthropic_request import THOUGHTS
from fairlead.wire.translation import spoken

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence

    from fairlead.providers.base import Limits
    from fairlead.types import Attempt, Candidate, Chunk, Request, Stage

LEAST_CHARS = 16
"""A shorter beginning is not gone on from: it could not be told from a host that says it again."""
MOST_CHARS = 200_000
"""Nor is a longer one, about 50,000 tokens: it is kept for as long as the stream lasts."""
DIALECTS = frozenset({"openai", "anthropic"})
"""In which a host can be asked to go on."""


def continuable(request: Request) -> bool:
    """Says whether an answer to this request, of plain words so far, may be gone on with by another call.

    Not one of several answers, nor one whose form is checked, nor one that must be a call of a tool; nor where the
    model thinks and signs its thoughts, or the caller itself has begun the answer.
    """
    one = request.n == 1 and not request.logprobs and request.dialect in {"openai", "responses", "anthropic"}
    formless = request.json_schema is None and not request.json_object and not request.native
    free = request.tool_choice in {None, "auto", "none"}
    thoughtless = THOUGHTS not in request.hints and "thinking" not in request.fields
    return one and formless and free and thoughtless and request.messages[-1].role != "assistant"


def by_whom(
    plan: Sequence[Stage],
    attempts: Sequence[Attempt],
    candidates: Mapping[str, Candidate],
    request: Request,
    limits: Limits,
    barred: Container[str],
) -> list[tuple[int, str]]:
    """Returns who can go on, with the stage of each: other hosts of the same weights first, then the same, then others.

    Nobody is called more often than retries allow, so that what was set aside for the plan bounds these calls as well.
    """
    n_made = sum(attempt.kind == "continuation" for attempt in attempts)
    if n_made >= limits.continuations or len(attempts) >= limits.max_attempts or not continuable(request):
        return []
    called = [attempt.candidate for attempt in attempts]
    broken = candidates[[attempt.candidate for attempt in attempts if attempt.ttft_s is not None][-1]]
    stages: dict[str, int] = {}
    for i, stage in enumerate(plan):
        for step in stage.steps:
            stages.setdefault(step.candidate, i)
    able = [name for name in stages if name not in barred and _able(candidates[name], request)]
    fresh = [name for name in able if name not in called]
    kin = [name for name in fresh if broken.weights and candidates[name].weights == broken.weights]
    again = [broken.name] if broken.name in able and called.count(broken.name) <= limits.retries else []
    return [(stages[name], name) for name in dict.fromkeys([*kin, *again, *fresh])]


def _able(candidate: Candidate, request: Request) -> bool:
    return candidate.goes_on is True and spoken(request, candidate.dialects) in DIALECTS


class Beginning:
    """What the caller has of an answer."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._n_chars = 0
        self._plain = True

    def note(self, chunks: Iterable[Chunk]) -> None:
        """Takes in what is passed on."""
        for chunk in chunks:
            if chunk.reasoning or chunk.tool_call:
                self._plain = False
            elif chunk.text and self._plain:
                self._n_chars += len(chunk.text)
                self._texts.append(chunk.text)
        if self._n_chars > MOST_CHARS:
            self._plain = False
            self._texts.clear()

    @property
    def text(self) -> str | None:
        """The words so far; `None` where they are not all that there is, or too few or too many to go on from."""
        text = "".join(self._texts) if self._plain else ""
        return text if len(text.rstrip()) >= LEAST_CHARS else None


class Seam:
    """Joins what comes to what was there, so that nothing is said twice.

    A host is given the words up to the last that is no space: few models go on well from a space, and Anthropic's take
    none. So spaces that the caller has may come again; and some hosts, Mistral's among them, begin with all that they
    were given.

    Example:
        >>> seam = Seam("It was a dark night. ")
        >>> seam.begun, seam.joined(" The"), seam.joined(" rain")
        ('It was a dark night.', 'The', ' rain')
    """

    def __init__(self, text: str) -> None:
        self.begun = text.rstrip()
        """What a host is given."""
        self._echo = self.begun
        self._space = text[len(self.begun) :]
        self._held = ""  # so far it is the beginning, word for word

    def chunk(self, chunk: Chunk) -> Chunk:
        """Returns the chunk without what the caller has."""
        text = self.joined(chunk.text, last=chunk.finish_reason is not None)
        return chunk if text == chunk.text else replace(chunk, text=text, pieces=())

    def joined(self, text: str, *, last: bool = False) -> str:
        """Returns what is new of some words; those that may be the beginning once more are held until that is clear."""
        if self._echo:
            self._held += text
            if not last and len(self._held) < len(self._echo) and self._echo.startswith(self._held):
                return ""
            text, self._held = self._held.removeprefix(self._echo), ""
            self._echo = ""
        if self._space and text:
            n_known = _n_alike(self._space, text)
            text = text[n_known:]
            self._space = "" if text else self._space[n_known:]
        return text


def _n_alike(a: str, b: str) -> int:
    """Returns how many characters two texts begin with alike."""
    return next((i for i, (left, right) in enumerate(zip(a, b, strict=False)) if left != right), min(len(a), len(b)))
