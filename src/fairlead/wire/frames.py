"""Events of words that differ in nothing else: read by comparing bytes, and written by putting the words in.

A host sends its words in events that are the same but for these. So one of them is read, and what stands around its
words, the frame, is kept: an event that begins and ends as the frame does, and has nothing but a JSON string between,
says what that string says. For its caller the frame is rewritten once, and the words are put into it.
"""

from __future__ import annotations

import re
from itertools import takewhile
from typing import TYPE_CHECKING, Protocol

import msgspec

from fairlead.errors import WireError
from fairlead.types import Chunk, Frame
from fairlead.wire.sse import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

HOLE = b"~fairlead~"
"""Stands in the place of the words while a frame is read or rewritten; an event that holds it is no frame."""
_NOISE = re.compile(rb',\s?"(?:obfuscation|p)":\s?"(?P<noise>[A-Za-z0-9]*)"\}$')
"""What OpenAI and Mistral put at the end of an event, so that its length does not tell its words."""
_STRINGS = msgspec.json.Decoder(list[str])
MARK_BYTES = 48
"""Of a frame, right before the words, by which the next ones are found: much more is slower to search for."""
MOST_BYTES = 16 * 1024
"""Of a run; a longer one is several. So the time is linear where events of words and others take turns."""


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

    __slots__ = ("_after", "_before", "_between", "_frame", "_mark", "_noise_after", "_template")

    def __init__(self, frame: Frame, head: bytes, template: Chunk) -> None:
        before, *within, after = frame.parts
        self._frame = frame
        self._template = template
        self._before = head + before
        self._after = after + b"\n\n"
        self._mark = self._before[-MARK_BYTES:]
        self._between = self._after + self._before[:-MARK_BYTES]
        self._noise_after = within[0] if within else b""

    def run(self, lines: bytes, at: int) -> tuple[Chunk, int] | None:
        """Returns the one chunk of the events of words that begin here, and the place behind them.

        `None` where the first is of another kind, and has to be read.
        """
        if not lines.startswith(self._before, at):
            return None
        start = at + len(self._before)
        spelled = self._spelled(lines[start : start + MOST_BYTES])
        words = self._words(spelled)
        if not words:
            return None
        del spelled[len(words) :]
        n_frames = len(spelled) * (len(self._before) + len(self._after)) - len(self._before)
        return self._chunk(words, spelled), start + n_frames + sum(map(len, spelled))

    def _spelled(self, lines: bytes) -> list[bytes]:
        """Returns what stands within the frames, one after another, from the first one's words on."""
        spelled: list[bytes] = []
        n_between = len(self._between)
        for part in lines.split(self._mark):
            if not part.endswith(self._between):
                within, ended, _ = part.partition(self._after)
                return [*spelled, within] if ended else spelled
            spelled.append(part[:-n_between])
        return spelled

    def _words(self, spelled: list[bytes]) -> list[str]:
        """Returns what events say in which this is spelled within the frame, up to the first of another kind."""
        strings = spelled if not self._noise_after else list(self._without_noise(spelled))
        words = _read(strings)
        if len(words) == len(strings):
            return words
        return [word for (word,) in takewhile(bool, (_read([string]) for string in strings))]

    def _without_noise(self, spelled: list[bytes]) -> Iterator[bytes]:
        for within in spelled:
            string, found, noise = within.rpartition(self._noise_after)
            if not found or (noise and not noise.isalnum()):
                return
            yield string

    def _chunk(self, words: list[str], spelled: list[bytes]) -> Chunk:
        said = "".join(words)
        own = bool(self._template.body)
        return Chunk(
            text=said if self._template.text else "",
            reasoning=said if self._template.reasoning else "",
            event=self._template.event,
            pieces=tuple(filter(None, words)),
            frame=self._frame if own else None,
            spelled=tuple(spelled) if own else (),
        )


def _read(strings: list[bytes]) -> list[str]:
    """Returns what strings of JSON say that were found without their quotes; nothing where not all of them are some.

    No string holds a line end as it is, so one that ends too late, or too early, leaves no array of so many.
    """
    try:
        words = _STRINGS.decode(b'["%b"]' % b'",\n"'.join(strings))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return []
    return words if len(words) == len(strings) else []


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
        self._parts: list[bytes] = []

    def events(self, frame: Frame, spelled: Iterable[bytes]) -> bytes:
        """Returns the events in which this is spelled within the frame."""
        if frame is not self._frame:
            self._parts = self._rewrite(HOLE.join(frame.parts), frame.event).split(HOLE)
            self._frame = frame
        before, *within, after = self._parts
        if within and within[0] != frame.parts[1]:  # the host spaces its fields out
            spelled = [within[0].join(one.rsplit(frame.parts[1], 1)) for one in spelled]
        return before + (after + before).join(spelled) + after


def each(write: Callable[[str], bytes], words: Sequence[str]) -> bytes:
    """Returns the events of these words: one of them is written, and the words are put into its frame.

    Args:
        write: words -> their event, in JSON and with nothing behind the words that depends on them.
        words: at least one.
    """
    if len(words) == 1:
        return write(words[0])
    before, _, after = write(HOLE.decode()).rpartition(HOLE)
    spelled = msgspec.json.encode(words)[2:-2].split(b'","')  # within a string each quote has a backslash
    return before + (after + before).join(spelled) + after
