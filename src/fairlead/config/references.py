"""Text that the environment gave: it never shows itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Referenced(str):
    """Text that a variable gave: it works as text, and shows as the reference.

    Example:
        >>> text = Referenced.of("hunter2", "${KEY}")
        >>> text == "hunter2", text
        (True, '${KEY}')
    """

    __slots__ = ("given", "reference")
    reference: str
    given: tuple[str, ...]
    """What the variables held."""

    @classmethod
    def of(cls, value: str, reference: str, given: Iterable[str] | None = None) -> Referenced:
        """Returns the text `value` that shows as `reference`, with what of it the variables `given`: else all."""
        text = cls(value)
        text.reference, text.given = reference, (value,) if given is None else tuple(given)
        return text

    def __repr__(self) -> str:
        return repr(self.reference)


def given(value: object) -> Iterator[str]:
    """Yields what the environment gave of a value, at any depth of tables."""
    if isinstance(value, Referenced):
        yield from value.given
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from given(getattr(value, name))
    elif isinstance(value, dict | list | tuple):
        for part in value.values() if isinstance(value, dict) else value:
            yield from given(part)


def shown(value: object) -> str:
    """Returns a value as it may be shown, for a value that JSON has no form of."""
    return value.reference if isinstance(value, Referenced) else str(value)
