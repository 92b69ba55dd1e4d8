"""What another policy would have cost and scored on a log: each request decided again, then estimated.

    entries -> usable rows: whom the other policy calls, and by what chance the log's could have    (or why not usable)
            -> a sample a measure -> overlap -> doubly robust estimate, once and at every moment    (or a refusal)

The other policy is taken without its control arm: what it would choose itself.
Requests are decided from the logged predictions, so what is compared is policies: prices, margins, candidates, shares.
What another predictor would have said of a prompt that nobody kept, no log can tell.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from fairlead.proof.by_copies import ByCopies, Copies, Measure, Wanted, by_copies
from fairlead.proof.off_policy import Overlap, Sample, estimate, overlap, sequence
from fairlead.proof.replay import AT_ONCE, NOT_REPLAYED, known, recalled
from fairlead.statistics.bootstrap import Interval

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from fairlead.ledger.base import Entry
    from fairlead.router import Decisions, Router
    from fairlead.types import IntArray, Prediction

BOUNDS: Mapping[Measure, tuple[float, float] | None] = {"cost_usd": None, "score": (0.0, 1.0), "latency_s": None}
"""Measure -> what it lies between; what has no bounds cannot be negative."""

NOT_USABLE = {name: NOT_REPLAYED[name] for name in ("asked_for", "not_served", "other_route", "kept_too_little")} | {
    "router_fault": "the router had failed: nothing was predicted",
    "nobody": "nothing was logged of the other policy's candidates, or none could have served: serve with them as "
    "candidates of the route, and with `shadow`, so that copies tell",
    "cascade": "a plan weighs answers, and answers are not kept: copies (`shadow`) of all that it calls tell between "
    "what it lies",
    "no_chance": "the log's policy would never have called whom the other one calls: copies (`shadow`) would tell",
}
"""Why a request says nothing of the other policy, in words."""

A_CASCADE = ""
"""Action of a request whose plan weighs answers: no candidate alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One measure on the requests that can be used."""

    measure: Measure
    not_observed: int
    """Usable requests of which it is not known."""
    overlap: Overlap
    as_logged: float
    """Mean of the same requests as they were served; exact."""
    once: Interval | None
    """Mean under the other policy, with the interval of a single look; `None` where refused."""
    always: Interval | None
    """The same, with limits that hold however often one looks."""
    difference: Interval | None
    """The other policy minus what was served; of a single look."""
    cross_check: float | None
    """The mean by weight alone (snips): far from `once` where the model decides, not the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """What a log tells of another policy."""

    n_requests: int
    n_usable: int
    not_usable: Mapping[str, int]
    """Key of `NOT_USABLE` -> requests."""
    agreement: float | None
    """Share of the usable requests on which both policies call the same first, draws aside."""
    measures: tuple[Measured, ...]
    copied: ByCopies
    """What shadow copies tell, also of candidates that had no chance and of plans that weigh answers."""


def what_if(entries: Iterable[Entry], routers: Mapping[str, Router]) -> WhatIf:
    """Returns what these routers' policies would have come to.

    Args:
        entries: of a ledger, oldest first.
        routers: route -> the router that decides there.
    """
    counts: Counter[str] = Counter()
    decided: list[Wanted] = []
    copies = Copies()
    entries = iter(entries)
    while batch := list(islice(entries, AT_ONCE)):
        for entry in batch:
            copies.add(entry)
        for found in _read(batch, routers):
            if isinstance(found, str):
                counts[found] += 1
            else:
                decided.append(found)
    reasons = [_untold(each) for each in decided]
    rows = [each for each, reason in zip(decided, reasons, strict=True) if reason is None]
    counts.update(reason for reason in reasons if reason is not None)
    rows.sort(key=lambda row: (row.entry.at, row.entry.request_id))
    measures = (_measured(measure, rows) for measure in BOUNDS) if rows else ()
    return WhatIf(
        n_requests=len(rows) + counts.total(),
        n_usable=len(rows),
        not_usable=counts,
        agreement=sum(_agree(row) for row in rows) / len(rows) if rows else None,
        measures=tuple(measured for measured in measures if measured is not None),
        copied=by_copies(decided, copies),
    )


def _read(batch: Sequence[Entry], routers: Mapping[str, Router]) -> Iterator[Wanted | str]:
    """Yields what is wanted on each request, or why that cannot be told; a route at a time."""
    by_route: dict[str, list[Entry]] = {}
    for entry in batch:
        reason = _unusable(entry, routers)
        if reason is None:
            by_route.setdefault(entry.route, []).append(entry)
        else:
            yield reason
    for route, some in by_route.items():
        decisions = replace(routers[route], control_share=0.0).decide_again([known(entry) for entry in some])
        yield from (_wanted(entry, decisions, i) for i, entry in enumerate(some))


def _unusable(entry: Entry, routers: Mapping[str, Router]) -> str | None:
    if entry.purpose != "serve":
        return "not_served"
    if entry.reason == "asked_for":
        return "asked_for"
    if entry.route not in routers:
        return "other_route"
    if entry.fault is not None:
        return "router_fault"
    return "kept_too_little" if recalled(entry) is None else None


def _wanted(entry: Entry, decisions: Decisions, i: int) -> Wanted | str:
    if decisions.first[i] < 0:
        return "nobody"
    if i in decisions.openings:
        return Wanted(entry=entry, chances={}, stages=decisions.openings[i])
    return Wanted(entry=entry, chances=decisions.chances_of(i))


def _untold(wanted: Wanted) -> str | None:
    """Returns why the draws of the log tell nothing of what is wanted on a request; `None` where they do."""
    if wanted.stages:
        return "cascade"
    return None if wanted.chances.keys() <= _possible(wanted.entry) else "no_chance"


def _possible(entry: Entry) -> set[str]:
    """Returns who could have been called first, and alone.

    Where the log's policy weighs answers only the reference is known to have been: in the control arm.
    """
    possible = {name for name, chance in (entry.chances or {}).items() if chance > 0}
    if entry.answer_form is None:
        return possible
    return possible & {entry.reference or ""}


def _agree(row: Wanted) -> bool:
    chances = row.entry.chances or {}
    return max(row.chances, key=row.chances.__getitem__) == max(chances, key=chances.__getitem__)


def _measured(measure: Measure, rows: Sequence[Wanted]) -> Measured | None:
    known = [row for row in rows if _observed(row.entry, measure) is not None]
    if not known:
        return None
    sample, bounds = _sample(measure, known), BOUNDS[measure]
    found, logged = overlap(sample, positive=bounds is None), float(sample.observed.mean())
    refused = found.refusal is not None
    once = None if refused else estimate(sample, bounds=bounds).interval(positive=bounds is None)
    return Measured(
        measure=measure,
        not_observed=len(rows) - len(known),
        overlap=found,
        as_logged=logged,
        once=once,
        always=None if refused else sequence(sample, positive=bounds is None, bounds=bounds).last,
        difference=once and Interval(value=once.value - logged, low=once.low - logged, high=once.high - logged),
        cross_check=None if refused else estimate(sample, "snips", bounds=bounds).interval().value,
    )


def _observed(entry: Entry, measure: Measure) -> float | None:
    if entry.status == "unsettled":
        return None
    value = getattr(entry, measure)
    return None if value is None else float(value)


def _sample(measure: Measure, rows: Sequence[Wanted]) -> Sample:
    names = {name for row in rows for name in row.chances} | {row.entry.chosen for row in rows}
    actions = [A_CASCADE, *sorted(names)]
    wanted = [[row.chances.get(name, 0.0) for name in actions] for row in rows]
    expected = [_expected(row.entry.predictions, actions, measure) for row in rows]
    return Sample(
        session=_sessions([row.entry for row in rows]),
        taken=np.array([actions.index(_taken(row.entry)) for row in rows], dtype=np.int64),
        propensity=np.array([row.entry.propensity for row in rows]),
        wanted=np.array(wanted, dtype=np.float64),
        expected=np.array(expected, dtype=np.float64),
        observed=np.array([_observed(row.entry, measure) for row in rows], dtype=np.float64),
    )


def _taken(entry: Entry) -> str:
    weighs = any(stage.acceptance.rule != "not_failed" for stage in entry.plan)
    return A_CASCADE if weighs else entry.chosen


def _sessions(entries: Sequence[Entry]) -> IntArray:
    """Returns (n,) the number of each request's session, in the order in which they began; without one, its own."""
    names = [(entry.route, entry.session_id or entry.request_id) for entry in entries]
    number = {name: i for i, name in enumerate(dict.fromkeys(names))}
    return np.array([number[name] for name in names], dtype=np.int64)


def _expected(predictions: Sequence[Prediction], actions: Sequence[str], measure: Measure) -> list[float | None]:
    field = _PREDICTED[measure]
    by_name = {prediction.candidate: getattr(prediction, field) for prediction in predictions}
    return [by_name.get(name) for name in actions]


_PREDICTED: Mapping[Measure, str] = {"cost_usd": "cost_usd", "score": "p_success", "latency_s": "latency_p95_s"}
