"""All that arrives of a stream at once is read at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.wire import sse
from fairlead.wire.frames import learned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.types import Chunk
    from fairlead.wire.frames import ChunkDecoder, Pattern

MAX_TRIES = 4
"""How often in a row a pattern is looked for, in a stream whose events all differ."""


class Bursts:
    """Turns pieces of a stream's bytes into chunks; how the stream is cut makes no difference to what they say.

    Events of words that come together, and differ in nothing else, become one chunk.

    Args:
        decoder: reads the events of the dialect.
    """

    def __init__(self, decoder: ChunkDecoder) -> None:
        self._decoder = decoder
        self._parser = sse.Parser()
        self._pattern: Pattern | None = None
        self._n_tries = 0  # since an event last had the pattern
        self._after_words = False

    def read(self, piece: bytes) -> Iterator[Chunk]:
        """Yields what `piece` completes, up to the dialect's last event.

        Raises:
            WireError: after what came before it, at an event that is none of the dialect's, or an error.
        """
        lines, at = self._parser.take(piece), 0
        while at < len(lines):
            if self._pattern is not None and (run := self._pattern.run(lines, at)) is not None:
                chunk, at = run
                self._n_tries = 0
                yield chunk
                continue
            block, at = self._parser.block(lines, at)
            if (event := sse.event_of(block)) is not None:
                yield from self._alone(block, event)
                if self._decoder.done:
                    return
        self._parser.check_rest()

    def _alone(self, block: bytes, event: sse.Event) -> Iterator[Chunk]:
        """Yields what an event holds, and learns from the second of two with words what those like it look like.

        The first often says who speaks as well, and is like no other.
        """
        chunks = [*self._decoder.decode(event)]
        yield from chunks
        of_words = len(chunks) == 1 and bool(chunks[0].text or chunks[0].reasoning)
        if of_words and self._after_words and self._n_tries < MAX_TRIES:
            self._n_tries += 1
            self._pattern = learned(self._decoder, block, event, chunks[0]) or self._pattern
        self._after_words = of_words
