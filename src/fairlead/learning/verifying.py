"""Scores by rules: a route's verifiers on an answer, and what they say in the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from fairlead.errors import ConfigError
from fairlead.learning.delivered import task_of
from fairlead.learning.verifiers.sandbox import Bounds, isolates
from fairlead.learning.verifiers.worker import Named
from fairlead.ledger.base import Feedback

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fairlead.config.learning import VerifierConfig
    from fairlead.learning.verifiers.base import Answer
    from fairlead.learning.verifiers.bench import Bench
    from fairlead.ledger.base import Ledger
    from fairlead.types import Request

RULES_S = 5.0
"""What all rules of a route that read words may take together, seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifying:
    """A route's verifiers."""

    verifiers: tuple[Named, ...]
    time_s: float
    """What they may take together."""

    @classmethod
    def of(cls, configured: Sequence[VerifierConfig]) -> Verifying:
        """Returns the verifiers that a route names.

        Raises:
            ConfigError: a schema or a folder of tests cannot be read.
        """
        limits = [_bounds(verifier).time_s for verifier in configured if verifier.kind == "unit_test"]
        return cls(verifiers=tuple(map(_named, configured)), time_s=RULES_S + sum(limits))

    async def scores(self, bench: Bench, decision_id: str, request: Request, answer: Answer) -> tuple[Feedback, ...]:
        """Returns what each verifier says of the answer of a decision; one whose rule does not apply says nothing."""
        if not self.verifiers:
            return ()
        said = await bench.verify(self.verifiers, task_of(request), answer, time_s=self.time_s)
        now = datetime.now(UTC)
        return tuple(
            Feedback(decision_id=decision_id, at=now, score=score, source=name)
            for name, score in said.items()
            if score is not None
        )


async def keep(ledger: Ledger, scores: Sequence[Feedback]) -> None:
    """Keeps scores, if there are any."""
    if scores:
        await ledger.feedback(*scores)


def _named(verifier: VerifierConfig) -> Named:
    settings: dict[str, Any] = {
        name: value
        for name in ("pattern", "tolerance", "at_least", "command", "file")
        if (value := getattr(verifier, name)) is not None
    }
    if verifier.schema is not None:
        settings["schema"] = _read(verifier.schema)
    if verifier.kind == "unit_test":
        bounds = _bounds(verifier)
        if bounds.isolation == "required" and not isolates():
            raise ConfigError(
                f"`{verifier.source}` runs code, and this system shuts off neither its network nor our files. Set "
                '`isolation = "where_possible"` to run it all the same, or remove it.'
            )
        settings["bounds"] = {name: getattr(bounds, name) for name in ("time_s", "memory_mb", "isolation")}
        if verifier.folder is not None:
            _check_folder(verifier.folder)
            settings["folder"] = str(verifier.folder.resolve())
    return Named(kind=verifier.kind, name=verifier.source, settings=settings)


def _bounds(verifier: VerifierConfig) -> Bounds:
    given = {name: getattr(verifier, name) for name in ("time_s", "memory_mb", "isolation")}
    return Bounds(**{name: value for name, value in given.items() if value is not None})


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the schema `{path}`: {error}. Give the path of a JSON Schema.") from None


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise ConfigError(f"`{folder}` is no folder; expected the tests of a `unit_test` in it.")
