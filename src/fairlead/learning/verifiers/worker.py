"""The process in which verifiers work, so that one that never ends holds up nobody: a line in, a line out.

{"verifiers": [...], "task": {...}, "answer": {...}}  ->  {"name": score or null}
"""

from __future__ import annotations

import sys
from typing import Any

import msgspec

from fairlead.learning.verifiers import VERIFIERS, Answer, Task
from fairlead.learning.verifiers.sandbox import Bounds


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """A verifier by its kind, and the name under which it scores."""

    kind: str
    name: str
    settings: dict[str, Any] = msgspec.field(default_factory=dict)


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An answer, and who verifies it."""

    verifiers: tuple[Named, ...]
    task: Task
    answer: Answer


def verified(order: Order) -> dict[str, float | None]:
    """Returns the score by each verifier; `None` where its rule does not apply, or where it broke."""
    return {named.name: _score(named, order.task, order.answer) for named in order.verifiers}


def _score(named: Named, task: Task, answer: Answer) -> float | None:
    settings = dict(named.settings)
    if "bounds" in settings:
        settings["bounds"] = Bounds(**settings["bounds"])
    try:
        return VERIFIERS[named.kind](**settings).verify(task, answer)
    except Exception:  # noqa: BLE001 - a rule that breaks on an answer says nothing about it
        return None


def main() -> None:
    """Answers line by line until the input ends."""
    decoder = msgspec.json.Decoder(Order)
    for line in sys.stdin.buffer:
        sys.stdout.buffer.write(msgspec.json.encode(verified(decoder.decode(line))) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
