"""Requests of which both scores are known: of the answer that was served, and of the reference's to the same request.

Feedback may tell the second; a shadow copy that the reference answered, and that somebody scored, tells it as well.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fairlead.ledger.sources import by_kind, kind_of
from fairlead.proof.cases import Case, without_opted_out

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from fairlead.ledger.base import Entry
    from fairlead.ledger.sources import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """How good the reference's answer to a request was."""

    score: float
    by_kind: Mapping[Kind, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shadow:
    """A copy that somebody scored."""

    parent: str
    served: str | None
    told: _Told


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
                told = _Told(score=entry.score, by_kind=by_kind(entry.feedback))
                shadows.append(_Shadow(parent=entry.parent_id, served=entry.served, told=told))
            yield _with(Case.of(entry), _feedback(entry))

    cases = without_opted_out(list(read()))
    seen = {
        shadow.parent: shadow.told
        for shadow in shadows
        if shadow.served is not None and shadow.served == reference.get(shadow.parent)
    }
    return [_with(case, seen.get(decision)) for case, decision in zip(cases, decisions, strict=True)]


def _feedback(entry: Entry) -> _Told | None:
    """Returns what feedback says of the reference's answer; the latest counts."""
    said = [(kind_of(row.source), row.reference_score) for row in entry.feedback]
    known = {kind: score for kind, score in said if score is not None}
    last = next((score for _, score in reversed(said) if score is not None), None)
    return None if last is None else _Told(score=last, by_kind=known)


def _with(case: Case, told: _Told | None) -> Case:
    """Returns the case with the score of its reference; what feedback told counts before what a shadow showed."""
    if told is None or case.score is None:
        return case
    score = told.score if case.reference_score is None else case.reference_score
    return replace(case, reference_score=score, reference_scores={**told.by_kind, **case.reference_scores})
