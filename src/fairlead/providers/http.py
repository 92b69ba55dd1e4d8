"""What all dialects over HTTP share: one call, its refusal, its reply or its stream."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from fairlead.config.references import given
from fairlead.errors import BadResponseError, RefusedRequestError, WireError
from fairlead.providers.failures import refusal, refused_within
from fairlead.providers.quoting import quoted
from fairlead.providers.transport import Call
from fairlead.wire import error_body, translation
from fairlead.wire.bursts import Bursts

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Sequence

    from fairlead.errors import ProviderError
    from fairlead.providers.base import Limits
    from fairlead.providers.transport import Reply, Transport, Whole
    from fairlead.types import Candidate, Chunk, Dialect, Request, Response
    from fairlead.wire.frames import ChunkDecoder


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpProvider:
    """A provider over HTTP; a subclass speaks one dialect.

    Args:
        base_url: where the API starts, such as `https://api.openai.com/v1`.
        transport: the pool of connections, which providers share.
        api_key: sent in the dialect's own header, shown nowhere.
    """

    dialect: ClassVar[Dialect]
    base_url: str
    transport: Transport
    api_key: str | None = field(default=None, repr=False)

    def url(self, candidate: Candidate, *, stream: bool) -> str:
        """Returns the address of a call."""
        raise NotImplementedError

    def headers(self, request: Request) -> dict[str, str]:
        """Returns the dialect's own headers, with the key, and those of the caller that go on."""
        raise NotImplementedError

    def encode(self, request: Request, candidate: Candidate, *, stream: bool) -> bytes:
        """Returns the body of a call; a WireError where the dialect cannot say it."""
        raise NotImplementedError

    def decode(self, body: bytes) -> Response:
        """Returns the answer in a body; a WireError where it is no whole answer."""
        raise NotImplementedError

    def decoder(self, request: Request) -> ChunkDecoder:
        """Returns what reads the stream of one call."""
        raise NotImplementedError

    async def complete(self, candidate: Candidate, request: Request, limits: Limits) -> Response:
        """Returns the whole answer; see `Provider.complete`."""
        reply = await self.transport.whole(self._call(candidate, request, stream=False), limits)
        self.check_status(candidate, reply, reply.body)
        try:
            return self.decode(reply.body)
        except WireError as error:
            raise self._bad(candidate, error) from error

    async def stream(
        self, candidate: Candidate, request: Request, limits: Limits
    ) -> AsyncGenerator[Sequence[Chunk], None]:
        """Yields the answer as it arrives; see `Provider.stream`."""
        decoder = self.decoder(request)
        bursts = Bursts(decoder)
        async with self.transport.post(self._call(candidate, request, stream=True), limits) as reply:
            if reply.status != 200:
                self.check_status(candidate, reply, await reply.body())
            if "json" in reply.headers.get("content-type", ""):
                raise self._bad(candidate, _no_stream(await reply.body()))
            while not decoder.done and (piece := await reply.piece()):
                chunks, error = _all_of(bursts.read(piece))
                if chunks:
                    yield chunks
                if error is not None:
                    raise self._bad(candidate, error) from error
            if not decoder.complete:
                content_type = reply.headers.get("content-type", "no content type")
                message = f"the stream ended before the answer did ({content_type})"
                raise BadResponseError(message, model=candidate.name, status_code=reply.status, billed=True)

    async def count(self, candidate: Candidate, request: Request, limits: Limits) -> int | None:  # noqa: ARG002
        """Returns that the host does not count; see `Provider.count`."""
        return None

    async def close(self) -> None:
        """Closes the pool of connections, which providers share."""
        await self.transport.close()

    def _call(self, candidate: Candidate, request: Request, *, stream: bool) -> Call:
        try:
            translation.check(request, self.dialect, candidate.refused)
            body = self.encode(request, candidate, stream=stream)
        except WireError as error:
            raise RefusedRequestError(str(error), model=candidate.name, code=error.code) from error
        url, headers = self.url(candidate, stream=stream), _ASKING[stream] | self.headers(request)
        return Call(candidate=candidate.name, url=url, body=body, headers=headers, stream=stream)

    def check_status(self, candidate: Candidate, reply: Reply | Whole, body: bytes) -> None:
        """Raises the error of ours for a reply that is no success."""
        if reply.status != 200:
            now = datetime.now(UTC)
            raise refusal(candidate.name, reply.status, reply.headers, body, now=now, shown=self._shown)

    def _bad(self, candidate: Candidate, error: WireError) -> ProviderError:
        """Returns the error of ours for a reply that is no answer, in the host's own words."""
        words, code = self._shown(str(error)), error.code and self._shown(error.code)
        if (refused := refused_within(f"{error.code} {error}")) is not None:
            return refused(words, model=candidate.name, status_code=400, code=code, billed=True)
        return BadResponseError(words, model=candidate.name, status_code=200, code=code, billed=True)

    def _shown(self, words: str) -> str:
        """Returns the host's words without the key, and without what the environment gave to the address."""
        return quoted(words, [self.api_key or "", *given(self.base_url)])


_ASKING = {
    stream: {"content-type": "application/json", "accept": accepted}
    for stream, accepted in ((False, "application/json"), (True, "text/event-stream"))
}
"""Whether a stream is asked for -> the headers that say so."""


def _all_of(reading: Iterator[Chunk]) -> tuple[list[Chunk], WireError | None]:
    """Returns the chunks up to the end, or to what is wrong, and that."""
    chunks: list[Chunk] = []
    try:
        chunks.extend(reading)  # keeps those before an error
    except WireError as error:
        return chunks, error
    return chunks, None


def _no_stream(body: bytes) -> WireError:
    said = error_body.read(body) or error_body.ErrorBody(message="it sent one JSON document in place of a stream")
    return WireError(f"the provider answered 200: {said.message}", code=said.code)
