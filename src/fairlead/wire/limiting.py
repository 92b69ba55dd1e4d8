"""A limit on the output, put into a request whose caller set none: every host is then told of it in its own words."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from fairlead.wire import splice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.types import Dialect, Request

FIELDS: Mapping[Dialect, str] = {
    "openai": "max_completion_tokens",
    "responses": "max_output_tokens",
    "anthropic": "max_tokens",
}
"""Dialect of a caller -> what it calls the limit."""


def limited(request: Request, output_tokens: int) -> Request:
    """Returns the request with a limit on each answer, in its body as well; all else of the body stays as it is.

    Example:
        >>> from fairlead.types import Request
        >>> limited(Request(messages=(), body=b'{"seed": 1.0}'), 512).body
        b'{"seed":1.0,"max_completion_tokens":512}'
    """
    body = request.body
    if body:
        fields = splice.read(body)
        splice.put(fields, [(FIELDS[request.dialect], output_tokens)])
        body = msgspec.json.encode(fields)
    return replace(request, max_output_tokens=output_tokens, body=body)
