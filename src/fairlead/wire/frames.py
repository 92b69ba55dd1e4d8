"""Events of words that differ in nothing else: read by comparing bytes, and written by putting the words in.

A host sends its words in events that are the same but for these. So one of them is read, and what stands around its
words, the frame, is kept: an event that begins and ends as the frame does, and has nothing but a JSON string between,
says what that string says. For its caller the frame is rewritten once, and the words are put into it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

import msgspec

from fairlead.errors import WireError
from fairlead.types import Chunk, Frame
from fairlead.wire.sse import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

HOLE = b"~fairlead~"
"""Stands in the place of the words while a frame is read or rewritten; an event that holds it is no frame."""
_NOISE = re.compile(rb',\s?"(?:obfuscation|p)":\s?"(?P<noise>[A-Za-z0-9]*)"\}$')
"""What OpenAI and Mistral put at the end of an event, so that its length does not tell its words."""
_STRING = msgspec.json.Decoder(str)

Words = tuple[str, tuple[bytes, ...]]
"""What one event says, and what stood between the parts of its frame."""


class ChunkDecoder(Protocol):
    """Reads one stream in one dialect, event by event.

    An event of words changes what the next ones mean no more if it comes twice, so those like it need not be read.
    """

    @property
    def done(self) -> bool:
        """The dialect's last event has come: nothing more is read."""
        ...

    @property
    def complete(self) -> bool:
        """The answer has its end: a stream may stop here."""
        ...

    def decode(self, event: Event) -> Iterator[Chunk]:
        """Yields what `event` holds; a WireError where it is none of this dialect."""
        ...


class Pattern:
    """How the events of words of a stream look.

    Args:
        frame: what they have in common.
        head: the lines before their data, and the beginning of its own.
        template: the chunk of one of them.
    """

    __slots__ = ("_after", "_before", "_frame", "_n_after", "_n_before", "_noise_after", "_template")

    def __init__(self, frame: Frame, head: bytes, template: Chunk) -> None:
        self._frame = frame
        self._template = template
        before, *between, self._after = frame.parts
        self._before = head + before
        self._n_before, self._n_after = len(self._before), len(self._after)
        self._noise_after = between[0] if between else b""

    def words(self, block: bytes) -> Words | None:
        """Returns what the event of these lines says; `None` where it is of another kind, and has to be read."""
        end = len(block) - self._n_after
        if end < self._n_before or not block.startswith(self._before) or not block.endswith(self._after):
            return None
        spelled: tuple[bytes, ...] = (block[self._n_before : end],)
        if self._noise_after:
            string, found, noise = spelled[0].rpartition(self._noise_after)
            if not found or (noise and not noise.isalnum()):
                return None
            spelled = (string, noise)
        try:
            return _STRING.decode(b'"%b"' % spelled[0]), spelled
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None

    def chunk(self, run: Iterable[Words]) -> Chunk:
        """Returns the one chunk of events that came together."""
        pieces, spelled = zip(*run, strict=True)
        said = "".join(pieces)
        own = bool(self._template.body)
        return Chunk(
            text=said if self._template.text else "",
            reasoning=said if self._template.reasoning else "",
            event=self._template.event,
            pieces=tuple(filter(None, pieces)),
            frame=self._frame if own else None,
            spelled=spelled if own else (),
        )


def learned(decoder: ChunkDecoder, block: bytes, event: Event, chunk: Chunk) -> Pattern | None:
    """Returns the pattern of an event that was read, `None` where it is none of words alone, or not surely one.

    Sure is what was tried: other words are put in the place where these were found, and the event is read again.

    Args:
        decoder: that read it.
        block: its lines.
        event: the same, taken apart.
        chunk: what it holds.
    """
    words = chunk.text or chunk.reasoning
    if not words or chunk != (_saying(chunk, words)) or HOLE in event.data or not block.endswith(event.data):
        return None
    if (place := _place(event.data, words)) is None:
        return None
    before, after = event.data[: place[0]], event.data[place[1] :]
    tried = Event(before + HOLE + after, event.event)
    try:
        read = [*decoder.decode(tried)]
    except WireError:
        return None
    if read != [_saying(chunk, HOLE.decode(), tried.data)]:
        return None
    noise = _NOISE.search(after)
    rest = (after,) if noise is None else (after[: noise.start("noise")], after[noise.end("noise") :])
    return Pattern(Frame((before, *rest), event.event), block.removesuffix(event.data), chunk)


def _place(data: bytes, words: str) -> tuple[int, int] | None:
    """Returns from where to where these words stand in an event as the value of a field, without their quotes."""
    spelled = msgspec.json.encode(words)
    for colon in (b":", b": "):
        if (at := data.find(colon + spelled)) >= 0:
            start = at + len(colon)
            return start + 1, start + len(spelled) - 1
    return None


def _saying(chunk: Chunk, words: str, body: bytes | None = None) -> Chunk:
    """Returns a chunk of nothing but words where that one has some, with its names and bytes."""
    return Chunk(
        text=words if chunk.text else "",
        reasoning=words if chunk.reasoning else "",
        id=chunk.id,
        model=chunk.model,
        event=chunk.event,
        body=chunk.body if body is None or not chunk.body else body,
    )


class Reframing:
    """Writes events of words into frames that were rewritten once.

    Args:
        rewrite: an event of the provider's, and its type -> what its caller is sent.
    """

    def __init__(self, rewrite: Callable[[bytes, str], bytes]) -> None:
        self._rewrite = rewrite
        self._frame: Frame | None = None
        self._form = b""  # to be filled by `%`

    def events(self, frame: Frame, spelled: Iterable[tuple[bytes, ...]]) -> bytes:
        """Returns the events, one a spelling."""
        if frame is not self._frame:
            written = self._rewrite(HOLE.join(frame.parts), frame.event)
            self._form = written.replace(b"%", b"%%").replace(HOLE, b"%b")
            self._frame = frame
        return b"".join([self._form % within for within in spelled])
