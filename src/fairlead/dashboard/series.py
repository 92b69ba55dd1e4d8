"""Spend, saving and quality over time: what was paid in each slice, and what could be stated at its end."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from fairlead.proof.cases import experiments
from fairlead.proof.comparison import paid_usd, quality, saving

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from fairlead.proof.cases import Case
    from fairlead.statistics.bootstrap import Interval

N_SLICES = 24
MIN_SLICE = timedelta(minutes=1)


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


class Slice(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the period; estimates rest on everything from the start of the period to the end of the slice."""

    end: int
    """Unix time, seconds."""
    n_requests: int
    policy_usd: float
    control_usd: float
    own_usd: float
    """Of judges and shadow copies."""
    saving_share: Estimate | None
    quality: Estimate | None


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """The slices of a period, in order."""

    slices: tuple[Slice, ...]
    step_s: float


def series(cases: Sequence[Case]) -> Series:
    """Returns the slices between the first and the last of these cases, which are in order of time."""
    if not cases:
        return Series(slices=(), step_s=0.0)
    start, end = cases[0].at, cases[-1].at
    step = max((end - start) / N_SLICES, MIN_SLICE)
    ends = [start + step * (i + 1) for i in range(N_SLICES) if start + step * i <= end]
    slices, begin = [], 0
    for moment in ends:
        stop = begin + _n_before(cases[begin:], moment, last=moment is ends[-1])
        slices.append(_slice(moment, cases[begin:stop], cases[:stop]))
        begin = stop
    return Series(slices=tuple(slices), step_s=step.total_seconds())


def _n_before(cases: Sequence[Case], moment: datetime, *, last: bool) -> int:
    return len(cases) if last else sum(case.at < moment for case in cases)


def _slice(end: datetime, inside: Sequence[Case], so_far: Sequence[Case]) -> Slice:
    asked = [case for case in inside if case.purpose == "serve"]
    trials = experiments(so_far)
    saved, valued = saving(trials), quality(trials)
    return Slice(
        end=int(end.timestamp()),
        n_requests=len(asked),
        policy_usd=float(paid_usd(case for case in asked if case.arm == "policy")),
        control_usd=float(paid_usd(case for case in asked if case.arm == "control")),
        own_usd=float(paid_usd(case for case in inside if case.purpose != "serve")),
        saving_share=_estimate(saved.saving_share if saved else None),
        quality=_estimate(valued.difference if valued else None),
    )


def _estimate(interval: Interval | None) -> Estimate | None:
    return None if interval is None else Estimate(value=interval.value, low=interval.low, high=interval.high)
