"""What another policy would have come to where copies asked everybody whom it would call: for what chance never did.

    request, its answer, its copies -> cost, score and latency of each candidate on it -> those that the policy calls
                                                                                       -> mean, by sessions

A shadow copy is drawn at random, so the requests that were copied speak for all that may be copied. A plan that weighs
answers cannot be followed to its end, as answers are not kept: what each of its calls cost and scored is known, which
answer would have convinced is not. So it lies between two ends, and no closer:

    cost, latency   its first stage alone   ..   all of its stages
    score           the worst of its answers   ..   the best

What would make it a figure: the answers in one spelling, kept with each call, so that agreement can be seen again.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from fairlead.ledger.sources import KINDS, by_kind
from fairlead.proof.means import session_mean
from fairlead.statistics.bootstrap import Interval  # noqa: TC001 - msgspec reads the annotations
from fairlead.statistics.tails import log_spread

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from fairlead.ledger.base import Entry
    from fairlead.types import FloatArray, Stage

Measure = Literal["cost_usd", "score", "latency_s"]
MEASURES: tuple[Measure, ...] = ("cost_usd", "score", "latency_s")

MIN_SESSIONS = 100
"""Copied sessions; of fewer, differences of costs hold less often than 93 times in a hundred."""
MAX_SPREAD = 1.2
"""Standard deviation of the logarithm of one request's cost or latency; beyond, means do."""
REFUSALS = {
    "few_sessions": f"fewer than {MIN_SESSIONS} sessions were copied",
    "heavy_tail": "it differs so widely between requests that no interval could be trusted",
}
"""Why copies give no estimate, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What another policy would do on a request."""

    entry: Entry
    chances: Mapping[str, float]
    """Candidate -> chance with which it is called first, where one answers alone."""
    stages: tuple[Stage, ...] = ()
    """Of a plan that weighs answers."""

    @property
    def called(self) -> set[str]:
        """Everybody who may have to answer."""
        weighed = {step.candidate for stage in self.stages for step in stage.steps}
        return weighed or {name for name, chance in self.chances.items() if chance > 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class CopiedMeasure:
    """One measure over the requests on which it is known of everybody; means of a request."""

    measure: Measure
    """A mean of a request."""
    n_requests: int
    n_sessions: int
    as_served: float
    """Mean of the answers that were delivered, exact."""
    refusal: str | None
    """Why there is no estimate: `few_sessions` or `heavy_tail`."""
    low: Interval | None
    """Under the other policy; `low` and `high` are one where no plan weighs answers."""
    high: Interval | None
    difference_low: Interval | None
    """The other policy minus as served."""
    difference_high: Interval | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ByCopies:
    """What copies tell."""

    n_copied: int
    """Requests with an answered copy."""
    n_requests: int
    """Of these, where all that the other policy would call was asked."""
    n_weighed: int
    """Of these, where its plan weighs answers: they lie between two ends."""
    measures: tuple[CopiedMeasure, ...]


class Copies:
    """Answers to copies, by the decision that they copy."""

    def __init__(self) -> None:
        self._answered: dict[str, dict[str, Entry]] = defaultdict(dict)

    def add(self, entry: Entry) -> None:
        """Takes in an entry, if it is a copy that was answered."""
        if entry.purpose == "shadow" and entry.parent_id is not None and entry.served is not None:
            self._answered[entry.parent_id][entry.served] = entry

    def answers(self, entry: Entry) -> Mapping[str, Entry]:
        """Returns candidate -> the entry in which it answered what this one asks; nothing where nobody was copied."""
        copies = self._answered.get(entry.decision_id, {})
        return {**copies, entry.served: entry} if copies and entry.served is not None else {}


def by_copies(wanted: Iterable[Wanted], copies: Copies) -> ByCopies:
    """Returns what copies tell of another policy.

    Args:
        wanted: what it would do, request by request.
        copies: of the same log.
    """
    copied = [(each, answers) for each in wanted if (answers := copies.answers(each.entry))]
    known = [(each, answers) for each, answers in copied if each.called and each.called <= answers.keys()]
    measured = (_measured(measure, known) for measure in MEASURES)
    return ByCopies(
        n_copied=len(copied),
        n_requests=len(known),
        n_weighed=sum(bool(each.stages) for each, _ in known),
        measures=tuple(found for found in measured if found is not None),
    )


def _measured(measure: Measure, known: Sequence[tuple[Wanted, Mapping[str, Entry]]]) -> CopiedMeasure | None:
    rows, sessions = [], []
    for each, answers in known:
        values = _values(measure, each, answers)
        if values is not None:
            rows.append((values[each.entry.served or ""], *_ends(measure, each, values)))
            sessions.append(each.entry.session_id or each.entry.request_id)
    if not rows:
        return None
    served, low, high = np.array(rows).T
    refusal = _refusal(measure, np.array(rows), len(set(sessions)))
    means = [
        None if refusal else session_mean(values, sessions, positive=positive and measure != "score")
        for values, positive in ((low, True), (high, True), (low - served, False), (high - served, False))
    ]
    return CopiedMeasure(
        measure=measure,
        n_requests=len(rows),
        n_sessions=len(set(sessions)),
        as_served=float(served.mean()),
        refusal=refusal,
        low=means[0],
        high=means[1],
        difference_low=means[2],
        difference_high=means[3],
    )


def _refusal(measure: Measure, rows: FloatArray, n_sessions: int) -> str | None:
    if n_sessions < MIN_SESSIONS:
        return "few_sessions"
    nobody = np.zeros(len(rows), dtype=np.int64)
    heavy = measure != "score" and max(log_spread(column, nobody) for column in rows.T) > MAX_SPREAD
    return "heavy_tail" if heavy else None


def _values(measure: Measure, each: Wanted, answers: Mapping[str, Entry]) -> Mapping[str, float] | None:
    """Returns the measure of each candidate that counts, and of the one that served; `None` where one is not known."""
    names = each.called | {each.entry.served or ""}
    found = dict(_scores(names, answers) if measure == "score" else _observed(measure, names, answers))
    return found if found.keys() == names else None


def _scores(names: Iterable[str], answers: Mapping[str, Entry]) -> Iterator[tuple[str, float]]:
    """Yields the scores of all by the most trusted kind of source that scored each of them."""
    said = {name: by_kind(answers[name].feedback) for name in names}
    kind = next((kind for kind in KINDS if all(kind in scores for scores in said.values())), None)
    if kind is not None:
        yield from ((name, scores[kind]) for name, scores in said.items())


def _observed(measure: Measure, names: Iterable[str], answers: Mapping[str, Entry]) -> Iterator[tuple[str, float]]:
    for name in names:
        calls = [call for call in answers[name].attempts if call.candidate == name]
        values = [call.cost_usd if measure == "cost_usd" else call.latency_s for call in calls]
        if values and all(value is not None for value in values):
            yield name, sum(float(value or 0) for value in values)


def _ends(measure: Measure, each: Wanted, values: Mapping[str, float]) -> tuple[float, float]:
    """Returns between what the measure of a request lies."""
    if not each.stages:
        mean = sum(chance * values[name] for name, chance in each.chances.items() if chance > 0)
        return mean, mean
    stages = [[values[step.candidate] for step in stage.steps] for stage in each.stages]
    if measure == "score":
        return min(map(min, stages)), max(map(max, stages))
    spent = [sum(stage) if measure == "cost_usd" else max(stage) for stage in stages]
    return spent[0], sum(spent)
