"""Server-sent events: bytes in any split to events, and back.

Source: WHATWG HTML, "Server-sent events", https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from fairlead.errors import WireError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_EVENT_BYTES = 16 * 1024 * 1024
"""A picture in base64 may take 10 MB."""
DONE = b"data: [DONE]\n\n"

_LF = "\n"
_BLANK = b"\n\n"
_DATA = b"data: "
_N_DATA = len(_DATA)
_BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\r\n|\r|\n")


class Event(msgspec.Struct, frozen=True):
    """One event: its data, lines joined by LF, and its type, empty where none was given."""

    data: bytes
    event: str = ""


class Parser:
    r"""Turns pieces of a byte stream into events; how the stream is cut makes no difference.

    An event that its blank line does not end before the stream does is dropped, as the standard says.

    Example:
        >>> parser = Parser()
        >>> [event.data for piece in (b"data: he", b"llo\n\nda") for event in parser.feed(piece)]
        [b'hello']
    """

    def __init__(self, *, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self.max_event_bytes = max_event_bytes
        self._rest = bytearray()  # an unfinished event: grows in place, so that a long one takes linear time
        self._after_cr = False
        self._started = False

    def feed(self, piece: bytes) -> Iterator[Event]:
        """Yields the events that `piece` completes.

        Raises:
            WireError: one event is longer than `max_event_bytes`.
        """
        for block in self.blocks(piece):
            if (event := event_of(block)) is not None:
                yield event

    def blocks(self, piece: bytes) -> Iterator[bytes]:
        """Yields the lines before each blank line that `piece` completes, with LF between; see `event_of`.

        Raises:
            WireError: they are longer than `max_event_bytes`.
        """
        for block in self._complete(self._with_lf(piece)):
            if len(block) > self.max_event_bytes:
                raise self._too_long()
            yield block
        if len(self._rest) - self._rest.endswith(b"\n") > self.max_event_bytes:  # it may be half of the blank line
            raise self._too_long()

    def _with_lf(self, piece: bytes) -> bytes:
        """Returns the piece with LF for every line end; a CR ends its line at once and swallows a later LF."""
        if self._after_cr and piece:
            piece = piece.removeprefix(b"\n")
            self._after_cr = False
        if b"\r" not in piece:
            return piece
        self._after_cr = piece.endswith(b"\r")
        return piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _complete(self, piece: bytes) -> list[bytes]:
        """Returns what lies before each blank line that `piece` completes, and keeps the rest."""
        rest = self._rest
        if rest:
            n_known = len(rest) - 1  # a blank line may be cut in two
            rest += piece
            if rest.find(_BLANK, n_known) < 0:
                return []
            piece = bytes(rest)
        blocks = piece.split(_BLANK)
        self._rest = bytearray(blocks.pop())
        if blocks and not self._started:
            self._started = True
            blocks[0] = blocks[0].removeprefix(_BOM)
        return blocks

    def _too_long(self) -> WireError:
        return WireError(f"one event of the stream is longer than {self.max_event_bytes} bytes, the limit for events")


def event_of(block: bytes) -> Event | None:
    """Returns the event of these lines; `None` where they hold no data."""
    if block.startswith(_DATA) and b"\n" not in block:
        return Event(block[_N_DATA:])
    data, kind = [], ""
    for line in block.split(b"\n"):
        name, _, value = line.partition(b":")
        if name == b"data":
            data.append(value.removeprefix(b" "))
        elif name == b"event":
            kind = value.removeprefix(b" ").decode(errors="replace")
    return Event(b"\n".join(data), kind) if data else None


def encode(data: bytes, *, event: str = "") -> bytes:
    """Returns the bytes of one event."""
    head = f"event: {event.partition(_LF)[0]}\n".encode() if event else b""
    if b"\n" in data or b"\r" in data:
        data = b"\ndata: ".join(_LINE_END.split(data))
    return head + b"data: " + data + b"\n\n"
