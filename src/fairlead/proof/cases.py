"""What a statement needs of one ledger entry, and whether the entry is part of the experiment."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from fairlead.ledger.sources import by_kind
from fairlead.proof.counterfactual import MIN_SESSIONS, Arm
from fairlead.statistics.tails import log_spread
from fairlead.types import TOKENS_PER_MTOK, UNITS_PER_MILLION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from fairlead.ledger.base import Entry, EntryStatus, Purpose
    from fairlead.ledger.sources import Kind
    from fairlead.types import Arm as ArmName
    from fairlead.types import Attempt, Usage

CERTAIN = 1 - 1e-9
"""A chance of 1, as far as the share of the control arm and of the rest add up to it in floats."""

NOT_COMPARED = {
    "not_served": "nobody asked for it: a copy or a judge, to learn from, or a probe of a host; it is paid for",
    "opted_out": "its session asked to take part in no experiment",
    "asked_for": "the caller named the model: nothing was decided",
    "no_reference": "the reference could not serve the request: there is nothing to compare with",
    "no_session": "it belongs to no session, and so to no arm",
    "no_chance": "no control arm was drawn when it was made, so the reference had no chance",
    "unknown_cost": "its cost is not known",
    "few_controls": f"its route had fewer than {MIN_SESSIONS} sessions in one of the arms",
}
"""Why a request takes no part in the comparison of arms, in words; each is settled before or apart from the draw."""


PARTS = {
    "answer": "tokens that were written: another model answers at another length, and thinks more or less",
    "prompt": "tokens that were read anew: other tokenizers count the same words differently",
    "cache": "tokens read from a cache or written to one: each model has its own",
    "other": "searches, and whatever else is billed by the call",
}
"""The parts of the bill of one answer, in words."""

_STARTS = {"answer": "output_", "prompt": "input_", "cache": "cache_"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One request: its arm, what it cost, what was expected of the reference, how good the answer was."""

    at: datetime
    route: str
    session: str | None
    arm: ArmName
    same_in_both_arms: bool
    """The policy and the control arm both serve the reference: the logged chance of serving it is 1."""
    status: EntryStatus
    reason: str
    fault: str | None
    reference: str | None
    served: str | None
    attempts: tuple[Attempt, ...]
    cost_usd: Decimal | None
    bound_usd: Decimal | None
    """The most that it can have cost, as reserved."""
    score: float | None
    latency_s: float | None
    expected_cost_usd: float
    """Predicted cost of the reference; NaN where nothing was predicted."""
    expected_score: float
    """Predicted score of the reference; NaN where nothing was predicted."""
    naive: Mapping[str, Decimal] | None
    """The served tokens at the reference's price, by part of the bill (`PARTS`); `None` where that is not known."""
    config_hash: str
    kind: str | None
    """Kind of its task."""
    policy: str
    """What decided, in words."""
    asks_reference: bool = False
    """The reference was the one to be called first."""
    propensity: float = 1.0
    """Chance of whom that was, as logged."""
    purpose: Purpose = "serve"
    opted_out: bool = False
    team: str | None = None
    reference_score: float | None = None
    """Of the reference's answer to the same request, where somebody told it."""
    scores: Mapping[Kind, float] = field(default_factory=dict)
    """By each kind of source; `score` is that of the most trusted one."""
    reference_scores: Mapping[Kind, float] = field(default_factory=dict)
    """Of the reference's answer to the same request."""
    certificate: str | None = None
    """Id of the certificate that it was decided under."""

    @property
    def naive_usd(self) -> Decimal | None:
        """The served tokens at the reference's price."""
        return None if self.naive is None else sum(self.naive.values(), Decimal(0))

    @property
    def delivered(self) -> Attempt | None:
        """The call whose answer was delivered."""
        answers = [a for a in self.attempts if a.candidate == self.served and a.status == "ok"]
        return answers[-1] if answers else None

    @property
    def served_usd(self) -> Decimal | None:
        """What that call cost."""
        return None if self.delivered is None else self.delivered.cost_usd

    @property
    def beside(self) -> tuple[Attempt, ...]:
        """The other calls: failed, overtaken, or not good enough."""
        return tuple(attempt for attempt in self.attempts if attempt is not self.delivered)

    @property
    def barred(self) -> str | None:
        """Key of `NOT_COMPARED` that holds for this request by itself."""
        reasons = {
            "not_served": self.purpose != "serve",
            "opted_out": self.opted_out,
            "asked_for": self.reason == "asked_for",
            "no_reference": self.reference is None,
            "no_session": self.session is None,
            "no_chance": not self.asks_reference and self.propensity >= CERTAIN,
            "unknown_cost": self.cost_usd is None,
        }
        return next((reason for reason, holds in reasons.items() if holds), None)

    @classmethod
    def of(cls, entry: Entry) -> Case:
        """Returns what a statement needs of an entry."""
        expected = next((p for p in entry.predictions if p.candidate == entry.reference), None)
        return cls(
            at=entry.at,
            route=entry.route,
            session=entry.session_id,
            arm=entry.arm,
            same_in_both_arms=entry.chosen == entry.reference and entry.propensity >= CERTAIN,
            status=entry.status,
            reason=entry.reason,
            fault=entry.fault,
            reference=entry.reference,
            served=entry.served,
            attempts=entry.attempts,
            cost_usd=entry.cost_usd,
            bound_usd=entry.reserved_usd,
            score=entry.score,
            latency_s=entry.latency_s,
            expected_cost_usd=_number(expected.cost_usd if expected else None),
            expected_score=_number(expected.p_success if expected else None),
            naive=_naive(entry),
            config_hash=entry.config_hash,
            kind=entry.kind,
            policy=entry.policy,
            asks_reference=entry.chosen == entry.reference,
            propensity=entry.propensity,
            purpose=entry.purpose,
            opted_out=entry.opted_out,
            team=entry.team,
            scores=by_kind(entry.feedback),
            certificate=entry.certificate,
        )

    def by(self, kind: Kind | None) -> Case:
        """Returns the same as one kind of source scored it; `None` for whatever score counts of each answer."""
        if kind is None:
            return self
        return replace(self, score=self.scores.get(kind), reference_score=self.reference_scores.get(kind))


def without_opted_out(cases: Sequence[Case]) -> list[Case]:
    """Returns the cases; a session that opted out midway is out as a whole, whatever arm it was in."""
    gone = {case.session for case in cases if case.opted_out} - {None}
    return [replace(case, opted_out=True) if case.session in gone else case for case in cases]


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _naive(entry: Entry) -> Mapping[str, Decimal] | None:
    usage, price = _served_usage(entry.attempts), entry.reference_price
    if usage is None or price is None or price.cost_usd(usage) is None:
        return None
    found = dict.fromkeys(PARTS, Decimal(0))
    for bucket, rate in price.rates.items():
        if rate is not None and (n := getattr(usage, bucket)):
            millionths = n * rate.at(usage.total_input_tokens) * UNITS_PER_MILLION.get(bucket, 1)
            found[part_of(bucket)] += millionths / TOKENS_PER_MTOK
    return found


def part_of(bucket: str) -> str:
    """Returns the part of a bill that a bucket of usage belongs to."""
    return next((part for part, starts in _STARTS.items() if bucket.startswith(starts)), "other")


def _served_usage(attempts: Sequence[Attempt]) -> Usage | None:
    return next((attempt.usage for attempt in reversed(attempts) if attempt.status == "ok"), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """The requests of one route that can be compared.

    A session in which every request is the same in both arms needs no comparison: it saves nothing, exactly. The
    others are compared whole, since serving one request elsewhere may cost the next one its prompt cache.
    """

    policy: tuple[Case, ...]
    control: tuple[Case, ...]
    settled: tuple[Case, ...]
    """Requests of sessions that are the same in both arms."""
    outside: tuple[Case, ...] = ()
    """Such requests of a time when no control arm was drawn: they say nothing of what went elsewhere then."""

    @property
    def conclusive(self) -> bool:
        """Says whether both arms have enough sessions for an interval, or there is nothing to compare."""
        sizes = n_sessions(self.policy), n_sessions(self.control)
        return max(sizes) == 0 or min(sizes) >= MIN_SESSIONS

    @property
    def cases(self) -> tuple[Case, ...]:
        """Every request of the experiment."""
        return self.policy + self.control + self.settled

    def arm(self, name: ArmName) -> tuple[Case, ...]:
        """Returns the compared requests of an arm."""
        return self.policy if name == "policy" else self.control

    def scored(self, kind: Kind | None = None) -> Experiment:
        """Returns the part whose answers have a score, of one kind of source where it is given."""
        policy, control, settled = (
            tuple(case for case in (case.by(kind) for case in part) if case.score is not None)
            for part in (self.policy, self.control, self.settled)
        )
        return Experiment(policy=policy, control=control, settled=settled)


def experiments(cases: Sequence[Case]) -> tuple[Experiment, ...]:
    """Returns one experiment a route: control shares differ between routes, so their arms are never pooled."""
    by_route: dict[str, list[Case]] = defaultdict(list)
    undrawn = set()
    for case in cases:
        barred = case.barred
        if barred is None:
            by_route[case.route].append(case)
        elif barred == "no_chance":
            undrawn.add(case.route)
    return tuple(_experiment(by_route[route], always=route not in undrawn) for route in sorted(by_route))


def _experiment(cases: Sequence[Case], *, always: bool) -> Experiment:
    """Returns the experiment of a route; where it did not `always` draw, it lasts from the first draw to the last."""
    open_sessions = {case.session for case in cases if not case.same_in_both_arms}
    compared = [case for case in cases if case.session in open_sessions]
    same = [case for case in cases if case.session not in open_sessions]
    begin, end = min((c.at for c in compared), default=None), max((c.at for c in compared), default=None)
    inside = [always or (begin is not None and end is not None and begin <= case.at <= end) for case in same]
    return Experiment(
        policy=tuple(case for case in compared if case.arm == "policy"),
        control=tuple(case for case in compared if case.arm == "control"),
        settled=tuple(case for case, drawn in zip(same, inside, strict=True) if drawn),
        outside=tuple(case for case, drawn in zip(same, inside, strict=True) if not drawn),
    )


def n_sessions(cases: Sequence[Case]) -> int:
    """Returns the number of different sessions."""
    return len({(case.route, case.session) for case in cases if case.session is not None})


def spread_of_costs(cases: Sequence[Case]) -> float:
    """Returns the standard deviation of the logarithm of what a request costs, within each model of each route."""
    _, model = np.unique([f"{case.route}\n{case.served}" for case in cases], return_inverse=True)
    paid = np.array([float(case.cost_usd or 0) for case in cases])
    return log_spread(paid, model.astype(np.int64))


def costs(cases: Sequence[Case]) -> Arm:
    """Returns the arm of these requests by cost, USD."""
    return _arm(cases, lambda case: case.expected_cost_usd, lambda case: float(case.cost_usd or 0))


def scores(cases: Sequence[Case]) -> Arm:
    """Returns the arm of these requests by score."""
    return _arm(cases, lambda case: case.expected_score, lambda case: _number(case.score))


def _arm(cases: Sequence[Case], expected: Callable[[Case], float], observed: Callable[[Case], float]) -> Arm:
    _, session = np.unique([case.session or "" for case in cases], return_inverse=True)
    return Arm(
        session=session.astype(np.int64),
        expected=np.array([expected(case) for case in cases]),
        observed=np.array([observed(case) for case in cases]),
    )
