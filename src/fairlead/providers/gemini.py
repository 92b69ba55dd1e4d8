"""Hosts that speak Gemini's `generateContent`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from fairlead.providers.http import HttpProvider
from fairlead.wire import gemini_upstream

if TYPE_CHECKING:
    from fairlead.types import Candidate, Request, Response


@dataclass(frozen=True, slots=True, kw_only=True)
class Gemini(HttpProvider):
    """A host of the Gemini dialect; `base_url` is `https://generativelanguage.googleapis.com/v1beta` at Google."""

    dialect = "gemini"

    def url(self, candidate: Candidate, *, stream: bool) -> str:
        """Returns the address of a call, which names the model."""
        verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
        return f"{self.base_url.rstrip('/')}/models/{quote(candidate.model, safe='')}:{verb}"

    def headers(self, request: Request) -> dict[str, str]:  # noqa: ARG002 - none of the caller's
        """Returns the key in a header, never in the address, which gets into logs."""
        return {"x-goog-api-key": self.api_key} if self.api_key else {}

    def encode(self, request: Request, candidate: Candidate, *, stream: bool) -> bytes:  # noqa: ARG002 - in the address
        """Returns the body of a call."""
        return gemini_upstream.encode_request(request, candidate)

    def decode(self, body: bytes) -> Response:
        """Returns the answer in a body."""
        return gemini_upstream.decode_response(body)

    def decoder(self, request: Request) -> gemini_upstream.ChunkDecoder:  # noqa: ARG002 - the same for all
        """Returns what reads one stream."""
        return gemini_upstream.ChunkDecoder()
