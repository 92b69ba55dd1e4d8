"""How good the answers of one model were, on average: by one kind of source, helped by one that scored more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairlead.ledger.sources import KINDS, Kind
from fairlead.proof.counterfactual import MIN_SESSIONS
from fairlead.proof.means import mean_score, names_of
from fairlead.proof.sources import judged
from fairlead.statistics.bootstrap import Interval  # noqa: TC001 - msgspec reads the annotations
from fairlead.statistics.prediction_powered import powered_mean, unlike

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.proof.cases import Case
    from fairlead.statistics.prediction_powered import Judged


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """How good some answers were, by whom that is said."""

    n_scored: int
    """Answers that the kind of source which counts scored."""
    n_more: int = 0
    """Answers that the helping one scored alone."""
    scored_by: Kind | None = None
    """The kind that counts: the most trusted with enough sessions; `None` where sources are not known."""
    helped_by: Kind | None = None
    score: Interval | None = None
    """Mean score; `None` where none was scored."""


def marks(cases: Sequence[Case]) -> Marks:
    """Returns the scores of these answers."""
    kind = _counting(cases)
    scored = [case for case in (case.by(kind) for case in cases) if case.score is not None]
    if not scored:
        return Marks(n_scored=0)
    helper = None if kind is None else _helping(cases, kind)
    if kind is not None and helper is not None:
        both = judged(cases, kind, helper)
        return Marks(
            n_scored=len(scored),
            n_more=int(both.by_judge_alone.sum()),
            scored_by=kind,
            helped_by=helper,
            score=powered_mean(both).interval(),
        )
    mean = mean_score(names_of(scored), [case.score or 0.0 for case in scored])
    return Marks(n_scored=len(scored), scored_by=kind, score=mean)


def _counting(cases: Sequence[Case]) -> Kind | None:
    """Returns the most trusted kind that scored enough sessions, else the one that scored most."""
    sizes = {kind: len(set(names_of([case for case in cases if kind in case.scores]))) for kind in KINDS}
    enough = (kind for kind in KINDS if sizes[kind] >= MIN_SESSIONS)
    most = max(sizes, key=sizes.__getitem__)
    return next(enough, most if sizes[most] else None)


def _helping(cases: Sequence[Case], kind: Kind) -> Kind | None:
    """Returns the less trusted kind that scored most answers of its own, if it counts and finds them alike."""
    less = KINDS[KINDS.index(kind) + 1 :]
    alone = {other: sum(other in case.scores and kind not in case.scores for case in cases) for other in less}
    helper = max(alone, key=alone.__getitem__, default=None)
    if helper is None or not alone[helper]:
        return None
    both = judged(cases, kind, helper)
    return helper if _counts(both) and not unlike(both) else None


def _counts(both: Judged) -> bool:
    groups = both.n_groups(both.by_both), both.n_groups(both.by_judge_alone)
    return min(groups) >= MIN_SESSIONS
