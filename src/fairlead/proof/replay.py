"""Decides logged requests again, from what the ledger keeps, and compares: deciding is pure, and here is the proof.

entry -> Recalled -> the router that decided -> Decision =?= entry
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from fairlead.decisions import Recalled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from fairlead.ledger.base import Entry
    from fairlead.router import Decisions, Router
    from fairlead.types import Decision

AT_ONCE = 500
"""Requests that are decided together."""
MAX_LISTED = 100
"""Differences that are kept; all are counted."""

COMPARED = (
    "plan",
    "propensity",
    "reason",
    "arm",
    "reference",
    "excluded",
    "policy",
    "fault",
    "chances",
    "mix_draw",
    "answer_form",
    "certificate",
)
"""Fields of a decision that must come out as they were logged, to the last bit."""

NOT_REPLAYED = {
    "asked_for": "the caller named the model: nothing was decided",
    "not_served": "it is a shadow, a judgement or an answer given again: nothing was decided",
    "other_route": "the configuration has no route of that name",
    "other_router": "another router decided it: give the configuration of then",
    "kept_too_little": "the row is from before all that a replay needs was kept",
}
"""Why a request is not decided again, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A field of a decision that does not come out as it was logged."""

    decision_id: str
    field: str
    logged: str
    replayed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What deciding again came to."""

    n_requests: int
    n_same: int
    """Decisions that came out as they were logged, to the last bit."""
    n_different: int
    differences: tuple[Difference, ...]
    """Of the first hundred decisions that differ."""
    not_replayed: Mapping[str, int]
    """Key of `NOT_REPLAYED` -> requests."""
    other_routers: Mapping[str, int]
    """Version of another router -> requests that it decided."""

    @property
    def ok(self) -> bool:
        """Says whether something was decided again, and nothing differed."""
        return self.n_same > 0 and self.n_different == 0


def recalled(entry: Entry) -> Recalled | None:
    """Returns what is logged of a request; `None` where too little is."""
    if entry.context is None or entry.chances is None or entry.mix_draw is None:
        return None
    return Recalled(
        predictions=entry.predictions,
        excluded=entry.excluded,
        context=entry.context,
        mix_draw=entry.mix_draw,
        answer_form=entry.answer_form,
        fault=entry.fault,
    )


def known(entry: Entry) -> Recalled:
    """Returns what is logged of a request of which enough is."""
    record = recalled(entry)
    assert record is not None
    return record


def replay_exactly(entries: Iterable[Entry], routers: Mapping[str, Router]) -> Replayed:
    """Returns whether these routers decide as the log says, from the logged predictions and contexts alone.

    Args:
        entries: of a ledger.
        routers: route -> the router that decides there.
    """
    counts: Counter[str] = Counter()
    others: Counter[str] = Counter()
    different: list[tuple[Difference, ...]] = []
    n_different = 0
    entries = iter(entries)
    while batch := list(islice(entries, AT_ONCE)):
        by_route: dict[str, list[Entry]] = {}
        for entry in batch:
            reason = not_replayed(entry, routers)
            counts["replayed" if reason is None else reason] += 1
            if reason is None:
                by_route.setdefault(entry.route, []).append(entry)
            elif reason == "other_router":
                others[entry.router_version] += 1
        for route, some in by_route.items():
            for found in _different(routers[route], some):
                n_different += 1
                different += [found] if len(different) < MAX_LISTED else []
    n_replayed = counts.pop("replayed", 0)
    return Replayed(
        n_requests=n_replayed + counts.total(),
        n_same=n_replayed - n_different,
        n_different=n_different,
        differences=tuple(difference for found in different for difference in found),
        not_replayed=counts,
        other_routers=others,
    )


def not_replayed(entry: Entry, routers: Mapping[str, Router]) -> str | None:
    """Returns a key of `NOT_REPLAYED`; `None` where the decision can be made again."""
    if entry.purpose != "serve":
        return "not_served"
    if entry.reason == "asked_for":
        return "asked_for"
    if entry.route not in routers:
        return "other_route"
    if entry.router_version != routers[entry.route].version:
        return "other_router"
    return "kept_too_little" if recalled(entry) is None else None


def _different(router: Router, entries: Sequence[Entry]) -> Iterator[tuple[Difference, ...]]:
    """Yields the differences of each decision that has some; what differs in a batch is decided alone before that."""
    decisions = router.decide_again([known(entry) for entry in entries])
    for i, entry in enumerate(entries):
        if _differences(entry, decisions, i):
            alone = router.decide_again([known(entry)])
            if found := _differences(entry, alone, 0):
                yield found


def _differences(entry: Entry, decisions: Decisions, i: int) -> tuple[Difference, ...]:
    decision: Decision | None = decisions[i] if decisions.first[i] >= 0 else None
    return tuple(
        Difference(decision_id=entry.decision_id, field=name, logged=repr(logged), replayed=repr(found))
        for name in COMPARED
        if (logged := _plain(getattr(entry, name))) != (found := _plain(getattr(decision, name, None)))
    )


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, dict) else value
