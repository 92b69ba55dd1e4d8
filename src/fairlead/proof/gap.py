"""Why re-pricing is wrong, and by how much: the naive saving led over to the estimated one, part by part.

    naive saving of the policy arm
      + what the reference would have paid for each part of its own answers, above the served tokens at its price
      + its own retries and failed calls, which re-pricing does not know
      - what it claims of requests that are the same in both arms: those save nothing, exactly
      - what was paid for requests that cannot be re-priced, and for judges, shadows and probes
      = estimated saving

Each part is carried over from the control arm by the fit of `counterfactual.project` on the same expected cost. Least
squares is linear in what it explains, so the parts add up to the estimate, to the last digit of the arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from fairlead.proof.cases import PARTS, Case, Experiment, costs
from fairlead.proof.counterfactual import Total, project
from fairlead.statistics.bootstrap import Interval

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROUNDING_USD = 1e-11
"""Steps of less are the rounding of sums, and left out."""
STEPS = {
    **PARTS,
    "retries": "calls of the reference that failed or were made twice, and whoever stood in for it",
    "same": "requests that are the same in both arms: whatever re-pricing makes of them, they save nothing",
    "own": "paid for judges, shadows and probes",
    "not_priced": "paid for requests whose tokens, or whose price at the reference, are not known",
}
"""Every step from the naive figure to the estimate, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one thing adds to the naive saving."""

    name: str
    """`answer`, `prompt`, `cache`, `other`, `retries`, `same`, `own` or `not_priced`."""
    usd: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """The way from the naive saving to the estimated one, over the policy arm of the compared routes."""

    naive_saving_usd: Decimal
    steps: tuple[Step, ...]
    saving_usd: float
    """The estimate: the naive figure and all steps together."""


def gap(trials: Sequence[Experiment], own_usd: Decimal = Decimal(0)) -> Gap | None:
    """Returns the way over all conclusive experiments; `None` where there is nothing to compare.

    Args:
        trials: the experiments.
        own_usd: see `comparison.saving`.
    """
    trials = [trial for trial in trials if trial.conclusive and trial.policy]
    if not trials:
        return None
    priced = [case for trial in trials for case in trial.policy if case.naive is not None]
    unpriced = [case for trial in trials for case in trial.policy if case.naive is None]
    steps = [_step(part, trials) for part in PARTS]
    steps.append(Step(name="retries", usd=_carried(trials, _beside)))
    same = [case for trial in trials for case in trial.settled if case.arm == "policy" and case.naive is not None]
    steps.append(Step(name="same", usd=_exact(-float(sum(map(_saved, same))))))
    steps.append(Step(name="own", usd=_exact(-float(own_usd))))
    steps.append(Step(name="not_priced", usd=_exact(-sum(float(case.cost_usd or 0) for case in unpriced))))
    naive = sum((_saved(case) for case in (*priced, *same)), Decimal(0))
    told = [step for step in steps if max(abs(step.usd.low), abs(step.usd.high)) > ROUNDING_USD]
    return Gap(
        naive_saving_usd=naive, steps=tuple(told), saving_usd=float(naive) + sum(step.usd.value for step in told)
    )


def _step(part: str, trials: Sequence[Experiment]) -> Step:
    served = sum(_part(case, part) for trial in trials for case in trial.policy)
    usd = _carried(trials, lambda case: _own(case, part))
    return Step(name=part, usd=Interval(value=usd.value - served, low=usd.low - served, high=usd.high - served))


def _carried(trials: Sequence[Experiment], observed: Callable[[Case], float]) -> Interval:
    """Returns what the reference would have paid on the requests of the policy arm, by what it paid in the other."""
    totals = []
    for trial in trials:
        known = replace(costs(trial.control), observed=np.array([observed(case) for case in trial.control]))
        totals.append(project(known, costs(trial.policy)))
    return sum(totals, Total(value=0.0, variance=0.0, n_sessions=0)).interval()


def _own(case: Case, part: str) -> float:
    """Returns a part of the answer's bill where the reference itself gave it; whoever stands in is not re-priced."""
    return _part(case, part) if case.served == case.reference else 0.0


def _beside(case: Case) -> float:
    """Returns what a request cost above the parts of the reference's own answer."""
    return float(case.cost_usd or 0) - sum(_own(case, part) for part in PARTS)


def _part(case: Case, part: str) -> float:
    return 0.0 if case.naive is None else float(case.naive[part])


def _saved(case: Case) -> Decimal:
    return (case.naive_usd or Decimal(0)) - (case.cost_usd or Decimal(0))


def _exact(value: float) -> Interval:
    return Interval(value=value, low=value, high=value)
