"""Numbers in, a prediction per candidate out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.predictors.calibration import Calibrated
from fairlead.predictors.clusters import Clusters
from fairlead.predictors.ensemble import Ensemble
from fairlead.predictors.factorization import Factorization
from fairlead.predictors.few_labels import FewLabels
from fairlead.predictors.input_tokens import InputTokens
from fairlead.predictors.item_response import ItemResponse
from fairlead.predictors.knn import KNN
from fairlead.predictors.latency import Latency
from fairlead.predictors.lifted import Lifted
from fairlead.predictors.linear import Linear
from fairlead.predictors.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.predictors.base import Predictor

__all__ = [
    "AMOUNTS",
    "KNN",
    "PREDICTORS",
    "Calibrated",
    "Clusters",
    "Ensemble",
    "Factorization",
    "FewLabels",
    "InputTokens",
    "ItemResponse",
    "Latency",
    "Lifted",
    "Linear",
    "Tokens",
]

PREDICTORS: Mapping[str, type[Predictor]] = {
    predictor.__name__: predictor
    for predictor in (
        Linear,
        Clusters,
        KNN,
        Factorization,
        ItemResponse,
        FewLabels,
        Lifted,
        Ensemble,
        Calibrated,
        Tokens,
        Latency,
    )
}
"""Name -> predictor: what an artifact may name, and what the contract tests run."""

AMOUNTS: Mapping[str, type[InputTokens]] = {InputTokens.__name__: InputTokens}
"""Name -> what predicts from the length of a request alone; an artifact may name it."""
