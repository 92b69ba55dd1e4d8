"""Who says how good an answer was, and whom to believe where several do.

    human      a person judged the answer
    verifier   a rule did: it parses, the tests pass, the number is the expected one
    judge      a model did
    implicit   somebody's behaviour is read as a judgement: a thumb, a retry, a copy

A source is one of these, or one with a name behind a colon, `verifier:json_schema`. Of one source the latest score of
an answer counts; of several verifiers the lowest, since an answer must pass them all; of the kinds the first in this
order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fairlead.ledger.base import Feedback

Kind = Literal["human", "verifier", "judge", "implicit"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_FORMERLY = {"user": "human"}
"""Words of ledgers that were written before there were kinds."""
PATTERN = rf"^(?:{'|'.join((*KINDS, *_FORMERLY))})(?::[\x21-\x7e]{{1,100}})?$"
"""What a source may be called."""


def kind_of(source: str) -> Kind:
    """Returns the kind of a source; `implicit`, the least, where an older ledger has another word.

    >>> kind_of("verifier:json_schema"), kind_of("user")
    ('verifier', 'human')
    """
    kind = source.partition(":")[0]
    kind = _FORMERLY.get(kind, kind)
    return kind if kind in KINDS else "implicit"


def latest(rows: Iterable[Feedback]) -> tuple[Feedback, ...]:
    """Returns the latest score of each source, the most trusted source first; `rows` come oldest first."""
    by_source = {row.source: row for row in rows}
    return tuple(sorted(by_source.values(), key=_rank))


def by_kind(rows: Iterable[Feedback]) -> dict[Kind, float]:
    """Returns the score by each kind of source, the most trusted first; `rows` come oldest first."""
    kept: dict[Kind, dict[str, float]] = {kind: {} for kind in KINDS}
    for row in rows:
        scores = kept[kind_of(row.source)]
        scores.pop(row.source, None)  # so that the latest stands last
        scores[row.source] = row.score
    return {
        kind: min(scores.values()) if kind == "verifier" else [*scores.values()][-1]
        for kind, scores in kept.items()
        if scores
    }


def counting(rows: Iterable[Feedback]) -> float | None:
    """Returns the score that counts: that of the most trusted kind; `None` without any."""
    return next(iter(by_kind(rows).values()), None)


def _rank(row: Feedback) -> int:
    return KINDS.index(kind_of(row.source))
