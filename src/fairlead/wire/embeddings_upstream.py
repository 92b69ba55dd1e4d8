"""OpenAI embeddings as a provider sees them: the caller's body goes through, and only the bill is read.

Source: OpenAI API reference, "Create embeddings".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from fairlead.errors import WireError
from fairlead.types import Response, Usage
from fairlead.wire import error_body, splice

if TYPE_CHECKING:
    from fairlead.types import Candidate, Request


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None


class _Reply(msgspec.Struct):
    data: msgspec.Raw = msgspec.Raw()
    model: str = ""
    usage: _Usage | None = None
    error: msgspec.Raw = msgspec.Raw()


_REPLY = msgspec.json.Decoder(_Reply)


def encode_request(request: Request, candidate: Candidate) -> bytes:
    """Returns the body of the call, with all of the caller's fields."""
    body: dict[str, object] = dict(request.fields)
    splice.put(body, [("model", candidate.model), *candidate.settings])
    return msgspec.json.encode(body)


def decode_response(body: bytes) -> Response:
    """Returns the answer in `body`; the vectors stay in its bytes.

    Raises:
        WireError: an error in place of an answer, or no vectors.
    """
    try:
        reply = _REPLY.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"the reply holds no embeddings ({error})"
        raise WireError(message) from None
    error_body.check(reply.error)
    if not bytes(reply.data).lstrip().startswith(b"["):
        message = "the reply has no embeddings in `data`"
        raise WireError(message)
    n_input = reply.usage.prompt_tokens if reply.usage else None
    usage = None if n_input is None else Usage(input_tokens=n_input, output_tokens=0)
    return Response(
        id="", model=reply.model, parts=(), finish_reason="stop", usage=usage, dialect="embeddings", body=body
    )
