"""OpenAI responses as the caller sees them: bytes to Request, Response and Chunks to bytes.

Where the provider speaks this dialect itself its own bytes go through, with only `model` and our notes on cost put in.
Sources: OpenAI API reference, "The response object" and "Streaming events".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import msgspec

from fairlead.types import ToolCall
from fairlead.wire import free_form, splice, sse
from fairlead.wire.codec import noted
from fairlead.wire.frames import Reframing
from fairlead.wire.openai_chat import encode_fault, rate_limits
from fairlead.wire.responses_request import decode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.types import Chunk, FinishReason, Request, Response, Usage
    from fairlead.wire.codec import Fault, Heading, Notes

__all__ = [
    "PASSED_ON",
    "REQUEST_ID",
    "ChunkEncoder",
    "answer_id",
    "decode",
    "encode",
    "encode_fault",
    "encoder",
    "rate_limits",
]

REQUEST_ID = b"x-request-id"
PASSED_ON = (b"openai-beta",)
OUR_REASONING = "rs_fairlead_"
"""How the ids of reasoning items begin that no host of this dialect has made, and that none can read."""

_CUT: dict[FinishReason, str] = {"length": "max_output_tokens", "content_filter": "content_filter"}
_KEPT_BACK = {"response.completed", "response.incomplete"}
"""The events that end a response: they wait until it is settled."""
_UNSAID: dict[str, object] = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "service_tier": "default",
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}
"""What a response repeats of its request, and what it says where the request says nothing."""


def encode(response: Response, request: Request, heading: Heading, notes: Notes) -> bytes:
    """Returns the body of a complete answer, which names the candidate that served as its `model`."""
    own = response.body and response.dialect == "responses"
    body = splice.read(response.body) if own else _response(response, request, heading)
    splice.put(body, [("model", heading.model), *noted(body.get("usage"), notes)])
    return msgspec.json.encode(body)


def answer_id(response: Response, heading: Heading) -> str:
    """Returns the provider's id where it speaks this dialect, else our own."""
    return response.id if response.body and response.dialect == "responses" else _own_id(heading)


def encoder(request: Request, heading: Heading) -> ChunkEncoder:
    """Returns what writes a streamed answer."""
    return ChunkEncoder(request, heading)


# One item of the output ----------------------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class _Item:
    """An item that grows; its index counts the items before it."""

    kind: Literal["reasoning", "message", "function_call", "custom_tool_call"]
    index: int
    id: str
    call_id: str = ""
    name: str = ""
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All of it: the words, or the arguments; of a free-form tool, its input."""
        text = "".join(self.pieces)
        return free_form.unwrapped(text) if self.kind == "custom_tool_call" else text

    @property
    def place(self) -> dict[str, object]:
        """Where an event about it belongs."""
        inside = {"content_index": 0} if self.kind in {"message", "reasoning"} else {}
        return {"item_id": self.id, "output_index": self.index, **inside}

    def begun(self) -> dict[str, object]:
        """Returns the item before its first piece."""
        return self._shown("in_progress", [], "")

    def whole(self, status: str = "completed") -> dict[str, object]:
        """Returns the item with all of its pieces."""
        return self._shown(status, [self.part(self.text)], self.text)

    def part(self, text: str) -> dict[str, object]:
        """Returns the one part of its content."""
        if self.kind == "reasoning":
            return {"type": "reasoning_text", "text": text}
        return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}

    def _shown(self, status: str, content: list[dict[str, object]], text: str) -> dict[str, object]:
        head: dict[str, object] = {"id": self.id, "type": self.kind, "status": status}
        match self.kind:
            case "message":
                return {**head, "role": "assistant", "content": content}
            case "reasoning":
                return {**head, "summary": [], "content": content, "encrypted_content": None}
            case "function_call":
                return {**head, "call_id": self.call_id, "name": self.name, "arguments": text}
            case "custom_tool_call":
                return {**head, "call_id": self.call_id, "name": self.name, "input": text}


class _Output:
    """The items of one answer, in order."""

    def __init__(self, request: Request, heading: Heading) -> None:
        self.items: list[_Item] = []
        self._suffix = heading.id.removeprefix("req_")
        self._free_form = {tool.name for tool in request.tools if tool.free_form}

    def words(self, kind: Literal["reasoning", "message"]) -> _Item:
        """Returns a new item of words."""
        return self._added(kind, OUR_REASONING if kind == "reasoning" else "msg_")

    def call(self, call: ToolCall) -> _Item:
        """Returns a new item of a tool call, without its arguments."""
        if call.name in self._free_form:
            return self._added("custom_tool_call", "ctc_", call)
        return self._added("function_call", "fc_", call)

    def _added(
        self,
        kind: Literal["reasoning", "message", "function_call", "custom_tool_call"],
        prefix: str,
        call: ToolCall | None = None,
    ) -> _Item:
        index = len(self.items)
        item = _Item(kind=kind, index=index, id=f"{prefix}{self._suffix}_{index}")
        if call is not None:
            item.call_id, item.name = call.id, call.name
        self.items.append(item)
        return item


# A stream ------------------------------------------------------------------------------------------------------------


class ChunkEncoder:
    """Encodes one streamed answer as the events of a response."""

    def __init__(self, request: Request, heading: Heading) -> None:
        self._request = request
        self._heading = heading
        self.id = _own_id(heading)
        self._n_events = 0
        self._begun = False
        self._output = _Output(request, heading)
        self._words: _Item | None = None  # the item of words that grows
        self._calls: dict[int, _Item] = {}  # those that grow, by their index among the calls
        self._finish: FinishReason = "stop"
        self._kept_back: tuple[str, bytes] | None = None  # the provider's own last event
        self._reframing = Reframing(lambda data, event: sse.encode(data, event=event))

    def chunk(self, chunk: Chunk) -> bytes:
        """Returns the events of one chunk; none where it is part of the end."""
        if chunk.frame is not None:
            self._n_events += len(chunk.spelled)
            return self._reframing.events(chunk.frame, chunk.spelled)
        return self._passed_on(chunk) if chunk.body else b"".join(self._written(chunk))

    def end(self, usage: Usage | None, notes: Notes) -> bytes:
        """Returns the last events: what is still open, then the whole response with our notes in its usage."""
        if self._kept_back is not None:
            kind, data = self._kept_back
            body = splice.read(data)
            inner = splice.read(bytes(body["response"]))  # type: ignore[call-overload]  # its own bytes
            splice.put(inner, [("model", self._heading.model), *noted(inner.get("usage"), notes)])
            return sse.encode(msgspec.json.encode({**body, "response": inner}), event=kind)
        closing = [*self._begin(), *self._close_words(), *self._close_calls()]
        body = _envelope(self._request, self._heading, self._finish)
        body |= {"output": [item.whole() for item in self._output.items], "usage": _usage(usage)}
        splice.put(body, noted(body["usage"], notes))
        kind = f"response.{body['status']}"
        return b"".join(closing) + self._event(kind, response=body)

    def fault(self, fault: Fault) -> bytes:
        """Returns the events of a failure in mid-stream; nothing may follow them."""
        words = "rate_limit_exceeded" if fault.status_code == 429 else "server_error"
        body = _envelope(self._request, self._heading, None) | {"id": self.id, "status": "failed", "output": []}
        failed = self._event("response.failed", response=body | {"error": {"code": words, "message": fault.message}})
        error = splice.read(encode_fault(fault))["error"]
        said = {"code": fault.code, "message": fault.message, "param": fault.param}
        return failed + self._event("error", **said, error=error)

    def _passed_on(self, chunk: Chunk) -> bytes:
        self._n_events += 1
        self.id = chunk.id or self.id
        if chunk.event in _KEPT_BACK:
            self._kept_back = (chunk.event, chunk.body)
            return b""
        if chunk.id is None:  # no event that shows the whole response
            return sse.encode(chunk.body, event=chunk.event)
        body = splice.read(chunk.body)
        splice.put(body, [("response.model", self._heading.model)])
        return sse.encode(msgspec.json.encode(body), event=chunk.event)

    def _written(self, chunk: Chunk) -> Iterator[bytes]:
        self._finish = chunk.finish_reason or self._finish
        if chunk.reasoning:
            for piece in chunk.pieces or (chunk.reasoning,):
                yield from self._grow("reasoning", "response.reasoning_text.delta", piece)
        if chunk.text:
            for piece in chunk.pieces or (chunk.text,):
                yield from self._grow("message", "response.output_text.delta", piece)
        if chunk.tool_call is not None:
            yield from self._call(chunk.tool_call, chunk.tool_index)

    def _grow(self, kind: Literal["reasoning", "message"], delta: str, piece: str) -> Iterator[bytes]:
        if self._words is None or self._words.kind != kind:
            yield from self._begin()
            yield from self._close_words()
            self._words = item = self._output.words(kind)
            yield self._event("response.output_item.added", output_index=item.index, item=item.begun())
            yield self._event("response.content_part.added", **item.place, part=item.part(""))
        self._words.pieces.append(piece)
        more: dict[str, object] = {"logprobs": []} if kind == "message" else {}
        yield self._event(delta, **self._words.place, delta=piece, **more)

    def _call(self, call: ToolCall, index: int) -> Iterator[bytes]:
        if index not in self._calls:
            yield from self._begin()
            yield from self._close_words()
            self._calls[index] = item = self._output.call(call)
            yield self._event("response.output_item.added", output_index=item.index, item=item.begun())
        item = self._calls[index]
        item.pieces.append(call.arguments)
        if call.arguments and item.kind == "function_call":  # the input of a free-form tool is known when it is whole
            yield self._event("response.function_call_arguments.delta", **item.place, delta=call.arguments)

    def _begin(self) -> Iterator[bytes]:
        if self._begun:
            return
        self._begun = True
        body = _envelope(self._request, self._heading, None) | {"status": "in_progress", "output": []}
        yield self._event("response.created", response=body)
        yield self._event("response.in_progress", response=body)

    def _close_words(self) -> Iterator[bytes]:
        if (item := self._words) is None:
            return
        self._words = None
        if item.kind == "reasoning":
            yield self._event("response.reasoning_text.done", **item.place, text=item.text)
        else:
            yield self._event("response.output_text.done", **item.place, text=item.text, logprobs=[])
        yield self._event("response.content_part.done", **item.place, part=item.part(item.text))
        yield self._event("response.output_item.done", output_index=item.index, item=item.whole())

    def _close_calls(self) -> Iterator[bytes]:
        for item in self._calls.values():
            if item.kind == "function_call":
                said = {"name": item.name, "arguments": item.text}
                yield self._event("response.function_call_arguments.done", **item.place, **said)
            else:
                yield self._event("response.custom_tool_call_input.delta", **item.place, delta=item.text)
                yield self._event("response.custom_tool_call_input.done", **item.place, input=item.text)
            yield self._event("response.output_item.done", output_index=item.index, item=item.whole())
        self._calls.clear()

    def _event(self, kind: str, **fields: object) -> bytes:
        body = {"type": kind, "sequence_number": self._n_events, **fields}
        self._n_events += 1
        return sse.encode(msgspec.json.encode(body), event=kind)


# A whole answer ------------------------------------------------------------------------------------------------------


def _response(response: Response, request: Request, heading: Heading) -> dict[str, object]:
    output = _Output(request, heading)
    if response.reasoning:
        output.words("reasoning").pieces.append(response.reasoning)
    if response.text:
        output.words("message").pieces.append(response.text)
    for part in response.parts:
        if isinstance(part, ToolCall):
            output.call(part).pieces.append(part.arguments)
    shown = {"output": [item.whole() for item in output.items], "usage": _usage(response.usage)}
    return _envelope(request, heading, response.finish_reason) | shown


def _envelope(request: Request, heading: Heading, finish: FinishReason | None) -> dict[str, object]:
    """Returns what stands around the output; what the request said is repeated as it said it."""
    cut = _CUT.get(finish) if finish is not None else None
    said = {name: request.fields.get(name, unsaid) for name, unsaid in _UNSAID.items()}
    return {
        "id": _own_id(heading),
        "object": "response",
        "created_at": heading.created,
        "status": "incomplete" if cut else "completed",
        "error": None,
        "incomplete_details": {"reason": cut} if cut else None,
        "model": heading.model,
        "output": [],
        "store": False,
        **said,
        "usage": None,
    }


def _own_id(heading: Heading) -> str:
    return f"resp_{heading.id.removeprefix('req_')}"


def _usage(usage: Usage | None) -> dict[str, object] | None:
    if usage is None:
        return None
    n_input, n_output = usage.total_input_tokens, usage.total_output_tokens
    return {
        "input_tokens": n_input,
        "input_tokens_details": {
            "cached_tokens": usage.read_tokens,
            "cache_write_tokens": usage.written_tokens,
        },
        "output_tokens": n_output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": n_input + n_output,
    }
