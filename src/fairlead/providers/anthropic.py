"""Hosts that speak Anthropic's messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairlead.providers.http import HttpProvider
from fairlead.providers.transport import Call
from fairlead.wire import anthropic_upstream

if TYPE_CHECKING:
    from fairlead.providers.base import Limits
    from fairlead.types import Candidate, Request, Response


@dataclass(frozen=True, slots=True, kw_only=True)
class Anthropic(HttpProvider):
    """A host of the Anthropic dialect; `base_url` is `https://api.anthropic.com/v1` at Anthropic."""

    dialect = "anthropic"

    def url(self, candidate: Candidate, *, stream: bool) -> str:  # noqa: ARG002 - one address for all
        """Returns the address of a call."""
        return f"{self.base_url.rstrip('/')}/messages"

    async def count(self, candidate: Candidate, request: Request, limits: Limits) -> int | None:
        """Returns the host's count of the input, which it makes for nothing; see `Provider.count`."""
        if request.dialect != self.dialect:
            return None
        body = anthropic_upstream.encode_request(request, candidate, stream=False)
        headers = {"content-type": "application/json", **self.headers(request)}
        url = f"{self.url(candidate, stream=False)}/count_tokens"
        call = Call(candidate=candidate.name, url=url, body=body, headers=headers, stream=False)
        async with self.transport.post(call, limits) as reply:
            content = await reply.body()
            self.check_status(candidate, reply, content)
        return anthropic_upstream.decode_count(content)

    def headers(self, request: Request) -> dict[str, str]:
        """Returns the version of the dialect and the key; a caller of this dialect brings its own version and betas."""
        key = {"x-api-key": self.api_key} if self.api_key else {}
        own = dict(request.headers) if request.dialect == "anthropic" else {}
        return {"anthropic-version": anthropic_upstream.VERSION, **own, **key}

    def encode(self, request: Request, candidate: Candidate, *, stream: bool) -> bytes:
        """Returns the body of a call."""
        return anthropic_upstream.encode_request(request, candidate, stream=stream)

    def decode(self, body: bytes) -> Response:
        """Returns the answer in a body."""
        return anthropic_upstream.decode_response(body)

    def decoder(self, request: Request) -> anthropic_upstream.ChunkDecoder:
        """Returns a reader that keeps the host's own bytes where the caller speaks this dialect."""
        return anthropic_upstream.ChunkDecoder(keep_body=request.dialect == "anthropic" and not request.begun)
