"""A model with few labels is predicted from its ability, whatever predicts the others.

A predictor of its own learns nothing from thirty labels; and where those labels were chosen, as `fairlead onboard`
chooses them, they are no fair sample: a strong model is asked hard questions, so its mean score says little. Item
response knows how hard each question is from what the other models answered, so neither harms it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np

from fairlead.estimator import Estimator
from fairlead.predictors.base import Estimate, Predictor
from fairlead.predictors.item_response import ItemResponse

if TYPE_CHECKING:
    from fairlead.types import BoolArray, FloatArray

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
        if self.few_.any():
            self.items.fit(x, y)
        return self

    def fit_left_out(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Fits, and returns (n_requests, n_models) left-out predictions, NaN where not measured."""
        self._part(y)
        left_out = np.full(y.shape, np.nan)
        left_out[:, ~self.few_] = self.predictor.fit_left_out(x, y[:, ~self.few_])
        if self.few_.any():
            left_out[:, self.few_] = self.items.fit_left_out(x, y)[:, self.few_]
        return left_out

    def predict(self, x: FloatArray) -> Estimate:
        """Returns mean and spread, (n_requests, n_models) each."""
        self.check_fitted("few_")
        established = self.predictor.predict(x)
        if not self.few_.any():
            return established
        borrowed = self.items.predict(x)
        return Estimate(
            mean=self._joined(established.mean, borrowed.mean), sd=self._joined(established.sd, borrowed.sd)
        )

    def predict_mean(self, x: FloatArray) -> FloatArray:
        """Returns (n_requests, n_models)."""
        self.check_fitted("few_")
        established = self.predictor.predict_mean(x)
        return self._joined(established, self.items.predict_mean(x)) if self.few_.any() else established

    def lower_chances(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Returns (n_requests, n_models) what models with few labels would score, as a pessimist sees them.

        Of the prompts it was fitted on, whose demands the answers of the other models tell; a lower limit of about 95 %
        for the model's mean. NaN for models with enough labels, or with none.
        """
        lower = np.full(y.shape, np.nan)
        if not self.few_.any():
            return lower
        demands = self.items.items(x, y)
        for j in np.flatnonzero(self.few_ & ~np.isnan(y).all(axis=0)):
            lower[:, j] = self.items.lower_chance(demands, self.items.ability(demands, y[:, j]), _PESSIMISM)
        return lower

    def _part(self, y: FloatArray) -> None:
        n_labels = (~np.isnan(y)).sum(axis=0)
        self.few_ = n_labels < self.few * n_labels.max(initial=0)

    def _joined(self, established: FloatArray, borrowed: FloatArray) -> FloatArray:
        joined = borrowed.copy()
        joined[:, ~self.few_] = established
        return joined
