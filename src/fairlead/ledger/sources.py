"""Who says how good an answer was, and whom to believe where several do.

    human      a person judged the answer
    verifier   a rule did: it parses, the tests pass, the number is the expected one
    judge      a model did
    implicit   somebody's behaviour is read as a judgement: a thumb, a retry, a copy

A source is one of these, or one with a name behind a colon, `verifier:json_schema`. Of one source the latest score of a
decision counts; of several the first in this order.
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


def counting(rows: Iterable[Feedback]) -> float | None:
    """Returns the score that counts: the latest one of the most trusted kind; `None` without any."""
    found = list(rows)
    best = min(map(_rank, found), default=None)
    return next((row.score for row in reversed(found) if _rank(row) == best), None)


def _rank(row: Feedback) -> int:
    return KINDS.index(kind_of(row.source))
