"""Tools that take plain text, said in dialects whose tools take an object: a function of one string, `input`."""

from __future__ import annotations

import msgspec

SCHEMA = '{"type":"object","properties":{"input":{"type":"string"}},"required":["input"],"additionalProperties":false}'
OPENING = '{"input":"'
CLOSING = '"}'


class _Input(msgspec.Struct, forbid_unknown_fields=True):
    input: str


def wrapped(text: str) -> str:
    r"""Returns the arguments of a function for the input of a free-form tool.

    Example:
        >>> wrapped('say "hi"')
        '{"input":"say \\"hi\\""}'
    """
    return OPENING + piece(text) + CLOSING


def piece(text: str) -> str:
    """Returns a piece of the input as it stands inside the arguments."""
    return msgspec.json.encode(text).decode()[1:-1]


def unwrapped(arguments: str) -> str:
    """Returns the input that a model wrote as arguments; where it did not keep to the form, all that it wrote.

    Example:
        >>> unwrapped(wrapped("a patch")), unwrapped("a patch")
        ('a patch', 'a patch')
    """
    try:
        return msgspec.json.decode(arguments, type=_Input).input
    except (msgspec.DecodeError, RecursionError):
        return arguments
