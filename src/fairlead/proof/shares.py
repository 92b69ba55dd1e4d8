"""The same statement for a part of the requests: by route, and by team where keys belong to one."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairlead.proof.cases import experiments
from fairlead.proof.comparison import Quality, Saving, paid_usd, quality, saving

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from decimal import Decimal

    from fairlead.proof.cases import Case


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One route, or one team: what it paid, and what routing did for it."""

    name: str
    n_requests: int
    paid_usd: Decimal
    saving: Saving | None
    """`None` with too few sessions in either arm."""
    quality: Quality | None


def shares(cases: Sequence[Case], name_of: Callable[[Case], str | None]) -> tuple[Share, ...]:
    """Returns one share a name, the dearest first; requests without a name are in none.

    Arms were drawn by session, whoever asked, so they can be compared within a route and within a team as well.
    """
    parts: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        if (name := name_of(case)) is not None:
            parts[name].append(case)
    found = [_share(name, part) for name, part in sorted(parts.items())]
    return tuple(sorted(found, key=lambda share: -share.paid_usd))


def _share(name: str, cases: Sequence[Case]) -> Share:
    trials = experiments(cases)
    return Share(
        name=name, n_requests=len(cases), paid_usd=paid_usd(cases), saving=saving(trials), quality=quality(trials)
    )
