"""One host that speaks several dialects: each caller is served in its own where the host has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine, Mapping, Sequence

    from fairlead.providers.base import Limits, Provider
    from fairlead.types import Candidate, Chunk, Dialect, Request, Response


@dataclass(frozen=True, slots=True, kw_only=True)
class Polyglot:
    """A provider made of one for each dialect.

    Args:
        speakers: by dialect; the first takes the requests of any other dialect.
    """

    speakers: Mapping[Dialect, Provider]

    def stream(self, candidate: Candidate, request: Request, limits: Limits) -> AsyncGenerator[Sequence[Chunk], None]:
        """Yields the answer as it arrives; see `Provider.stream`."""
        return self._speaker(request).stream(candidate, request, limits)

    def complete(self, candidate: Candidate, request: Request, limits: Limits) -> Coroutine[object, object, Response]:
        """Returns the whole answer; see `Provider.complete`."""
        return self._speaker(request).complete(candidate, request, limits)

    def count(self, candidate: Candidate, request: Request, limits: Limits) -> Coroutine[object, object, int | None]:
        """Returns the tokens of the input; see `Provider.count`."""
        return self._speaker(request).count(candidate, request, limits)

    async def close(self) -> None:
        """Gives back connections; may be called again."""
        for speaker in self.speakers.values():
            await speaker.close()

    def _speaker(self, request: Request) -> Provider:
        return self.speakers.get(request.dialect) or next(iter(self.speakers.values()))
