"""Fields put into a JSON object while every other field keeps its own bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

RawObject = dict[str, msgspec.Raw]
_OBJECT = msgspec.json.Decoder(RawObject)


def read(body: bytes) -> dict[str, object]:
    """Returns the fields of a JSON object, each value as its own bytes."""
    return cast("dict[str, object]", _OBJECT.decode(body))  # fresh, so whoever gets it may put anything in


def items(value: object) -> list[object]:
    """Returns the items of a list, each as it is, or as its own bytes where the list is bytes."""
    if isinstance(value, msgspec.Raw):
        return [*msgspec.json.decode(value, type=list[msgspec.Raw])]
    return [*value] if isinstance(value, list) else []


def put(body: dict[str, object], fields: Iterable[tuple[str, object]]) -> None:
    """Sets fields in place; a dot in a name leads into an inner object, which is made where it is missing.

    Example:
        >>> body = read(b'{"stream_options": {"x": 1.0}}')
        >>> put(body, [("model", "m"), ("stream_options.include_usage", True)])
        >>> msgspec.json.encode(body)
        b'{"stream_options":{"x":1.0,"include_usage":true},"model":"m"}'
    """
    for path, value in fields:
        name, _, rest = path.partition(".")
        if rest:
            inner = _inner(body.get(name))
            put(inner, [(rest, value)])
            body[name] = inner
        else:
            body[name] = value


def _inner(value: object) -> dict[str, object]:
    if isinstance(value, dict):
        return value
    if isinstance(value, msgspec.Raw) and bytes(value).lstrip().startswith(b"{"):
        return read(bytes(value))
    return {}
