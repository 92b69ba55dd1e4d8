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
        self._rest = bytearray()  # an unfinished line: grows in place, so that a long one takes linear time
        self._size = 0  # bytes of the unfinished event in finished lines
        self._data: list[bytes] = []
        self._event = ""
        self._after_cr = False
        self._started = False

    def feed(self, piece: bytes) -> Iterator[Event]:
        """Yields the events that `piece` completes.

        Raises:
            WireError: one event is longer than `max_event_bytes`.
        """
        for line in self._lines(piece):
            if line:
                self._take(line)
            elif self._data:
                yield Event(b"\n".join(self._data), self._event)
                self._reset()
            else:
                self._reset()
        self._check_size(len(self._rest))

    def _lines(self, piece: bytes) -> list[bytes]:
        """Returns the lines that `piece` completes; a CR ends its line at once and swallows a later LF."""
        if self._after_cr and piece.startswith(b"\n"):
            piece = piece[1:]
            self._after_cr = False
        if piece:
            self._after_cr = piece.endswith(b"\r")
        if self._started and b"\n" not in piece and b"\r" not in piece:
            self._rest += piece
            return []
        content = bytes(self._rest + piece) if self._rest else piece
        if not self._started:
            if len(content) < len(_BOM) and _BOM.startswith(content):
                self._rest = bytearray(content)
                return []
            self._started = True
            content = content.removeprefix(_BOM)
        lines = _LINE_END.split(content) if b"\r" in content else content.split(b"\n")
        self._rest = bytearray(lines.pop())
        return lines

    def _take(self, line: bytes) -> None:
        self._check_size(len(line))
        self._size += len(line)
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))
        elif name == b"event":
            self._event = value.removeprefix(b" ").decode(errors="replace")

    def _check_size(self, n_more: int) -> None:
        if self._size + n_more > self.max_event_bytes:
            message = f"one event of the stream is longer than {self.max_event_bytes} bytes, the limit for events"
            raise WireError(message)

    def _reset(self) -> None:
        self._data, self._event, self._size = [], "", 0


def encode(data: bytes, *, event: str = "") -> bytes:
    """Returns the bytes of one event."""
    head = f"event: {event.partition(_LF)[0]}\n".encode() if event else b""
    if b"\n" in data or b"\r" in data:
        data = b"\ndata: ".join(_LINE_END.split(data))
    return head + b"data: " + data + b"\n\n"
