"""Four ways to say what another policy would have come to on the requests of a log.

    dm      the model's word for every request                                 wrong where the model is
    ips     what happened where both policies agree, by its weight             right on average, and wide
    snips   the same, as a mean by weight                                      nearly right, and narrower
    dr      the model's word, mended by its errors where both agree            right where weights are, narrow where the
                                                                               model is good

All are one sum: model(wanted) + weight * (observed - model(taken)). `ips` has no model, `snips` the mean for one, and
`dm` leaves the second part out. `dr` asks a model that was fitted to other sessions (cross-fitting).

The estimand is the very requests of the log, so only what was left to chance is uncertain: where an action was certain
the sum is exact. `design/estimators.md` has the coverage of every interval.

References:
    Dudík, Langford and Li, Doubly robust policy evaluation and learning, 2011, arXiv:1103.4601. Swaminathan and
    Joachims, The self-normalized estimator for counterfactual learning, 2015. Chernozhukov et al., Double/debiased
    machine learning, 2018, arXiv:1608.00060 (cross-fitting). Särndal, Swensson and Wretman, Model Assisted Survey
    Sampling, 1992, chapter 3.2 (the variance of a sum over a random sample of fixed values).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from fairlead.proof.counterfactual import Total
from fairlead.proof.off_policy.outcome_model import OutcomeModel
from fairlead.proof.off_policy.spread import variance

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairlead.proof.off_policy.sample import Sample
    from fairlead.statistics.bootstrap import Interval
    from fairlead.types import FloatArray

Estimator = Literal["dm", "ips", "snips", "dr"]

N_FOLDS = 5
N_GROUPS = 20
"""Groups of sessions that `dm` leaves out by turns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The mean of a request under the other policy."""

    estimator: Estimator
    total: Total
    n_requests: int

    def interval(self, *, positive: bool = False, confidence: float = 0.95) -> Interval:
        """Returns mean and two-sided interval.

        Args:
            positive: it cannot be negative and is likely skewed, as costs are.
            confidence: of both sides together.
        """
        return self.total.interval(scale=self.n_requests, positive=positive, confidence=confidence)


def estimate(sample: Sample, estimator: Estimator = "dr", *, bounds: tuple[float, float] | None = None) -> Estimate:
    """Returns what the other policy would have come to, by one of `ESTIMATORS`.

    Args:
        sample: at least one request.
        estimator: which.
        bounds: of one observation, where it has any, such as a score's 0 and 1.
    """
    return Estimate(estimator=estimator, total=ESTIMATORS[estimator](sample, bounds), n_requests=len(sample))


def _dm(sample: Sample, bounds: tuple[float, float] | None) -> Total:  # noqa: ARG001 - one signature for all
    """Returns the model's word; its variance leaves out groups of sessions by turns."""
    model, group = OutcomeModel(sample), sample.session % N_GROUPS
    moments = model.moments(group, N_GROUPS)
    value = float(model.of_wanted(model.fitted(moments.sum(axis=0))).sum())
    without = np.array(
        [float(model.of_wanted(model.fitted(moments.sum(axis=0) - moments[i])).sum()) for i in range(N_GROUPS)]
    )
    spread = (N_GROUPS - 1) / N_GROUPS * float(((without - without.mean()) ** 2).sum())
    return Total(value=value, variance=spread, n_sessions=_degrees(sample))


def _ips(sample: Sample, bounds: tuple[float, float] | None) -> Total:
    nothing = np.zeros(len(sample))
    return mended(sample, nothing, nothing, bounds)


def _snips(sample: Sample, bounds: tuple[float, float] | None) -> Total:
    weight = sample.weight
    mean = float(weight @ sample.observed / weight.sum()) if weight.any() else 0.0
    at_mean = np.full(len(sample), mean)
    return mended(sample, at_mean, at_mean, bounds)


def _dr(sample: Sample, bounds: tuple[float, float] | None) -> Total:
    model, fold = OutcomeModel(sample), sample.session % N_FOLDS
    moments = model.moments(fold, N_FOLDS)
    beta = np.stack([model.fitted(moments.sum(axis=0) - moments[i]) for i in range(N_FOLDS)])[fold]
    return mended(sample, model.of_taken(beta), model.of_wanted(beta), bounds)


ESTIMATORS: dict[Estimator, Callable[[Sample, tuple[float, float] | None], Total]] = {
    "dm": _dm,
    "ips": _ips,
    "snips": _snips,
    "dr": _dr,
}
"""Name -> the sum over all requests, with its variance."""


def mended(
    sample: Sample, of_taken: FloatArray, of_wanted: FloatArray, bounds: tuple[float, float] | None = None
) -> Total:
    """Returns the sum of a model's word and of its weighted errors.

    The variance is that of the draws, sessions as a whole, as if one more session had been seen, as far off as any.

    Args:
        sample: the log.
        of_taken: (n,) what the model says of the action that was taken.
        of_wanted: (n,) of the other policy's.
        bounds: of one observation, where it has any.
    """
    error = sample.weight * (sample.observed - of_taken)
    return Total(
        value=float((of_wanted + error).sum()),
        variance=float(variance(sample, of_taken, of_wanted, bounds=bounds)[-1]),
        n_sessions=_degrees(sample),
    )


def _degrees(sample: Sample) -> int:
    return int(sample.effective[-1] + 1e-6)
