"""Requests of which both scores are known: of the answer that was served, and of the reference's to the same request.

Feedback may tell the second; a shadow copy that the reference answered, and that somebody scored, tells it as well.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fairlead.proof.cases import cases_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fairlead.ledger.base import Entry
    from fairlead.proof.cases import Case


def paired(entries: Sequence[Entry]) -> list[Case]:
    """Returns the cases of these entries in order, each with the score of the reference's answer where it is known."""
    by_shadow = _by_shadow(entries)
    return [
        _with(case, _told(entry), by_shadow.get(entry.decision_id))
        for case, entry in zip(cases_of(entries), entries, strict=True)
    ]


def _by_shadow(entries: Sequence[Entry]) -> Mapping[str, float]:
    """Returns decision -> score of the shadow copy that the decision's reference answered."""
    reference = {entry.decision_id: entry.reference for entry in entries}
    return {
        entry.parent_id: entry.score
        for entry in entries
        if entry.purpose == "shadow"
        and entry.parent_id is not None
        and entry.score is not None
        and entry.served is not None
        and entry.served == reference.get(entry.parent_id)
    }


def _told(entry: Entry) -> float | None:
    told = (feedback.reference_score for feedback in reversed(entry.feedback))
    return next((score for score in told if score is not None), None)


def _with(case: Case, told: float | None, seen: float | None) -> Case:
    score = seen if told is None else told
    return case if score is None or case.score is None else replace(case, reference_score=score)
