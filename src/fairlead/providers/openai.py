"""Hosts that speak OpenAI's chat completions: OpenAI itself and most others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairlead.providers.http import HttpProvider
from fairlead.wire import openai_upstream

if TYPE_CHECKING:
    from fairlead.types import Candidate, Request, Response


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAI(HttpProvider):
    """A host of the OpenAI dialect; `base_url` ends in `/v1` at most hosts."""

    dialect = "openai"

    def url(self, candidate: Candidate, *, stream: bool) -> str:  # noqa: ARG002 - one address for all
        """Returns the address of a call."""
        return f"{self.base_url.rstrip('/')}/chat/completions"

    def headers(self, request: Request) -> dict[str, str]:  # noqa: ARG002 - none of the caller's
        """Returns the key as a bearer token."""
        return {"authorization": f"Bearer {self.api_key}"} if self.api_key else {}

    def encode(self, request: Request, candidate: Candidate, *, stream: bool) -> bytes:
        """Returns the body of a call."""
        return openai_upstream.encode_request(request, candidate, stream=stream)

    def decode(self, body: bytes) -> Response:
        """Returns the answer in a body."""
        return openai_upstream.decode_response(body)

    def decoder(self, request: Request) -> openai_upstream.ChunkDecoder:
        """Returns a reader that keeps the host's own bytes where the caller speaks this dialect."""
        return openai_upstream.ChunkDecoder(keep_body=request.dialect == "openai", n=request.n)
