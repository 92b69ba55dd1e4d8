"""What a host says in a drill, in each dialect: a fixed answer of sixty tokens, whole, in parts, or an error."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from fairlead.drills.script import Send
from fairlead.providers.upstream import anthropic_shape, openai_shape, responses_shape
from fairlead.providers.upstream.reply import Asked, Reply
from fairlead.types import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fairlead.drills.script import Script
    from fairlead.providers.upstream.shape import Shape

Served = Literal["chat", "responses", "messages"]
"""A dialect that the gateway serves."""
SERVED: tuple[Served, ...] = ("chat", "responses", "messages")

N_TOKENS = 60
TOKENS = tuple(f"token{i:02} " for i in range(N_TOKENS))
"""The answer, token by token; no two are alike."""
TEXT = "".join(TOKENS)
USAGE = Usage(input_tokens=11, output_tokens=N_TOKENS)

SHAPES: Mapping[Served, Shape] = {"chat": openai_shape, "responses": responses_shape, "messages": anthropic_shape}
_LAST_EVENT = {"chat": 1, "responses": 0, "messages": 1}
"""Events after the one that ends the answer: `[DONE]`, `message_stop`; a response ends with its own last event."""
_REASONS = {200: "OK", 400: "Bad Request", 429: "Too Many Requests", 500: "Internal Server Error"}


class _Tokens(Reply):
    """A reply that is streamed token by token."""

    def pieces(self) -> Iterator[str]:
        return iter(_PIECE.findall(self.text))


_PIECE = re.compile(r"\s*\S+\s*")


@dataclass(frozen=True, kw_only=True)
class Speech:
    """All that a host can say to one call.

    Args:
        dialect: which it speaks.
        stream: whether the answer is streamed.
        model: the name that it gives.
        usage: the tokens that it reports.
        text: what it says.
    """

    dialect: Served
    stream: bool
    model: str
    usage: Usage = USAGE
    text: str = TEXT

    @cached_property
    def events(self) -> tuple[bytes, ...]:
        """The events of the streamed answer."""
        return tuple(SHAPES[self.dialect].events(self._asked, self._reply))

    @cached_property
    def body(self) -> bytes:
        """The body of the answer that is not streamed."""
        return SHAPES[self.dialect].whole(self._asked, self._reply)

    def answer(self) -> Script:
        """Says the whole answer; the connection stays open."""
        return (Send(self.head()), Send(self.rest(0)))

    def onward(self, begun: str, *, again: bool = False) -> Script:
        """Says what comes after a beginning, as a model does that is given it without the space at its end.

        Args:
            begun: the words so far; none for the whole answer.
            again: they are said once more before the rest.
        """
        rest = TEXT.removeprefix(begun)
        return replace(self, text=begun + rest if again else rest).answer()

    def head(self) -> bytes:
        """Returns the head of a good reply, and so much of it as comes before any content."""
        kind, length = ("text/event-stream", _CHUNKED) if self.stream else ("application/json", len(self.body))
        return http_head(200, length, content_type=kind)

    def first(self, n_tokens: int) -> bytes:
        """Returns the beginning of the reply's body, up to that many tokens; what is not streamed in proportion."""
        if self.stream:
            return chunked(self.events[: self._after(n_tokens)])
        return self.body[: len(self.body) * n_tokens // N_TOKENS]

    def rest(self, n_tokens: int) -> bytes:
        """Returns what comes after that, up to the end."""
        if self.stream:
            return chunked(self.events[self._after(n_tokens) if n_tokens else 0 :]) + LAST_CHUNK
        return self.body[len(self.body) * n_tokens // N_TOKENS :]

    def without_last_event(self) -> bytes:
        """Returns the streamed answer, complete but for the event that the dialect puts last."""
        return chunked(self.events[: len(self.events) - _LAST_EVENT[self.dialect]])

    def error(self, status: int, code: str | None, message: str, *, retry_after_s: float | None = None) -> Script:
        """Says an error; the connection stays open."""
        body = SHAPES[self.dialect].error(status, message, code, None)
        wait = {} if retry_after_s is None else {"retry-after": f"{retry_after_s:g}"}
        return (Send(http_head(status, len(body), **wait) + body),)

    def _after(self, n_tokens: int) -> int:
        """Returns the number of events up to that token."""
        last = TOKENS[n_tokens - 1].encode()
        return next(i for i, event in enumerate(self.events, 1) if last in event)

    @property
    def _asked(self) -> Asked:
        return Asked(model=self.model, prompt="drill", stream=self.stream, include_usage=True)

    @property
    def _reply(self) -> Reply:
        return _Tokens(text=self.text, usage=self.usage)


_CHUNKED = -1
LAST_CHUNK = b"0\r\n\r\n"


def http_head(status: int, length: int | None, content_type: str = "application/json", **fields: str) -> bytes:
    """Returns the head of a reply; without a length the end of the connection ends it, with -1 it comes in chunks."""
    framing = {None: "connection: close", _CHUNKED: "transfer-encoding: chunked"}.get(
        length, f"content-length: {length}"
    )
    listed = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    status_line = f"HTTP/1.1 {status} {_REASONS.get(status, 'Error')}\r\n"
    return f"{status_line}content-type: {content_type}\r\n{framing}\r\n{listed}\r\n".encode()


def chunked(pieces: Sequence[bytes]) -> bytes:
    """Returns the pieces, each as a chunk of HTTP."""
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
