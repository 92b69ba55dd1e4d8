"""Hosts that speak Anthropic's messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairlead.providers.http import HttpProvider
from fairlead.wire import anthropic_messages

if TYPE_CHECKING:
    from fairlead.types import Candidate, Request, Response


@dataclass(frozen=True, slots=True, kw_only=True)
class Anthropic(HttpProvider):
    """A host of the Anthropic dialect; `base_url` is `https://api.anthropic.com/v1` at Anthropic."""

    def url(self, candidate: Candidate, *, stream: bool) -> str:  # noqa: ARG002 - one address for all
        """Returns the address of a call."""
        return f"{self.base_url.rstrip('/')}/messages"

    def headers(self) -> dict[str, str]:
        """Returns the version of the dialect and the key."""
        key = {"x-api-key": self.api_key} if self.api_key else {}
        return {"anthropic-version": anthropic_messages.VERSION, **key}

    def encode(self, request: Request, candidate: Candidate, *, stream: bool) -> bytes:
        """Returns the body of a call."""
        return anthropic_messages.encode_request(request, candidate, stream=stream)

    def decode(self, body: bytes) -> Response:
        """Returns the answer in a body."""
        return anthropic_messages.decode_response(body)

    def decoder(self, request: Request) -> anthropic_messages.ChunkDecoder:  # noqa: ARG002 - the same for all
        """Returns what reads one stream."""
        return anthropic_messages.ChunkDecoder()
