"""What a simulated host is asked and what it replies, whatever the dialect."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fairlead.providers.faults import Fault
    from fairlead.types import FinishReason, ToolCall, Usage

CREATED = 1_767_225_600
"""Unix time that every reply carries (2026-01-01): replies depend on the request alone."""
MAX_PIECES = 48
"""Most pieces that a text is streamed in."""
MIN_PIECE_CHARS = 12

Schema = Mapping[str, Any]
"""A JSON Schema."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """The tools and the form of one call."""

    tools: Mapping[str, Schema] | None = None
    """Name -> schema of the arguments."""
    choice: str = "auto"
    """`auto`, `none`, `required`, or the name of the one to call."""
    parallel: bool = True
    called: Sequence[str] = ()
    """Names of the tools that were called before."""
    schema: Schema | None = None
    """Of the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One decoded call."""

    model: str
    prompt: str
    """The words of the system and user turns, in order, joined by line ends: what `Request.prompt` is."""
    prompt_id: str | None = None
    stream: bool = False
    include_usage: bool = False
    offer: Offer = field(default_factory=Offer)
    max_output_tokens: int | None = None
    """Of a call in OpenAI's chat dialect, the limit that it sets."""

    @property
    def key(self) -> str:
        """What names the prompt: its id, else its text."""
        return self.prompt if self.prompt_id is None else self.prompt_id

    @property
    def id(self) -> str:
        """The id of the reply: a hash of what was asked."""
        return hashlib.blake2b(f"{self.model}\n{self.key}".encode(), digest_size=12).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer, its usage, its timing, and the fault that strikes it."""

    text: str
    usage: Usage
    finish_reason: FinishReason = "stop"
    calls: tuple[ToolCall, ...] = ()
    ttft_s: float = 0.0
    """Until the first event, seconds."""
    latency_s: float = 0.0
    """Until the last event, seconds."""
    fault: Fault | None = None

    def pieces(self) -> Iterator[str]:
        """Yields the text in the pieces that it is streamed in."""
        return pieces_of(self.text)


def pieces_of(text: str) -> Iterator[str]:
    """Yields `text` in the pieces that it is streamed in."""
    size = max(MIN_PIECE_CHARS, -(-len(text) // MAX_PIECES))
    return (text[start : start + size] for start in range(0, len(text), size))


class Responder(Protocol):
    """The models behind a simulated host; pure, so that a run can be repeated."""

    @property
    def label(self) -> str:
        """What kind of answers these are, in one word: `simulated`, `recorded`."""
        ...

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models that it serves."""
        ...

    def respond(self, model: str, prompt: str, prompt_id: str | None, attempt: int) -> Reply:
        """Returns the reply to the `attempt`-th call (from 1) of `model` with this prompt.

        Raises:
            RequestError: the model or the prompt cannot be served; carries the HTTP status.
        """
        ...
