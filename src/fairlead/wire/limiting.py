"""A caller's own body on its way to a host of the same dialect: its fields, and the limit on its output."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.types import Dialect, Request

NAMES: Mapping[Dialect, tuple[str, ...]] = {
    "openai": ("max_completion_tokens", "max_tokens"),
    "responses": ("max_output_tokens",),
    "anthropic": ("max_tokens",),
}
"""Dialect of a caller -> what it may call the limit; the first is what we call it."""
_NULL = msgspec.Raw(b"null")


def own_fields(request: Request) -> dict[str, object]:
    """Returns the fields of the caller's body, each as its own bytes, and the limit where a budget has set one since.

    Where an answer is gone on with, the limit is lower than the caller's, and takes its place.

    Example:
        >>> from fairlead.types import Request
        >>> request = Request(messages=(), body=b'{"seed": 1.0}').with_output_limit(512)
        >>> msgspec.json.encode(own_fields(request))
        b'{"seed":1.0,"max_completion_tokens":512}'
    """
    fields: dict[str, object] = dict(request.fields)
    if request.max_output_tokens is not None:
        names = NAMES.get(request.dialect, ())
        given = [name for name in names if fields.get(name, _NULL) != _NULL]
        if not given or request.begun:
            fields |= dict.fromkeys(given or names[:1], request.max_output_tokens)
    return fields
