"""OpenAI embeddings as the caller sees them: bytes to Request, the provider's own bytes back, with our notes.

Vectors of different models cannot be compared, so there is no route for them: a request names its model.
Source: OpenAI API reference, "Create embeddings".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from fairlead.types import Message, Request, Text
from fairlead.wire import splice
from fairlead.wire.codec import noted
from fairlead.wire.openai_chat import PASSED_ON, REQUEST_ID, ChunkEncoder, answer_id, encode_fault, rate_limits
from fairlead.wire.openai_request import complaint, missing, not_json

if TYPE_CHECKING:
    from fairlead.types import Response
    from fairlead.wire.codec import Heading, Notes

__all__ = ["PASSED_ON", "REQUEST_ID", "answer_id", "decode", "encode", "encode_fault", "encoder", "rate_limits"]


class Body(msgspec.Struct):
    """What a caller may ask; other fields are passed on to the host."""

    model: Annotated[str, msgspec.Meta(max_length=256)]
    input: str | list[str | int | list[int]] | None = None
    user: str | None = None


_BODY = msgspec.json.Decoder(Body)


def decode(body: bytes) -> Request:
    """Returns the request in `body`; each text of the input is a turn.

    Raises:
        RequestError: status 400, with `param` and `code`, in OpenAI's words.
    """
    try:
        read = _BODY.decode(body)
    except msgspec.ValidationError as error:
        raise complaint(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise not_json() from None
    if not read.input:
        raise missing("input")
    texts = [read.input] if isinstance(read.input, str) else [text for text in read.input if isinstance(text, str)]
    messages = tuple(Message(role="user", parts=(Text(text=text),)) for text in texts)
    return Request(messages=messages, model=read.model, user=read.user, dialect="embeddings", body=body)


def encode(response: Response, request: Request, heading: Heading, notes: Notes) -> bytes:  # noqa: ARG001 - a codec's
    """Returns the body of the answer, which names the candidate that served as its `model`."""
    body = splice.read(response.body)
    splice.put(body, [("model", heading.model), *noted(body.get("usage"), notes)])
    return msgspec.json.encode(body)


def encoder(request: Request, heading: Heading) -> ChunkEncoder:  # noqa: ARG001 - a codec's
    """Returns what would write a stream; of embeddings there is none."""
    return ChunkEncoder(heading, include_usage=False)
