"""What is asked, whichever dialect it came in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence  # noqa: TC003 - the ledger decodes these types: hints must resolve
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import msgspec
import numpy as np

from fairlead.types.arrays import FloatArray  # noqa: TC001
from fairlead.types.content import Dialect, Media, Part, Text, ToolCall, ToolResult

Role = Literal["system", "user", "assistant", "tool"]

CHARS_PER_TOKEN = 4
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])


def estimated_tokens(n_chars: int) -> int:
    """Returns the tokens assumed for `n_chars` characters: a quarter, rounded up, since a bill counts whole tokens."""
    return -(-n_chars // CHARS_PER_TOKEN)


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One turn."""

    role: Role
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """The words of the turn, without media, tool calls and tool results."""
        return "\n".join(part.text for part in self.parts if isinstance(part, Text))


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A function that the model may call; `parameters` is a JSON Schema as text."""

    name: str
    description: str = ""
    parameters: str = "{}"
    free_form: bool = False
    """It takes plain text; elsewhere than in its own dialect it is a function of one string, `input`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFeatures:
    """What a ledger keeps of a request in place of its words; see `features/kept.py`."""

    kind: str
    """What the columns mean."""
    vector: bytes = field(repr=False)
    """One int8 a column."""
    n_chars: int
    """Of every turn."""


class Request(msgspec.Struct, frozen=True, kw_only=True, dict=True, weakref=True):
    """One request, decoded once, whichever dialect it came in.

    `body` keeps the caller's own bytes, so that a provider of the same dialect gets every field verbatim.
    """

    messages: tuple[Message, ...]
    model: str = "auto"
    stream: bool = False
    include_usage: bool = False
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    n: int = 1
    logprobs: bool = False
    tools: tuple[Tool, ...] = ()
    tool_choice: str | None = None
    parallel_tool_calls: bool | None = None
    json_schema: str | None = None
    json_object: bool = False
    metadata: Mapping[str, str] = msgspec.field(default_factory=dict)
    user: str | None = None
    prompt_cache_key: str | None = None
    """The caller's own name of the conversation, where it gave one."""
    previous_response_id: str | None = None
    """The answer that this request goes on from, which a host has kept."""
    native: tuple[str, ...] = ()
    """What changes the meaning and can only be said in the caller's own dialect, inner parts of the body."""
    hints: tuple[str, ...] = ()
    """The same of what may be left out."""
    thinker: str = ""
    """The weights that answered last in the session, so whose signed thinking the body carries; empty is not known."""
    begun: str = ""
    """The beginning of the answer, which the caller has already: the model is to go on from its last word."""
    dialect: Dialect = "openai"
    headers: tuple[tuple[str, str], ...] = ()
    """Of the caller, for a provider of the same dialect."""
    body: bytes = b""
    kept: KeptFeatures | None = None
    """What a ledger kept, where the words are not there any more."""

    @classmethod
    def from_prompt(cls, prompt: str, *, model: str = "auto") -> Request:
        """Returns the request of a single user turn."""
        return cls(messages=(Message(role="user", parts=(Text(text=prompt),)),), model=model)

    def with_output_limit(self, output_tokens: int) -> Request:
        """Returns the same request with a limit on each answer; what was read from its words and its body stays read.

        The body stays the caller's own: whoever sends it on puts the limit in, see `wire/limiting.py`.
        """
        same = msgspec.structs.replace(self, max_output_tokens=output_tokens)
        same.__dict__.update(self.__dict__)
        return same

    @cached_property
    def fields(self) -> Mapping[str, msgspec.Raw]:
        """The fields of the body, each value as its own bytes."""
        return _FIELDS.decode(self.body) if self.body else {}

    @cached_property
    def prompt(self) -> str:
        """What a router reads: the words of the system and user turns, in order."""
        return "\n".join(m.text for m in self.messages if m.role in {"system", "user"})

    @cached_property
    def n_chars(self) -> int:
        """Characters of every turn, tool calls and results included."""
        if self.kept is not None:
            return self.kept.n_chars
        return sum(_n_chars(part) for message in self.messages for part in message.parts)

    @cached_property
    def needs(self) -> frozenset[str]:
        """Names of the capabilities that a candidate must have: `tools`, `vision`, `audio`, `files`, `json_schema`."""
        media = {"image": "vision", "audio": "audio", "file": "files"}
        parts = [part for message in self.messages for part in message.parts if not isinstance(part, Text)]
        needs = {media[part.kind] for part in parts if isinstance(part, Media)}
        if self.tools or any(isinstance(part, ToolCall | ToolResult) for part in parts):
            needs.add("tools")
        if self.json_schema is not None:
            needs.add("json_schema")
        return frozenset(needs)


def _n_chars(part: Part) -> int:
    match part:
        case Text(text=text):
            return len(text)
        case ToolCall(arguments=arguments):
            return len(arguments)
        case ToolResult(content=content):
            return len(content)
        case _:
            return 0


def assumed_tokens(requests: Sequence[Request]) -> FloatArray:
    """Returns (n_requests,) the input tokens that the length of each request suggests."""
    return np.array([estimated_tokens(request.n_chars) for request in requests], dtype=np.float64)
