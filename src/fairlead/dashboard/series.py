"""Spend, saving and quality over time: what was paid in each slice, and what could be stated at its end.

    value      what the statement of all sessions so far says: at the end of the period, that of the statement itself
    interval   of a confidence sequence: the doubly robust estimate of what the reference would have come to

Whoever looks every day sees many intervals. Those of a statement hold one by one; these hold all at once.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Self

import msgspec
import numpy as np

from fairlead.proof.cases import experiments
from fairlead.proof.comparison import paid_usd, saving
from fairlead.proof.off_policy import Sample, sequence
from fairlead.proof.quality import quality
from fairlead.proof.sources import Sources
from fairlead.proof.statement import too_heavy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from decimal import Decimal

    from fairlead.proof.cases import Case, Experiment
    from fairlead.types import FloatArray, IntArray

N_SLICES = 24
MIN_SLICE = timedelta(minutes=1)


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A figure with its interval; with 95 % all of a series hold."""

    value: float
    low: float
    high: float


class Slice(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the period; estimates rest on the sessions that began from the start of the period to its end."""

    end: int
    """Unix time, seconds."""
    n_requests: int
    policy_usd: float
    control_usd: float
    own_usd: float
    """Of judges, shadow copies and probes."""
    saving_share: Estimate | None
    """Net of own costs so far; `None` before enough was seen, and where costs have too heavy a tail."""
    quality: Estimate | None


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """The slices of a period, in order."""

    slices: tuple[Slice, ...]


def series(cases: Sequence[Case], said_by: Sources | None = None) -> Series:
    """Returns the slices between the first and the last of these cases.

    Args:
        cases: in order of time.
        said_by: whose scores count, as in the statement; where not given, whatever score counts of each answer.
    """
    if not cases:
        return Series(slices=())
    told, slices, begin = _Told.of(cases, said_by or Sources(kind=None)), [], 0
    for moment in _ends(cases[0].at, cases[-1].at):
        stop = begin + sum(case.at < moment for case in cases[begin:])
        own = paid_usd(case for case in cases[:stop] if case.purpose != "serve")
        slices.append(_slice(moment, cases[begin:stop], told.saving_share(moment, own), told.difference(moment)))
        begin = stop
    return Series(slices=tuple(slices))


def _ends(start: datetime, end: datetime) -> list[datetime]:
    step = max((end - start) / N_SLICES, MIN_SLICE)
    ends = [start + step * (i + 1) for i in range(N_SLICES) if start + step * i <= end]
    ends[-1] = max(ends[-1], end + MIN_SLICE)  # the last one holds the last request
    return ends


def _slice(end: datetime, inside: Sequence[Case], saving_share: Estimate | None, quality: Estimate | None) -> Slice:
    asked = [case for case in inside if case.purpose == "serve"]
    return Slice(
        end=int(end.timestamp()),
        n_requests=len(asked),
        policy_usd=float(paid_usd(case for case in asked if case.arm == "policy")),
        control_usd=float(paid_usd(case for case in asked if case.arm == "control")),
        own_usd=float(paid_usd(case for case in inside if case.purpose != "serve")),
        saving_share=saving_share,
        quality=quality,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What can be said at any moment: the figure that a statement would give, within limits that hold at all of them.

    Both rest on the routes that the statement of the whole period compares.
    """

    compared: Sequence[Case]
    """In the order in which their sessions began."""
    began: Sequence[datetime]
    """When the session of each did."""
    said_by: Sources
    costs: Course | None
    """`None` where costs have too heavy a tail for any interval."""
    scores: Course

    @classmethod
    def of(cls, cases: Sequence[Case], said_by: Sources) -> Self:
        trials = experiments(cases)
        compared = sorted((case for t in trials if t.conclusive for case in t.cases), key=lambda case: case.at)
        first: dict[tuple[str, str | None], datetime] = {}
        for case in compared:
            first.setdefault((case.route, case.session), case.at)
        in_turn = sorted(compared, key=lambda case: first[case.route, case.session])
        scored = [case for case in (case.by(said_by.kind) for case in compared) if case.score is not None]
        paid = Course.of(compared, lambda case: case.expected_cost_usd, lambda case: float(case.cost_usd or 0))
        return cls(
            compared=in_turn,
            began=[first[case.route, case.session] for case in in_turn],
            said_by=said_by,
            costs=None if too_heavy(trials) else paid,
            scores=Course.of(scored, lambda case: case.expected_score, lambda case: case.score or 0.0, (0.0, 1.0)),
        )

    def saving_share(self, moment: datetime, own_usd: Decimal) -> Estimate | None:
        """Returns the saving as a share of the reference's cost, net of judges, shadows and probes."""
        limits = None if self.costs is None else self.costs.saving_share(moment, float(own_usd))
        stated = None if limits is None else saving(self._until(moment), own_usd)
        return None if limits is None or stated is None else _within(stated.saving_share.value, limits)

    def difference(self, moment: datetime) -> Estimate | None:
        """Returns the mean score less that of the reference, over requests outside of the control arm."""
        limits = self.scores.difference(moment)
        stated = None if limits is None else quality(self._until(moment), self.said_by)
        return None if limits is None or stated is None else _within(stated.difference.value, limits)

    def _until(self, moment: datetime) -> Sequence[Experiment]:
        """Returns the experiments of the sessions that began before a moment, each with all of its requests."""
        return experiments(self.compared[: bisect_left(self.began, moment)])


def _within(value: float, limits: tuple[float, float]) -> Estimate:
    low, high = limits
    return Estimate(value=value, low=min(low, value), high=max(high, value))


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen, and what the reference would have come to, after each session; in the order they began."""

    began: tuple[datetime, ...]
    observed: FloatArray
    """(n_sessions,) the sum over all requests so far."""
    reference: FloatArray
    """(2, n_sessions) lower and upper limit of the same of the reference; NaN before the first look."""
    n_elsewhere: FloatArray
    """(n_sessions,) requests so far that were not of the control arm."""

    @classmethod
    def of(
        cls,
        cases: Sequence[Case],
        expected: Callable[[Case], float],
        observed: Callable[[Case], float],
        bounds: tuple[float, float] | None = None,
    ) -> Course:
        """Returns the course of compared requests, which are in order of time."""
        session = _numbered([f"{case.route}\n{case.session}" for case in cases])
        sample = _sample(cases, session, expected, observed)
        found = sequence(sample, positive=bounds is None, bounds=bounds)
        n = np.cumsum(sample.by_session(np.ones(len(cases))))
        elsewhere = np.array([case.arm == "policy" for case in cases], dtype=np.float64)
        first = {number: case.at for number, case in zip(reversed(session.tolist()), reversed(cases), strict=True)}
        return cls(
            began=tuple(first[number] for number in range(sample.n_sessions)),
            observed=np.cumsum(sample.by_session(sample.observed)),
            reference=np.stack([found.low * n, found.high * n]),
            n_elsewhere=np.cumsum(sample.by_session(elsewhere)),
        )

    def saving_share(self, moment: datetime, own_usd: float) -> tuple[float, float] | None:
        """Returns between what the saving lies, as a share of the reference's cost."""
        return self._limits(moment, lambda cost, seen, _: 1 - (seen + own_usd) / cost if cost > 0 else math.nan)

    def difference(self, moment: datetime) -> tuple[float, float] | None:
        """Returns between what the mean score less that of the reference lies."""
        return self._limits(moment, lambda score, seen, n: (seen - score) / n if n else math.nan)

    def _limits(self, moment: datetime, of: Callable[[float, float, float], float]) -> tuple[float, float] | None:
        last = bisect_left(self.began, moment) - 1
        if last < 0:
            return None
        seen, n = float(self.observed[last]), float(self.n_elsewhere[last])
        ends = [of(float(reference), seen, n) for reference in self.reference[:, last]]
        return (min(ends), max(ends)) if all(map(math.isfinite, ends)) else None


def _numbered(labels: Sequence[str]) -> IntArray:
    """Returns the number of each label, from 0 in the order in which they first stand."""
    number: dict[str, int] = {}
    return np.array([number.setdefault(label, len(number)) for label in labels], dtype=np.int64)


def _sample(
    cases: Sequence[Case], session: IntArray, expected: Callable[[Case], float], observed: Callable[[Case], float]
) -> Sample:
    """Returns the log over two actions, of which another policy would always take the first: the reference."""
    nothing = np.full(len(cases), np.nan)
    return Sample(
        session=session,
        taken=np.array([not case.asks_reference for case in cases], dtype=np.int64),
        propensity=np.array([case.propensity for case in cases]),
        wanted=np.tile([1.0, 0.0], (len(cases), 1)),
        expected=np.stack([np.array([expected(case) for case in cases]), nothing], axis=1),
        observed=np.array([observed(case) for case in cases]),
    )
