"""The same statement for a part of the requests: by route, and by team where keys belong to one."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal  # noqa: TC003 - msgspec reads the annotations
from typing import TYPE_CHECKING

from fairlead.proof.cases import experiments
from fairlead.proof.comparison import Saving, paid_usd, saving
from fairlead.proof.quality import Quality, quality

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fairlead.proof.cases import Case
    from fairlead.proof.sources import Sources


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One route, or one team: what it paid, and what routing did for it."""

    name: str
    n_requests: int
    paid_usd: Decimal
    saving: Saving | None
    """`None` with too few sessions in either arm."""
    quality: Quality | None


def shares(
    cases: Sequence[Case], name_of: Callable[[Case], str | None], said_by: Sources | None = None
) -> tuple[Share, ...]:
    """Returns one share a name, the dearest first; requests without a name are in none.

    Arms were drawn by session, whoever asked, so they can be compared within a route and within a team as well.

    Args:
        cases: requests that somebody asked for.
        name_of: says to which share a request belongs.
        said_by: whose scores count, so that they are the same in each; where not given each has its own.
    """
    parts: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        if (name := name_of(case)) is not None:
            parts[name].append(case)
    found = [_share(name, part, said_by) for name, part in sorted(parts.items())]
    return tuple(sorted(found, key=lambda share: -share.paid_usd))


def _share(name: str, cases: Sequence[Case], said_by: Sources | None) -> Share:
    trials = experiments(cases)
    return Share(
        name=name,
        n_requests=len(cases),
        paid_usd=paid_usd(cases),
        saving=saving(trials),
        quality=quality(trials, said_by),
    )
