"""Log lines as named events with keys and values, not sentences: for people in one line, for programs as JSON."""

from __future__ import annotations

Value = str | int | float | bool | None


class Event:
    """One thing that happened; hand it to a logger as its message.

    No field may hold a prompt, a key or the words of an error that might quote one.

    Example:
        >>> str(Event("host_left_alone", model="acme/large", failures=5))
        'host_left_alone model=acme/large failures=5'
    """

    __slots__ = ("fields", "name")

    def __init__(self, name: str, /, **fields: Value) -> None:
        self.name = name
        self.fields = fields

    def __str__(self) -> str:
        return " ".join([self.name, *(f"{key}={value}" for key, value in self.fields.items())])
