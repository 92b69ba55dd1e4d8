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
        lines, at = self.take(piece), 0
        while at < len(lines):
            block, at = self.block(lines, at)
            if (event := event_of(block)) is not None:
                yield event
        self.check_rest()

    def take(self, piece: bytes) -> bytes:
        """Returns the lines up to the last blank one that `piece` completes, with LF for line ends; keeps the rest."""
        piece, rest = self._with_lf(piece), self._rest
        if rest:
            n_known = len(rest) - 1  # a blank line may be cut in two
            rest += piece
            if rest.find(_BLANK, n_known) < 0:
                return b""
            piece = bytes(rest)
        elif piece.startswith(b"\n"):
            self._started = True
            piece = piece.lstrip(b"\n")  # blank lines behind a blank line
        end = piece.rfind(_BLANK) + len(_BLANK)
        lines = piece[:end] if end >= len(_BLANK) else b""
        self._rest = bytearray(piece[len(lines) :])
        if lines and not self._started:
            self._started = True
            lines = lines.removeprefix(_BOM)
        return lines

    def block(self, lines: bytes, at: int) -> tuple[bytes, int]:
        """Returns the lines from there to the next blank one, for `event_of`, and the place behind it.

        Raises:
            WireError: they are longer than `max_event_bytes`.
        """
        while lines.startswith(b"\n", at):
            at += 1
        end = lines.find(_BLANK, at)
        if end - at > self.max_event_bytes:
            raise self._too_long()
        return lines[at:end], end + len(_BLANK) if end >= 0 else len(lines)

    def check_rest(self) -> None:
        """Raises a WireError where what is kept is longer than an event may be."""
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
