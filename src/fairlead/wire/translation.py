"""What of a request gets lost on the way into another dialect.

A field that changes what is asked for must not get lost: a candidate whose host cannot be told is not eligible. A mere
hint may be dropped, and is named to the caller. In its own dialect nothing is lost: there the body goes through.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairlead.errors import WireError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from fairlead.types import Dialect, Request

MAX_NAMES = 32
"""More fields than that are not named."""
MAX_NAME_CHARS = 64
"""A longer name is cut."""

_ALWAYS = "always"
_NEVER = "never"
_HEAT = "temperature above 1"

ALIKE: Mapping[str, str] = {
    "reasoning_effort": "reasoning.effort",
    "verbosity": "text.verbosity",
    "service_tier": "service_tier",
    "safety_identifier": "safety_identifier",
    "prompt_cache_key": "prompt_cache_key",
}
"""Fields of chat completions that go as they are -> where responses have them."""

SAYS: Mapping[Dialect, frozenset[str]] = {
    "openai": frozenset(
        {_ALWAYS, _HEAT, "stop", "seed", "n", "logprobs", "parallel_tool_calls", "json_object", "user", "metadata"}
    ),
    "responses": frozenset({_ALWAYS, _HEAT, "parallel_tool_calls", "json_object", "user", "metadata", *ALIKE}),
    "anthropic": frozenset({_ALWAYS, "stop", "parallel_tool_calls", "user"}),
    "gemini": frozenset({_ALWAYS, _HEAT, "stop", "seed", "json_object"}),
}
"""Dialect of a host -> what our translation into it can say, beside what all of them can."""

_OPENAI = ("model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens", "temperature")
_ANTHROPIC = ("model", "messages", "max_tokens", "system", "stream", "temperature", "top_p", "tools", "tool_choice")
_RESPONSES = ("model", "input", "instructions", "stream", "stream_options", "max_output_tokens", "temperature")
FIELDS: Mapping[Dialect, Mapping[str, str]] = {
    "openai": {
        **dict.fromkeys((*_OPENAI, "top_p", "tools", "tool_choice", "response_format"), _ALWAYS),
        **{name: name for name in ("stop", "seed", "n", "logprobs", "parallel_tool_calls", "user", "metadata", *ALIKE)},
    },
    "responses": {
        **dict.fromkeys((*_RESPONSES, "top_p", "tools", "tool_choice", "text", "prompt_cache_key"), _ALWAYS),
        **{name: name for name in ("parallel_tool_calls", "user", "metadata")},
    },
    "anthropic": {
        **dict.fromkeys((*_ANTHROPIC, "output_config", "output_format"), _ALWAYS),
        "stop_sequences": "stop",
        "metadata": "user",
    },
    "embeddings": {},
}
"""Dialect of a caller -> its fields that we can translate -> what a host must be able to say for that."""

CHANGES_MEANING: Mapping[Dialect, frozenset[str]] = {
    "openai": frozenset(
        {"n", "logprobs", "top_logprobs", "stop", "seed", "response_format", "logit_bias"}
        | {"modalities", "audio", "web_search_options", "functions", "function_call"}
    ),
    "responses": frozenset(
        {"previous_response_id", "conversation", "prompt", "background", "top_logprobs", "max_tool_calls"} | {"text"}
    ),
    "anthropic": frozenset({"stop_sequences", "container", "mcp_servers", "output_config", "output_format"}),
    "embeddings": frozenset({"input"}),
}
"""Dialect of a caller -> its fields that are no mere hints; `parallel_tool_calls` is one, which libraries turn off
unasked."""

_EMPTY = frozenset({b"null", b"false", b"0", b"0.0", b'""', b"[]", b"{}"})
_DEFAULTS: Mapping[str, frozenset[bytes]] = {
    "n": frozenset({b"null", b"1"}),
    "seed": frozenset({b"null"}),
    "parallel_tool_calls": frozenset({b"null", b"true"}),
    "modalities": frozenset({b"null", b'["text"]'}),
    "web_search_options": frozenset({b"null"}),  # an empty table asks for a search
    "truncation": frozenset({b"null", b'"disabled"'}),
    "service_tier": frozenset({b"null", b'"auto"', b'"default"'}),
}
"""Values that say what is meant without the field, where they are not simply empty."""
MAX_DEFAULT_BYTES = max(len(value) for values in (_EMPTY, *_DEFAULTS.values()) for value in values)
"""No value that is longer is one of them; it is not looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """What a host cannot be told, by the caller's own names."""

    meaning: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()


_NOTHING = Lost()


def spoken(request: Request, dialects: Sequence[Dialect]) -> Dialect:
    """Returns the dialect in which a host that speaks `dialects` is asked: the caller's own, else its first."""
    return request.dialect if request.dialect in dialects else dialects[0]


def lost(request: Request, dialects: Sequence[Dialect], refused: Collection[str] = ()) -> Lost:
    """Returns what gets lost on the way to a host.

    Args:
        request: in any dialect.
        dialects: what the host speaks; see `spoken`.
        refused: fields of the first of them that the host does not take all the same.
    """
    to = spoken(request, dialects)
    refused = refused if to == dialects[0] else ()
    if to != request.dialect:
        said = SAYS[to].difference(refused)
        names = [name for name, needed in _needed(request) if needed not in said]
        return _sorted(request.dialect, names, request.native, request.hints)
    return _sorted(to, [name for name, _ in _needed(request) if name in refused]) if refused else _NOTHING


def _sorted(dialect: Dialect, names: Sequence[str], native: Sequence[str] = (), hints: Sequence[str] = ()) -> Lost:
    grave = CHANGES_MEANING[dialect]
    return Lost(
        meaning=_named(*native, *(name for name in names if name in grave)),
        hints=_named(*hints, *(name for name in names if name not in grave)),
    )


def _named(*names: str) -> tuple[str, ...]:
    """Returns the names within bounds, since callers make them up."""
    return tuple(name[:MAX_NAME_CHARS] for name in names[:MAX_NAMES])


def check(request: Request, dialect: Dialect, refused: Collection[str] = ()) -> None:
    """Raises WireError where a host of `dialect` cannot be told `request` without a change of its meaning."""
    if missing := lost(request, (dialect,), refused).meaning:
        listed = ", ".join(f"`{name}`" for name in missing)
        message = f"the request asks for {listed}, which this host's dialect cannot say"
        raise WireError(message)


def _needed(request: Request) -> Iterator[tuple[str, str]]:
    """Yields each field that says something, and what a host must be able to say for it."""
    if not request.body:
        yield from _needed_without_body(request)
        return
    known = FIELDS[request.dialect]
    for name, value in request.fields.items():
        if memoryview(value).nbytes > MAX_DEFAULT_BYTES or bytes(value) not in _DEFAULTS.get(name, _EMPTY):
            as_object = request.json_object and name in {"response_format", "text"}
            hot = name == "temperature" and (request.temperature or 0) > 1
            yield name, "json_object" if as_object else _HEAT if hot else known.get(name, _NEVER)


def _needed_without_body(request: Request) -> Iterator[tuple[str, str]]:
    said = {
        "stop": bool(request.stop),
        "seed": request.seed is not None,
        "n": request.n > 1,
        "logprobs": request.logprobs,
        "parallel_tool_calls": request.parallel_tool_calls is False,
        "user": request.user is not None,
    }
    yield from ((name, name) for name, given in said.items() if given)
    if request.json_object:
        yield "response_format", "json_object"
