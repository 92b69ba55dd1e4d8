"""The wire shape of OpenAI's `/v1/embeddings`, as its servers speak it; the vectors are made up."""

from __future__ import annotations

import base64
import struct
from typing import TYPE_CHECKING

import msgspec

from fairlead.errors import RequestError
from fairlead.providers.draws import uniform
from fairlead.providers.upstream.openai_shape import error, error_event
from fairlead.providers.upstream.reply import Asked, Reply
from fairlead.types import estimated_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["decode", "error", "error_event", "events", "whole"]

N_DIMENSIONS = 8


class _Body(msgspec.Struct):
    model: str
    input: str | list[str]
    encoding_format: str = "float"


_BODY = msgspec.json.Decoder(_Body)


def decode(body: bytes, _path: str) -> Asked:
    """Returns what was asked: the whole body stands for the prompt, since each text of it gets a vector.

    Raises:
        RequestError: the body is not one of this dialect.
    """
    try:
        read = _BODY.decode(body)
    except msgspec.MsgspecError as reason:
        raise RequestError(f"the body asks for no embeddings: {reason}") from reason
    return Asked(model=read.model, prompt=body.decode())


def whole(asked: Asked, _reply: Reply) -> bytes:
    """Returns the body of a reply."""
    read = _BODY.decode(asked.prompt)
    texts = [read.input] if isinstance(read.input, str) else read.input
    vectors = [[uniform("vector", text, i) for i in range(N_DIMENSIONS)] for text in texts]
    shown = [_base64(vector) if read.encoding_format == "base64" else vector for vector in vectors]
    n_tokens = sum(estimated_tokens(len(text)) for text in texts)
    data = [{"object": "embedding", "index": i, "embedding": vector} for i, vector in enumerate(shown)]
    usage = {"prompt_tokens": n_tokens, "total_tokens": n_tokens}
    return msgspec.json.encode({"object": "list", "data": data, "model": asked.model, "usage": usage})


def events(_asked: Asked, _reply: Reply) -> Iterator[bytes]:
    """Yields nothing: there is no stream of embeddings."""
    return iter(())


def _base64(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
