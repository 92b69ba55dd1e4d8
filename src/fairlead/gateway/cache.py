"""Answers that are given again where the very same is asked again: by the same key, within a time, in bounded memory.

What is kept is complete or not kept: delivered, not cut, and of a request that means the same every time. An answer
that was streamed is replayed whole where that is asked for, and the other way round.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fairlead.types import Chunk, Response, Text, ToolCall, ToolResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from decimal import Decimal

    from fairlead.gateway.keys import Caller
    from fairlead.types import FinishReason, Outcome, Request, Usage

MAX_ANSWER_BYTES = 1_000_000
"""A longer answer is not kept."""
WHOLE = frozenset({"stop", "tool_calls"})
"""Finish reasons of an answer that nothing cut."""
_HOW = frozenset({"stream", "stream_options"})
"""Fields that say how an answer is given, and nothing of which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cached:
    """An answer that can be given again."""

    response: Response
    candidate: str
    """Whose it is."""
    cost_usd: Decimal | None
    """What it cost: so much is saved whenever it is given again."""
    decision_id: str
    """The decision that it came of."""


@dataclass(slots=True, kw_only=True)
class AnswerCache:
    """The answers of one route; what was not asked for longest goes first.

    Args:
        ttl_s: for how long an answer is given again, seconds.
        max_bytes: of all answers together, about.
        tools: requests with tools take part, too.
        timer: seconds that only go forward.
    """

    ttl_s: float
    max_bytes: int
    tools: bool = False
    timer: Callable[[], float] = time.monotonic
    n_bytes: int = 0
    _kept: OrderedDict[bytes, tuple[float, int, Cached]] = field(default_factory=OrderedDict, repr=False)

    def name(self, request: Request, key_id: str | None) -> bytes | None:
        """Returns what an answer to this request is kept under; `None` where it is not to be kept.

        Whoever asks is part of it, and so is every field of the body but those that say whether to stream.
        """
        stateful = request.previous_response_id is not None or request.n != 1 or request.logprobs
        if stateful or (not self.tools and _has_tools(request)):
            return None
        digest = hashlib.blake2b(digest_size=32)
        for part in (key_id or "", request.dialect, *(f"{name}:{value}" for name, value in request.headers)):
            digest.update(part.encode() + b"\0")
        for name, raw in sorted(request.fields.items()):
            if name not in _HOW:
                digest.update(name.encode() + b"\0" + len(raw_bytes := bytes(raw)).to_bytes(8, "big") + raw_bytes)
        return digest.digest()

    def find(self, name: bytes) -> Cached | None:
        """Returns the answer that is kept under this name, if its time is not over."""
        if (found := self._kept.get(name)) is None:
            return None
        if found[0] <= self.timer():
            self._drop(name)
            return None
        self._kept.move_to_end(name)
        return found[2]

    def keep(self, name: bytes, cached: Cached) -> None:
        """Keeps an answer, if it is complete and not too long."""
        size = _size(cached.response)
        if cached.response.finish_reason not in WHOLE or size > min(MAX_ANSWER_BYTES, self.max_bytes):
            return
        self._drop(name)
        self._kept[name] = (self.timer() + self.ttl_s, size, cached)
        self.n_bytes += size
        while self.n_bytes > self.max_bytes:
            self._drop(next(iter(self._kept)))

    def _drop(self, name: bytes) -> None:
        if (found := self._kept.pop(name, None)) is not None:
            self.n_bytes -= found[1]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the answer to a request is kept, or will be."""

    cache: AnswerCache
    name: bytes
    models: frozenset[str] | None
    """Whose answers the caller may have; `None` for all."""
    anew: bool = False
    """The caller wants a new answer, whatever is kept."""

    @classmethod
    def of(cls, caches: Mapping[str, AnswerCache], request: Request, caller: Caller, wish: str = "") -> Place | None:
        """Returns the place; `None` where answers of this route, or to this request, are not kept.

        Args:
            caches: by route.
            request: what is asked.
            caller: for whom.
            wish: its `Cache-Control` (RFC 9111): `no-cache` asks anew and keeps the answer, `no-store` keeps none.
        """
        directives = {each.strip().lower() for each in wish.split(",")}
        cache = None if "no-store" in directives else caches.get(request.model)
        name = None if cache is None else cache.name(request, caller.key_id)
        if cache is None or name is None:
            return None
        return cls(cache, name, caller.models, anew=not directives.isdisjoint({"no-cache", "max-age=0"}))

    def find(self) -> Cached | None:
        """Returns the answer that is kept here, if the caller may still be served by whose it is."""
        cached = None if self.anew else self.cache.find(self.name)
        allowed = cached is None or self.models is None or cached.candidate in self.models
        return cached if allowed else None

    def keep(self, decision_id: str, outcome: Outcome, response: Response | None) -> None:
        """Keeps what came of a request, if that is a complete answer."""
        if response is None or outcome.status != "delivered" or outcome.served is None:
            return
        served, cost_usd = outcome.served, outcome.cost_usd
        cached = Cached(response=response, candidate=served, cost_usd=cost_usd, decision_id=decision_id)
        self.cache.keep(self.name, cached)


class Collector:
    """Puts a streamed answer together as it passes; gives up on one that is too long."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._calls: dict[int, ToolCall] = {}
        self._finish: FinishReason | None = None
        self._usage: Usage | None = None
        self._id, self._model, self._size = "", "", 0

    def note(self, chunks: Iterable[Chunk]) -> None:
        """Takes in what passes."""
        for chunk in chunks:
            self._take(chunk)

    def _take(self, chunk: Chunk) -> None:
        self._id, self._model = chunk.id or self._id, chunk.model or self._model
        self._finish, self._usage = chunk.finish_reason or self._finish, chunk.usage or self._usage
        self._size += len(chunk.text) + len(chunk.reasoning)
        if self._size > MAX_ANSWER_BYTES:
            return
        self._text.append(chunk.text)
        self._reasoning.append(chunk.reasoning)
        if (call := chunk.tool_call) is not None:
            begun = self._calls.get(chunk.tool_index, ToolCall(id=call.id, name=call.name, arguments=""))
            self._size += len(call.arguments)
            self._calls[chunk.tool_index] = ToolCall(
                id=begun.id or call.id, name=begun.name or call.name, arguments=begun.arguments + call.arguments
            )

    def response(self, dialect_free_id: str) -> Response | None:
        """Returns the whole answer; `None` where it was not whole, or too long."""
        if self._finish is None or self._size > MAX_ANSWER_BYTES:
            return None
        text = "".join(self._text)
        return Response(
            id=self._id or dialect_free_id,
            model=self._model,
            parts=(*((Text(text=text),) if text else ()), *(self._calls[i] for i in sorted(self._calls))),
            finish_reason=self._finish,
            usage=self._usage,
            reasoning="".join(self._reasoning),
        )


def chunks_of(response: Response) -> Iterator[Chunk]:
    """Yields an answer as a stream of few pieces."""
    if response.reasoning:
        yield Chunk(reasoning=response.reasoning, id=response.id, model=response.model)
    if response.text:
        yield Chunk(text=response.text, id=response.id, model=response.model)
    for i, call in enumerate(part for part in response.parts if isinstance(part, ToolCall)):
        yield Chunk(tool_call=call, tool_index=i, id=response.id, model=response.model)
    yield Chunk(finish_reason=response.finish_reason, id=response.id, model=response.model)


def _has_tools(request: Request) -> bool:
    spoken = (part for message in request.messages for part in message.parts)
    return bool(request.tools) or any(isinstance(part, ToolCall | ToolResult) for part in spoken)


def _size(response: Response) -> int:
    calls = sum(len(part.arguments) for part in response.parts if isinstance(part, ToolCall))
    return len(response.body) + len(response.text) + len(response.reasoning) + calls + 1_000
