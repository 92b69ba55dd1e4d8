"""Hosts that speak OpenAI's dialects, OpenAI itself and most others: chat completions, responses, embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote

from fairlead.config.flavours import FLAVOURS, Flavour
from fairlead.providers.http import HttpProvider
from fairlead.wire import embeddings_upstream, openai_upstream, responses_upstream

if TYPE_CHECKING:
    from fairlead.types import Candidate, Dialect, Request, Response
    from fairlead.wire.frames import ChunkDecoder


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAI(HttpProvider):
    """Chat completions; `base_url` ends in `/v1` at most hosts.

    Args:
        flavour: what the host does differently from OpenAI.
        api_version: Azure's, in the address; without it the host has one address for all models.
    """

    dialect: ClassVar[Dialect] = "openai"
    path: ClassVar[str] = "chat/completions"
    flavour: Flavour = FLAVOURS["openai"]
    api_version: str | None = None

    def url(self, candidate: Candidate, *, stream: bool) -> str:  # noqa: ARG002 - one address for both
        """Returns the address of a call."""
        base = self.base_url.rstrip("/")
        if self.api_version is None:
            return f"{base}/{self.path}"
        deployment = f"deployments/{quote(candidate.model, safe='')}/" if self.flavour.per_deployment else ""
        return f"{base}/{deployment}{self.path}?api-version={quote(self.api_version, safe='')}"

    def headers(self, request: Request) -> dict[str, str]:
        """Returns the key, and what a caller of the same dialect passes on."""
        own = dict(request.headers) if request.dialect == self.dialect else {}
        if self.api_key is None:
            return own
        if self.flavour.key_header is not None:
            return {**own, self.flavour.key_header: self.api_key}
        return {**own, "authorization": f"Bearer {self.api_key}"}

    def encode(self, request: Request, candidate: Candidate, *, stream: bool) -> bytes:
        """Returns the body of a call."""
        return openai_upstream.encode_request(request, candidate, stream=stream, flavour=self.flavour)

    def decode(self, body: bytes) -> Response:
        """Returns the answer in a body."""
        return openai_upstream.decode_response(body)

    def decoder(self, request: Request) -> ChunkDecoder:
        """Returns a reader that keeps the host's own bytes where the caller speaks this dialect."""
        keep_body = request.dialect == "openai" and not request.begun
        return openai_upstream.ChunkDecoder(keep_body=keep_body, n=request.n)


@dataclass(frozen=True, slots=True, kw_only=True)
class Responses(OpenAI):
    """OpenAI's responses, at the same hosts."""

    dialect: ClassVar[Dialect] = "responses"
    path: ClassVar[str] = "responses"

    def encode(self, request: Request, candidate: Candidate, *, stream: bool) -> bytes:
        """Returns the body of a call."""
        return responses_upstream.encode_request(request, candidate, stream=stream)

    def decode(self, body: bytes) -> Response:
        """Returns the answer in a body."""
        return responses_upstream.decode_response(body)

    def decoder(self, request: Request) -> ChunkDecoder:
        """Returns a reader that keeps the host's own bytes where the caller speaks this dialect."""
        return responses_upstream.ChunkDecoder(keep_body=request.dialect == "responses")


@dataclass(frozen=True, slots=True, kw_only=True)
class Embeddings(OpenAI):
    """OpenAI's embeddings, at the same hosts; there is no stream of them."""

    dialect: ClassVar[Dialect] = "embeddings"
    path: ClassVar[str] = "embeddings"

    def encode(self, request: Request, candidate: Candidate, *, stream: bool) -> bytes:  # noqa: ARG002 - never one
        """Returns the body of a call."""
        return embeddings_upstream.encode_request(request, candidate)

    def decode(self, body: bytes) -> Response:
        """Returns the answer in a body."""
        return embeddings_upstream.decode_response(body)
