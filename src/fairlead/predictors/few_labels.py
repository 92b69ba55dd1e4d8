"""A model with few labels is predicted from its ability, whatever predicts the others.

A predictor of its own learns nothing from thirty labels; and where those labels were chosen, as `fairlead onboard`
chooses them, they are no fair sample: a strong model is asked hard questions, so its mean score says little. Item
response knows how hard each question is from what the other models answered, so neither harms it. What it says is how
such a model stands to the best of the others; where that one stands, the predictor knows better.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np

from fairlead.estimator import Estimator
from fairlead.predictors.base import Estimate, Predictor
from fairlead.predictors.item_response import ItemResponse
from fairlead.statistics.calibration import sigmoid

if TYPE_CHECKING:
    from fairlead.types import BoolArray, FloatArray

_NEARLY_BEST = 0.01  # of a chance: models that close to the best one count with it, so that no tie makes a jump
_EDGE = 0.005  # a predictor of its own may leave [0, 1]

_PESSIMISM = 2.0
"""Standard deviations. On two tables, with 10 to 100 random labels, the mean was still lower for 5 % of the models, all
of them among the weaker half: the prior expects an average model."""


class FewLabels(Estimator):
    """Wraps a predictor of success; models with few labels come from item response instead.

    Args:
        predictor: what predicts models with enough labels.
        few: a model has few labels where it has less than this share of those that the best-measured one has.
        items: what predicts the others.
    """

    few_: BoolArray
    """(n_models,)."""

    def __init__(self, *, predictor: Predictor, few: float = 0.25, items: ItemResponse | None = None) -> None:
        self.predictor = predictor
        self.few = few
        self.items = ItemResponse() if items is None else items

    def fit(self, x: FloatArray, y: FloatArray) -> Self:
        """Learns from `x` (n_requests, n_features) and `y` (n_requests, n_models) in [0, 1], NaN where not measured."""
        self._part(y)
        self.predictor.fit(x, y[:, ~self.few_])
        if self._any_few:
            self.items.fit(x, y)
        return self

    def fit_left_out(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Fits, and returns (n_requests, n_models) left-out predictions, NaN where not measured."""
        self._part(y)
        established = self.predictor.fit_left_out(x, y[:, ~self.few_])
        if not self._any_few:
            return established
        return self._joined(established, self._levelled(established, self.items.fit_left_out(x, y)))

    def predict(self, x: FloatArray) -> Estimate:
        """Returns mean and spread, (n_requests, n_models) each."""
        established = self.predictor.predict(x)
        if not self._any_few:
            return established
        borrowed = self.items.predict(x)
        return Estimate(
            mean=self._joined(established.mean, self._levelled(established.mean, borrowed.mean)),
            variance=self._joined(established.variance, borrowed.variance),
        )

    def predict_mean(self, x: FloatArray) -> FloatArray:
        """Returns (n_requests, n_models)."""
        established = self.predictor.predict_mean(x)
        if not self._any_few:
            return established
        return self._joined(established, self._levelled(established, self.items.predict_mean(x)))

    def lower_chances(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Returns (n_requests, n_models) what models with few labels would score, as a pessimist sees them.

        Of the prompts it was fitted on, whose demands the answers of the other models tell; a lower limit of about 95 %
        for the model's mean. NaN for models with enough labels, or with none.
        """
        lower = np.full(y.shape, np.nan)
        if not self._any_few:
            return lower
        demands = self.items.items(x, y)
        for j in np.flatnonzero(self.few_ & ~np.isnan(y).all(axis=0)):
            lower[:, j] = self.items.lower_chance(demands, self.items.ability(demands, y[:, j]), _PESSIMISM)
        return lower

    def _part(self, y: FloatArray) -> None:
        self.forget()
        n_labels = (~np.isnan(y)).sum(axis=0)
        self.few_ = n_labels < self.few * n_labels.max(initial=0)

    @cached_property
    def _any_few(self) -> bool:
        return bool(self.few_.any())

    def _levelled(self, established: FloatArray, borrowed: FloatArray) -> FloatArray:
        """Returns what item response predicts, moved to where the predictor sees the prompt."""
        return moved(borrowed, easier_by(established, borrowed[:, ~self.few_])[:, None])

    def _joined(self, established: FloatArray, borrowed: FloatArray) -> FloatArray:
        joined = borrowed.copy()
        joined[:, ~self.few_] = established
        return joined


def easier_by(seen: FloatArray, borrowed: FloatArray) -> FloatArray:
    """Returns (n,) by how many logits a predictor finds a prompt easier than item response does, for its best model.

    Whether a new model is called depends on how it stands to the best of the others, and of that item response knows
    more than two predictors do of which each knows one side: the new model would be called wherever the one happens to
    be more hopeful than the other. Measured on the best model, their disagreement cancels in the comparison.

    Args:
        seen: (n, m) chances by the predictor, NaN where a model is not known to it.
        borrowed: (n, m) chances of the same models by item response.
    """
    known = ~(np.isnan(seen) | np.isnan(borrowed))
    here = np.where(known, seen, -np.inf)
    best = np.maximum(here.max(axis=1, keepdims=True, initial=-np.inf), 0.0)
    weight = np.exp((here - best) / _NEARLY_BEST)
    apart = np.where(known, _logit(np.where(known, seen, 0.5)) - _logit(np.where(known, borrowed, 0.5)), 0.0)
    total = weight.sum(axis=1)
    return np.asarray((weight * apart).sum(axis=1) / np.where(total > 0, total, 1.0))


def moved(chance: FloatArray, logits: FloatArray) -> FloatArray:
    """Returns the chances, moved by so many logits."""
    return sigmoid(_logit(chance) + logits)


def _logit(chance: FloatArray) -> FloatArray:
    inside = np.clip(chance, _EDGE, 1.0 - _EDGE)
    return np.asarray(np.log(inside) - np.log1p(-inside))
