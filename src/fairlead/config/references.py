"""Text that the environment gave: it never shows itself."""

from __future__ import annotations


class Referenced(str):
    """Text that a variable gave: it works as text, and shows as the reference.

    Example:
        >>> text = Referenced.of("hunter2", "${KEY}")
        >>> text == "hunter2", text
        (True, '${KEY}')
    """

    __slots__ = ("reference",)
    reference: str

    @classmethod
    def of(cls, value: str, reference: str) -> Referenced:
        """Returns the text `value` that shows as `reference`."""
        text = cls(value)
        text.reference = reference
        return text

    def __repr__(self) -> str:
        return repr(self.reference)


def shown(value: object) -> str:
    """Returns a value as it may be shown, for a value that JSON has no form of."""
    return value.reference if isinstance(value, Referenced) else str(value)
