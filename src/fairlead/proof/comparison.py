"""The two arms against each other: what the reference would have cost on the same requests."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from fairlead.proof.cases import Case, Experiment, costs, n_sessions
from fairlead.proof.counterfactual import Total, project
from fairlead.statistics.bootstrap import Interval

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Saving:
    """Compared requests only: what they cost, and what the reference would have cost on them."""

    paid_usd: Decimal
    """Exact; both arms, retries included."""
    n_policy_sessions: int
    n_control_sessions: int
    """Sessions that the estimate rests on."""
    n_settled: int
    """Requests of sessions that are the same in both arms: they save nothing, exactly."""
    own_usd: Decimal
    """Exact; what judges, shadows and probes of the whole period cost: nobody would have paid it for the reference."""
    reference_usd: Interval
    saving_usd: Interval
    """Reference minus `paid_usd` minus `own_usd`; negative where routing cost more."""
    saving_share: Interval
    """The same, as a share of the reference's cost."""
    control_extra_usd: Interval
    """What the control arm cost above what the policy would have cost on its requests: the price of the proof."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Naive:
    """The usual claim, for comparison: the tokens that the chosen model used, at the reference's price.

    It is no counterfactual: the reference would have used another number of tokens, and other retries.
    """

    n_requests: int
    """Requests of the policy arm with known tokens and a known price of the reference."""
    paid_usd: Decimal
    reference_usd: Decimal
    saving_usd: Decimal


def saving(trials: Sequence[Experiment], own_usd: Decimal = Decimal(0)) -> Saving | None:
    """Returns the saving over all conclusive experiments; `None` where there is none.

    Args:
        trials: the experiments.
        own_usd: what the gateway spent of itself, on judges, shadows and probes.
    """
    trials = [trial for trial in trials if trial.conclusive and trial.cases]
    if not trials:
        return None
    paid = paid_usd(case for trial in trials for case in trial.cases)
    policy, control = ([case for trial in trials for case in trial.arm(name)] for name in ("policy", "control"))
    unseen = _total(project(costs(t.control), costs(t.policy)) for t in trials if t.policy).interval(positive=True)
    unproven = _total(project(costs(t.policy), costs(t.control)) for t in trials if t.policy).interval(positive=True)
    seen, spent = float(paid - paid_usd(policy)), float(paid + own_usd)
    return Saving(
        paid_usd=paid,
        n_policy_sessions=n_sessions(policy),
        n_control_sessions=n_sessions(control),
        n_settled=sum(len(trial.settled) for trial in trials),
        own_usd=own_usd,
        reference_usd=_mapped(unseen, lambda usd: seen + usd),
        saving_usd=_mapped(unseen, lambda usd: seen + usd - spent),
        saving_share=_mapped(unseen, lambda usd: 1 - spent / (seen + usd) if seen + usd else 0.0),
        control_extra_usd=_mapped(unproven, lambda usd: float(paid_usd(control)) - usd),
    )


def naive(cases: Iterable[Case]) -> Naive:
    """Returns the usual claim over the requests of a policy arm."""
    known = [
        (case.cost_usd, case.naive_usd) for case in cases if case.cost_usd is not None and case.naive_usd is not None
    ]
    paid = sum((cost for cost, _ in known), Decimal(0))
    reference = sum((usd for _, usd in known), Decimal(0))
    return Naive(n_requests=len(known), paid_usd=paid, reference_usd=reference, saving_usd=reference - paid)


def paid_usd(cases: Iterable[Case]) -> Decimal:
    """Returns what these requests cost, exact; a request whose cost is unknown is in no sum."""
    return sum((case.cost_usd for case in cases if case.cost_usd is not None), Decimal(0))


def _total(totals: Iterable[Total]) -> Total:
    return sum(totals, Total(value=0.0, variance=0.0, n_sessions=0))


def _mapped(interval: Interval, f: Callable[[float], float]) -> Interval:
    """Returns the interval of a quantity that rises or falls with the first one throughout."""
    low, high = sorted((f(interval.low), f(interval.high)))
    return Interval(value=f(interval.value), low=low, high=high)
