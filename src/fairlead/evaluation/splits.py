"""All methods on a table: fitted on one part, judged on the other, over several splits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fairlead.evaluation.baselines import baselines, best_model, cheapest_model
from fairlead.evaluation.judging import conclude
from fairlead.evaluation.methods import Routed
from fairlead.evaluation.metrics import Resampling
from fairlead.evaluation.robustness import flip_rates
from fairlead.evaluation.trials import complete_rows, measured_models, run
from fairlead.fitting import fit
from fairlead.policies import HullGuard, Threshold, Thrifty, Utility

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fairlead.evaluation.judging import Evaluation
    from fairlead.evaluation.methods import Method
    from fairlead.evaluation.robustness import Flips
    from fairlead.outcomes import Outcomes
    from fairlead.policies.base import Policy
    from fairlead.router import Router

MARGINS = (0.0, 0.005, 0.02, 0.05)
CUTS = (0.5, 0.7, 0.9)
WEAK_COST = 0.2
"""The cheaper model of a threshold is the best of those that cost at most so much of the reference."""
WORTHS = (3, 30, 300)
"""What a right answer is worth, in mean costs of a reference call."""


def evaluate_splits(
    table: Outcomes,
    *,
    policy: Policy | None = None,
    seeds: Iterable[int] = range(5),
    fraction: float = 0.7,
    n_boot: int = 1000,
    n_perturbed: int = 0,
) -> Evaluation:
    """Returns the figures of all methods, pooled over splits by question.

    The intervals resample questions over all splits together: a question tested twice is no second piece of evidence.

    Args:
        table: outcomes; only models measured together take part.
        policy: of the guarded router; the default one where not given.
        seeds: one split each, and all that is drawn in it.
        fraction: share of the prompts that methods are fitted on.
        n_boot: number of resamples behind each interval.
        n_perturbed: so many prompts of the first split show how steady its router's choices are.

    Raises:
        TableError: the table is too small to be split, or has no prompt that all models were measured on.
    """
    judged = table.only(measured_models(table))
    resampling = Resampling(n_boot=n_boot)
    trials, references, flips = [], [], None
    for seed in seeds:
        train, test = judged.split(fraction, seed)
        methods, reference = contenders(train, policy, seed=seed)
        listed = [*methods, *baselines(complete_rows(train))]
        trials.append(run(listed, complete_rows(test), reference=reference, seed=seed))
        references.append(reference)
        if flips is None:
            flips = _flips(methods[0], train, test, resampling, n_perturbed)
    return replace(conclude(trials, table, references=references, resampling=resampling), flips=flips or ())


def _flips(method: Method, train: Outcomes, test: Outcomes, resampling: Resampling, n: int) -> tuple[Flips, ...]:
    if n == 0 or not isinstance(method, Routed):
        return ()
    return flip_rates(method.router, train, test, resampling, n_prompts=n)


def contenders(train: Outcomes, policy: Policy | None = None, *, seed: int) -> tuple[list[Method], str]:
    """Returns routers fitted on a table, the guarded one first, and the reference they share."""
    reference = best_model(complete_rows(train))
    router = fit(train, policy, reference=reference, seed=seed)
    guarded = Routed(router=router, name="router, guarded")
    points = operating_points(train, reference)
    return [
        guarded,
        *(Routed(router=_unguarded(router, policy), name=name) for name, policy in points.items()),
    ], reference


def _unguarded(router: Router, policy: Policy) -> Router:
    """Returns the router with what the policy learns from the training prompts, whether it may serve or not."""
    judged = router.judged(policy)
    return replace(router, policy=judged.policy if isinstance(judged, HullGuard) else judged)


def operating_points(train: Outcomes, reference: str) -> Mapping[str, Policy]:
    """Returns name -> policy, none of them guarded: together they draw the frontier."""
    points: dict[str, Policy] = {f"cost, margin {margin:g}": Thrifty(margin=margin) for margin in MARGINS}
    weak = weak_model(train, reference)
    if weak is None:
        return points
    reference_usd = float(np.nanmean(train.cost_usd[:, train.column_of[reference]]))
    for worth in WORTHS:
        points[f"utility, {worth} x reference"] = Utility(willingness_to_pay_usd=worth * reference_usd)
    for cut in CUTS:
        points[f"threshold, cut {cut:g}"] = Threshold(strong=reference, weak=weak, cut=cut)
    return points


def weak_model(train: Outcomes, reference: str) -> str | None:
    """Returns the best of the models that are far cheaper than the reference, else the cheapest one.

    `None` where the reference's cost is unknown.
    """
    known = complete_rows(train)
    cost_usd, score = known.cost_usd.mean(axis=0), known.score.mean(axis=0)
    if np.isnan(cost_usd[known.column_of[reference]]):
        return None
    far_cheaper = cost_usd <= WEAK_COST * cost_usd[known.column_of[reference]]
    if not far_cheaper.any():
        return cheapest_model(known)
    return known.models[int(np.where(far_cheaper, score, -np.inf).argmax())]
