"""All that arrives of a stream at once is read at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.errors import WireError
from fairlead.wire import sse
from fairlead.wire.frames import learned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.types import Chunk
    from fairlead.wire.frames import ChunkDecoder, Pattern, Words

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

    def read(self, piece: bytes) -> Iterator[Chunk]:
        """Yields what `piece` completes, up to the dialect's last event.

        Raises:
            WireError: after what came before it, at an event that is none of the dialect's, or an error.
        """
        run: list[Words] = []
        try:
            for event in self._parser.feed(piece):
                if self._pattern is not None and (words := self._pattern.words(event)) is not None:
                    run.append(words)
                    continue
                yield from self._together(run)
                run = []
                yield from self._alone(event)
                if self._decoder.done:
                    return
        except WireError:
            yield from self._together(run)
            raise
        yield from self._together(run)

    def _together(self, run: list[Words]) -> Iterator[Chunk]:
        if run and self._pattern is not None:
            self._n_tries = 0
            yield self._pattern.chunk(run)

    def _alone(self, event: sse.Event) -> Iterator[Chunk]:
        """Yields what an event holds, and learns from it what those like it look like."""
        chunks = [*self._decoder.decode(event)]
        yield from chunks
        if len(chunks) == 1 and self._n_tries < MAX_TRIES:
            pattern = learned(self._decoder, event, chunks[0])
            if pattern is not None:
                self._pattern = pattern
                self._n_tries += 1
