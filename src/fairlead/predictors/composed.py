"""Which predictors make up a predictor of success: the quick one that serves, and the thorough one it is held against.

What each member adds, what was left out and why: design/predictors.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.predictors.calibration import Calibrated
from fairlead.predictors.clusters import Clusters
from fairlead.predictors.ensemble import Ensemble
from fairlead.predictors.factorization import Factorization
from fairlead.predictors.item_response import ItemResponse
from fairlead.predictors.knn import KNN
from fairlead.predictors.lifted import Lifted

if TYPE_CHECKING:
    from fairlead.predictors.base import Predictor

_CALIBRATION_STRENGTH = 100.0


def quick(seed: int = 0) -> Predictor:
    """Returns the predictor of the default router: about a tenth of a millisecond a request."""
    members = (Factorization(), Clusters(n_clusters=128, seed=seed), KNN(n_dims=32, max_prompts=3072, seed=seed))
    return Calibrated(predictor=Ensemble(members=members), strength=_CALIBRATION_STRENGTH)


def thorough(seed: int = 0) -> Predictor:
    """Returns the full ensemble: the best predictions we know of, at several times the cost."""
    members = (
        Lifted(predictor=Factorization(), n_landmarks=600, seed=seed),
        KNN(predictor=Lifted(predictor=Factorization(), seed=seed), k=100, strength=100.0, seed=seed),
        Clusters(n_clusters=128, seed=seed),
        KNN(max_prompts=16_384, seed=seed),
        ItemResponse(seed=seed),
    )
    return Calibrated(predictor=Ensemble(members=members), strength=_CALIBRATION_STRENGTH)
