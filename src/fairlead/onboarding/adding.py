"""The router with one more column: fitted anew, so that nothing about it is older than its labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fairlead.errors import TableError
from fairlead.evidence import rows_of
from fairlead.fitting import fit
from fairlead.onboarding.labels import labels_on
from fairlead.outcomes import with_model
from fairlead.policies import HullGuard
from fairlead.predictors import FewLabels
from fairlead.types import estimated_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.features.base import FeatureExtractor
    from fairlead.onboarding.labels import Label
    from fairlead.outcomes import Outcomes
    from fairlead.predictors.base import Predictor
    from fairlead.router import Router
    from fairlead.types import FloatArray, Price


def add(
    router: Router, table: Outcomes, candidate: str, labels: Sequence[Label], *, price: Price | None = None
) -> Router:
    """Returns a router that knows `candidate` from its labels, fitted on the table with the same policy and reference.

    Without any label the candidate has no predictions: it is not chosen for its quality. With few, the hull guard
    judges it by what a pessimist expects of it. Candidates that were added before keep their labels, which the router
    carries with it.

    Args:
        router: fitted on this table, or on one with the same prompts.
        table: what the other models did.
        candidate: its name.
        labels: of its answers.
        price: of its tokens; without one it is not chosen for its cost.

    Raises:
        TableError: the table lacks a prompt of the labels, or a model that the router serves.
    """
    known = _with_earlier(router, table)
    _refuse_unknown(router, known)
    train = with_model(
        known.only([model for model in router.models if model != candidate]),
        candidate,
        score=labels_on(table, labels),
        input_tokens=_input_tokens(table, labels),
        output_tokens=labels_on(table, labels, "output_tokens"),
        price=price,
    )
    policy = router.policy.policy if isinstance(router.policy, HullGuard) else router.policy
    seed = 0 if router.evidence is None else router.evidence.seed
    return fit(
        train, policy, reference=router.reference, success=_success(router), features=_features(router), seed=seed
    )


def _success(router: Router) -> Predictor | None:
    """Returns what predicts success in the router, unfitted."""
    return router.success.predictor.clone() if isinstance(router.success, FewLabels) else None


def _features(router: Router) -> FeatureExtractor | None:
    return None if router.features is None else router.features.clone()


def _input_tokens(table: Outcomes, labels: Sequence[Label]) -> FloatArray:
    """Returns (n,) input tokens: as counted, else as assumed for the prompt; NaN where there is no label."""
    given, labelled = labels_on(table, labels, "input_tokens"), ~np.isnan(labels_on(table, labels))
    assumed = np.array([estimated_tokens(len(prompt)) for prompt in table.prompts], dtype=np.float64)
    return np.where(labelled, np.where(np.isnan(given), assumed, given), np.nan)


def _with_earlier(router: Router, table: Outcomes) -> Outcomes:
    """Returns the table with the models that were added to the router before, from the router's own evidence."""
    evidence = router.evidence
    if evidence is None:
        return table
    price = {candidate.name: candidate.price for candidate in router.candidates}
    at = rows_of(evidence, table)
    for j, model in enumerate(evidence.models):
        if model not in table.column_of:
            columns = {
                name: np.where(at >= 0, getattr(evidence, name)[at, j], np.nan)
                for name in ("score", "input_tokens", "output_tokens")
            }
            table = with_model(table, model, price=price.get(model), **columns)
    return table


def _refuse_unknown(router: Router, table: Outcomes) -> None:
    for model in router.models:
        if model not in table.column_of:
            raise TableError(
                f"table `{table.name}` has no model `{model}`, which the router serves; expected the"
                " table that the router was fitted on."
            )
