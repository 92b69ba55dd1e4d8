"""The savings statement: what was paid, what the reference would have cost on the same requests, and was it as good.

    entries -> cases -> one experiment a route -> saving, quality        (estimates, from the control arm)
                     -> paid, models, reasons, faults                    (facts)

Everything follows from the ledger's entries alone, without any drawing, so anyone gets the same figures from them.
The estimates speak of the requests that were made, not of those to come.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Mapping  # noqa: TC003 - msgspec reads the annotations
from dataclasses import dataclass
from datetime import datetime  # noqa: TC003
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from fairlead.proof.cases import Case, Experiment, experiments, n_sessions, spread_of_costs
from fairlead.proof.comparison import Naive, Saving, naive, paid_usd, saving
from fairlead.proof.counterfactual import MIN_SESSIONS
from fairlead.proof.gap import Gap, gap
from fairlead.proof.included import Included, included
from fairlead.proof.kinds import KindRow, kind_rows
from fairlead.proof.misroute import Bound, Misroute, bound, misroute
from fairlead.proof.models import ModelRow, model_rows
from fairlead.proof.pairs import paired
from fairlead.proof.promises import Promise, promises
from fairlead.proof.quality import Quality, quality, total_score
from fairlead.proof.shares import Share, shares
from fairlead.proof.sources import sources

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from fairlead.ledger.base import CertificateEvent, Entry

Verdict = Literal[
    "saves", "costs_more", "same", "not_enough_evidence", "heavy_tail", "no_control_arm", "nothing_compared"
]

VERDICTS = {
    "saves": "Routing saved money: the whole interval of the saving lies above zero.",
    "costs_more": "Routing cost more than the reference would have: the whole interval of the saving lies below zero.",
    "same": "Routing served the reference on every request: it saved nothing, and lost nothing.",
    "not_enough_evidence": "Not enough evidence yet: a saving is not shown.",
    "heavy_tail": "No saving can be shown: costs of requests differ so widely that no interval could be trusted.",
    "no_control_arm": "No saving can be shown: no session was served by the reference at random. "
    "Set `control_share` of the route.",
    "nothing_compared": "No saving can be shown: no request takes part in the comparison; the counts below say why.",
}
"""Every verdict, in words."""

_MARGIN = re.compile(r"\bmargin=([0-9.]+(?:e[+-]?[0-9]+)?)")

MAX_LOG_SPREAD = 1.6
"""Of the logarithm of what one request costs, within models; beyond, fewer than 93 of 100 intervals hold the truth."""
MAX_SESSIONS_NEEDED = 1_000_000
"""Beyond this a difference is too small to be worth waiting for: the number is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmRow:
    """One arm as it happened."""

    n_requests: int
    n_sessions: int
    n_failed: int
    paid_usd: Decimal
    n_scored: int
    mean_score: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """Requests whose cost is not known: in no sum, and never counted as zero."""

    n_requests: int
    by_status: Mapping[str, int]
    bound_usd: Decimal | None
    """The most that they can have cost together; `None` where that is not known either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What can be claimed from a ledger, and from how much."""

    since: datetime | None
    """Time of the first request; `None` without any."""
    until: datetime | None
    """Time of the last one."""
    n_requests: int
    n_sessions: int
    references: tuple[str, ...]
    paid_usd: Decimal
    """Exact; all requests with a known cost, control arm and retries included."""
    unknown: Unknown
    policy: ArmRow
    control: ArmRow
    not_compared: Mapping[str, int]
    """Why requests take no part in the comparison -> how many."""
    verdict: Verdict
    sessions_needed: int | None
    """About how many more sessions would tell; `None` where that is settled or cannot be said."""
    saving: Saving | None
    """`None` with too few sessions in either arm, and where costs have too heavy a tail."""
    naive: Naive
    quality: Quality | None
    """`None` with too few scored sessions in either arm."""
    gap: Gap | None
    """From the naive saving to the estimated one; `None` where nothing was compared."""
    misroute: Misroute | None
    """`None` with too few scored sessions in either arm."""
    margin: float | None
    """The largest loss of quality that a policy of the period declared, in points of score; `None` for none."""
    bound: Bound
    """What became of that margin."""
    certificates: tuple[Promise, ...]
    """Those that served in the period."""
    included: Included
    models: tuple[ModelRow, ...]
    kinds: tuple[KindRow, ...]
    routes: tuple[Share, ...]
    teams: tuple[Share, ...]
    """Empty where no key belongs to a team."""
    reasons: Mapping[str, int]
    """Why a candidate was chosen -> requests."""
    faults: Mapping[str, int]
    """Class of a fault inside the router -> requests."""
    statuses: Mapping[str, int]
    n_configurations: int
    """Above 1 the arms may mix periods with different control shares: then ask for one period at a time."""
    rows_sha256: str
    """Over the hashes of all rows that it rests on, in order of their text: two statements of equal rows have it."""


def statement(entries: Iterable[Entry], events: Iterable[CertificateEvent] = ()) -> Statement:
    """Returns the statement of these entries, each of which is read once and let go of.

    Args:
        entries: of a ledger, or of an export.
        events: what happened to certificates, oldest first.
    """
    hashes: list[bytes] = []

    def read() -> Iterator[Entry]:
        for entry in entries:
            hashes.extend((link.hash or link.row).encode() for link in entry.links)
            yield entry

    every = sorted(paired(read()), key=lambda case: case.at)
    return _stated(every, events, rows_sha256=hashlib.sha256(b"\n".join(sorted(hashes))).hexdigest())


def _stated(every: Sequence[Case], events: Iterable[CertificateEvent], *, rows_sha256: str) -> Statement:
    cases = [case for case in every if case.purpose == "serve"]
    trials = experiments(cases)
    wild, own = too_heavy(trials), [case for case in every if case.purpose != "serve"]
    said_by, certificates = sources(trials), promises(cases, events)
    margin = declared_margin(cases, certificates)
    saved, valued = None if wild else saving(trials, paid_usd(own)), quality(trials, said_by)
    policy, control = (
        [case.by(said_by.kind) for trial in trials for case in trial.cases if case.arm == a]
        for a in ("policy", "control")
    )
    return Statement(
        since=every[0].at if every else None,
        until=every[-1].at if every else None,
        n_requests=len(cases),
        n_sessions=n_sessions(cases),
        references=tuple(sorted({case.reference for case in cases if case.reference is not None})),
        paid_usd=paid_usd(every),
        unknown=_unknown([case for case in every if case.cost_usd is None]),
        policy=_arm_row(policy),
        control=_arm_row(control),
        not_compared=_not_compared(every, trials),
        verdict=_verdict(saved, cases, trials, wild=wild),
        sessions_needed=None if wild else _sessions_needed(saved, trials),
        saving=saved,
        naive=naive(_repriced(cases, trials)),
        quality=valued,
        gap=None if wild else gap(trials, paid_usd(own)),
        misroute=misroute(trials, said_by.kind),
        margin=margin,
        bound=bound(valued.difference if valued else None, margin),
        certificates=certificates,
        included=included(cases, own),
        models=model_rows(cases),
        kinds=kind_rows(cases),
        routes=shares(cases, lambda case: case.route, said_by),
        teams=shares(cases, lambda case: case.team, said_by),
        reasons=Counter(case.reason for case in cases),
        faults=Counter(case.fault for case in cases if case.fault is not None),
        statuses=Counter(case.status for case in cases),
        n_configurations=len({case.config_hash for case in cases}),
        rows_sha256=rows_sha256,
    )


def _repriced(cases: Sequence[Case], trials: Sequence[Experiment]) -> list[Case]:
    """Returns the requests whose naive saving stands beside the estimate; without one, all that went a policy's way."""
    known = [case for trial in trials if trial.conclusive for case in trial.cases if case.arm == "policy"]
    return known or [case for case in cases if case.arm == "policy" and case.barred in {None, "no_chance"}]


def declared_margin(cases: Iterable[Case], certificates: Iterable[Promise] = ()) -> float | None:
    """Returns the largest margin that was declared for these requests; `None` for none.

    Where a certificate served it is the certificate's, whose policies may aim at less; else the policy's own.
    """
    promised = {promise.certificate: promise.margin for promise in certificates if promise.margin is not None}
    served = {(case.policy, promised.get(case.certificate or "")) for case in cases}
    margins = [[margin] if margin is not None else map(float, _MARGIN.findall(policy)) for policy, margin in served]
    return max((margin for found in margins for margin in found), default=None)


def _arm_row(cases: Sequence[Case]) -> ArmRow:
    n_scored = sum(case.score is not None for case in cases)
    return ArmRow(
        n_requests=len(cases),
        n_sessions=n_sessions(cases),
        n_failed=sum(case.status == "failed" for case in cases),
        paid_usd=paid_usd(cases),
        n_scored=n_scored,
        mean_score=total_score(cases) / n_scored if n_scored else None,
    )


def _unknown(cases: Sequence[Case]) -> Unknown:
    bounds = [case.bound_usd for case in cases]
    known = [bound for bound in bounds if bound is not None]
    return Unknown(
        n_requests=len(cases),
        by_status=Counter(case.status for case in cases),
        bound_usd=sum(known, Decimal(0)) if len(known) == len(bounds) else None,
    )


def _not_compared(cases: Sequence[Case], trials: Sequence[Experiment]) -> Mapping[str, int]:
    barred = Counter(case.barred for case in cases if case.barred is not None)
    few = sum(len(trial.cases) for trial in trials if not trial.conclusive)
    outside = sum(len(trial.outside) for trial in trials)
    return barred + Counter({"few_controls": few, "no_chance": outside})


def too_heavy(trials: Sequence[Experiment]) -> bool:
    """Says whether costs have too heavy a tail: by all requests, not by the few that an estimate would rest on."""
    return spread_of_costs([case for trial in trials for case in (*trial.policy, *trial.control)]) > MAX_LOG_SPREAD


def _verdict(saved: Saving | None, cases: Sequence[Case], trials: Sequence[Experiment], *, wild: bool) -> Verdict:
    found = _not_told(cases, trials, wild=wild)
    if found is not None:
        return found
    only_reference = saved is not None and saved.n_policy_sessions == 0
    if saved is None or (only_reference and not all(trial.conclusive for trial in trials)):
        return "not_enough_evidence"
    if only_reference and not saved.own_usd:
        return "same"
    if saved.saving_usd.low > 0:
        return "saves"
    return "costs_more" if saved.saving_usd.high < 0 else "not_enough_evidence"


def _not_told(cases: Sequence[Case], trials: Sequence[Experiment], *, wild: bool) -> Verdict | None:
    """Returns why no amount of such requests would tell; `None` where it might."""
    elsewhere = any(trial.policy for trial in trials) or any(case.barred == "no_chance" for case in cases)
    if elsewhere and not any(trial.control for trial in trials):
        return "no_control_arm"
    if cases and not any(trial.cases for trial in trials):
        return "nothing_compared"
    return "heavy_tail" if wild else None


def _sessions_needed(saved: Saving | None, trials: Sequence[Experiment]) -> int | None:
    """Returns about how many more sessions would tell: half an interval shrinks with the root of their number."""
    sizes = [(n_sessions(trial.policy), n_sessions(trial.control)) for trial in trials]
    if saved is None or saved.n_policy_sessions == 0:
        needs = [sum(size) * (MIN_SESSIONS / min(size) - 1) for size in sizes if min(size) > 0]
        return math.ceil(min(needs)) if needs else None
    interval = saved.saving_usd
    if not interval.low <= 0 <= interval.high or interval.value == 0:
        return None
    n_now = saved.n_policy_sessions + saved.n_control_sessions
    needed = math.ceil(n_now * (((interval.high - interval.low) / 2 / abs(interval.value)) ** 2 - 1))
    return max(needed, 1) if needed <= MAX_SESSIONS_NEEDED else None
