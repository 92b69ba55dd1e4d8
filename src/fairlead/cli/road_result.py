"""The road from day 0 as commands answer it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fairlead.ledger.base import Entry


class RoadResult(msgspec.Struct, kw_only=True, frozen=True):
    """Where the installation is on the road from day 0."""

    stage: str
    """`no_requests`, `no_scores`, `nothing_compared`, `gathering`, `ready` or `saving`."""
    n_requests: int
    """Served requests that a route decided."""
    n_scored: int
    n_compared: int
    """Requests on which the nearest candidate is compared with the reference."""
    candidate: str | None
    """The candidate that is nearest to a first saving."""
    labels_needed: int | None
    """About how many more requests must have both answers scored until a first saving can be shown, at a margin of
    0.01 and in four cases of five; `null` cannot be told."""
    words: str


def road_of(entries: Iterable[Entry]) -> RoadResult:
    """Returns where these entries are on the road, oldest first."""
    from fairlead.learning.road import road, signs_of  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.policies.objectives import MARGIN  # noqa: PLC0415

    return msgspec.convert(road(signs_of(entries), margin=MARGIN), RoadResult, from_attributes=True)
