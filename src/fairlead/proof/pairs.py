"""Requests of which both scores are known: of the answer that was served, and of the reference's to the same request.

Feedback may tell the second; a shadow copy that the reference answered, and that somebody scored, tells it as well.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fairlead.proof.cases import Case, without_opted_out

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fairlead.ledger.base import Entry

_Shadow = tuple[str, str | None, float]
"""The decision that it copies, who answered, and how good that was."""


def paired(entries: Iterable[Entry]) -> list[Case]:
    """Returns the cases of these entries in order, each with the score of the reference's answer where it is known.

    Each entry is read once and let go of, as a ledger may be long.
    """
    decisions: list[str] = []
    reference: dict[str, str | None] = {}
    shadows: list[_Shadow] = []

    def read() -> Iterator[Case]:
        for entry in entries:
            decisions.append(entry.decision_id)
            reference[entry.decision_id] = entry.reference
            if entry.purpose == "shadow" and entry.parent_id is not None and entry.score is not None:
                shadows.append((entry.parent_id, entry.served, entry.score))
            yield _with(Case.of(entry), _told(entry))

    cases = without_opted_out(list(read()))
    seen = {
        parent: score for parent, served, score in shadows if served is not None and served == reference.get(parent)
    }
    return [_with(case, seen.get(decision)) for case, decision in zip(cases, decisions, strict=True)]


def _told(entry: Entry) -> float | None:
    told = (feedback.reference_score for feedback in reversed(entry.feedback))
    return next((score for score in told if score is not None), None)


def _with(case: Case, score: float | None) -> Case:
    """Returns the case with the score of its reference; what feedback told counts before what a shadow showed."""
    known = score is None or case.score is None or case.reference_score is not None
    return case if known else replace(case, reference_score=score)
