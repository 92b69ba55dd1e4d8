"""A fitted router from a table of outcomes.

    prompts -features-> x -success-> chances       each also out of fold: the evidence
                          -Tokens-> tokens
                          -Latency-> seconds, where the table has them
    evidence -hull guard-> the policy, or the fixed choice that it was not shown to beat

Out of fold means that nothing, the features included, was fitted on the prompt that is predicted, nor on another prompt
that asks the same question.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from fairlead.errors import TableError
from fairlead.evidence import Evidence, answer_numbers, prompt_hashes
from fairlead.features import Demands, Ngrams, PromptFeatures
from fairlead.outcomes.questions import question_key
from fairlead.policies import Floor, Thrifty
from fairlead.predictors import Factorization, FewLabels, InputTokens, Latency, Tokens
from fairlead.predictors.composed import quick
from fairlead.router import Router
from fairlead.statistics.grids import complete_grid
from fairlead.types import assumed_tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.features.base import FeatureExtractor
    from fairlead.outcomes import Outcomes
    from fairlead.policies.base import Policy
    from fairlead.predictors.base import Predictor, QuantilePredictor
    from fairlead.types import FloatArray, IntArray

N_FOLDS = 5


def fit(
    train: Outcomes,
    policy: Policy | None = None,
    *,
    reference: str | None = None,
    success: Predictor | None = None,
    features: FeatureExtractor | None = None,
    prior: Literal["shipped"] | None = None,
    seed: int = 0,
) -> Router:
    """Returns a router fitted on `train`, its policy under a hull guard.

    Args:
        train: prompts by models.
        policy: what it decides by; `Thrifty(margin=0.01)` where not given.
        reference: the model that the user trusts. Else the one that a `Floor` names, else the best model of the table.
        success: what predicts the chance of success, unfitted; `predictors.composed.quick` where not given, which
            decides within the time that a request may wait, and `thorough` is the best there is.
        features: what a prompt is turned into, unfitted; `PromptFeatures()` where not given.
        prior: `shipped` adds what public outcome tables taught of a prompt's demands to the features, where none are
            given; it may help a little where prompts are few, see `docs/prior.md`. Leave it out where methods are
            compared on the tables that it was made of.
        seed: of folds, projections and resamples.

    Raises:
        TableError: the table has no such model, or fewer than two different questions.
    """
    policy = Thrifty() if policy is None else policy
    reference = _reference(train, reference or (policy.reference if isinstance(policy, Floor) else None))
    success = quick(seed) if success is None else success
    if prior is not None and features is None:
        features = PromptFeatures(ngrams=Ngrams(seed=seed), demands=Demands())
    parts = _Parts.fitted(train, success, seed, features)
    router = Router(
        candidates=train.candidates(),
        reference=reference,
        policy=policy,
        models=train.models,
        features=parts.features,
        success=parts.success,
        tokens=parts.tokens,
        input_tokens=parts.input_tokens,
        latency=parts.latency,
        evidence=gather(train, seed, success=success, features=features, assumed=parts.assumed(train)),
    )
    return router.bind(router.candidates, reference=reference, policy=router.judged(policy))


def _reference(train: Outcomes, asked: str | None) -> str:
    """Returns the model that is held to, of a table that a router can be fitted on."""
    n_questions = len(set(_questions(train)))
    if n_questions < 2:
        raise TableError(
            f"table `{train.name}` asks {n_questions} different question{'' if n_questions == 1 else 's'}; expected at "
            "least two to learn from. Add prompts; a few hundred show something."
        )
    reference = asked or best_model(train)
    if reference not in train.models:
        listed = ", ".join(f"`{model}`" for model in train.models)
        raise TableError(f"table `{train.name}` has no model `{reference}`; expected a reference among {listed}.")
    return reference


def gather(
    train: Outcomes,
    seed: int,
    *,
    success: Predictor | None = None,
    features: FeatureExtractor | None = None,
    assumed: FloatArray | None = None,
) -> Evidence:
    """Returns what the table shows about routers fitted on it, by cross-validation.

    Args:
        train: prompts by models.
        seed: of folds and projections.
        success: as `fit` takes it.
        features: as `fit` takes them.
        assumed: (n, m) scores to judge by where nothing was measured; see `Evidence.assumed`.
    """
    question = _questions(train)
    fold = (np.random.default_rng(seed).permutation(question.max() + 1) % N_FOLDS)[question]
    predicted: dict[str, FloatArray] = {}
    for held_out in np.unique(fold):
        inside = fold == held_out
        parts = _Parts.fitted(train.rows(~inside), success or quick(seed), seed, features)
        for name, values in _predicted(parts, train.rows(inside)).items():
            predicted.setdefault(name, np.full(train.score.shape, np.nan))[inside] = values
    return _evidence(train, predicted, seed=seed, assumed=assumed)


def calibrated(router: Router, held_out: Outcomes) -> Router:
    """Returns the router with what it predicts of outcomes that it was not fitted on: what a certificate needs.

    Args:
        router: as `fit` returns it.
        held_out: outcomes of its models, on questions that nothing was fitted on.

    Raises:
        TableError: the router was fitted on one of the prompts, or the table lacks one of its models.
    """
    if router.evidence is None or router.features is None or router.success is None:
        raise TableError("the router was not fitted: there is nothing to certify. Fit it on other outcomes first.")
    if n_seen := int(router.evidence.saw(held_out.prompts).sum()):
        raise TableError(
            f"the router was fitted on {n_seen:,} of the prompts of table `{held_out.name}`; expected outcomes that it "
            "has not seen. Split the table before fitting."
        )
    held_out = held_out.only(router.models)
    evidence = _evidence(held_out, _predicted(router, held_out), seed=router.evidence.seed)
    return replace(router, calibration=evidence)


def _predicted(by: _Parts | Router, table: Outcomes) -> dict[str, FloatArray]:
    """Returns what is predicted of each prompt and model of a table, (n, m), by its name in `Evidence`."""
    assert by.features is not None  # of a router that was fitted
    assert by.success is not None
    x = by.features.transform(table.requests)
    chance, unknown = by.success.predict(x), np.full(table.score.shape, np.nan)
    assumed = assumed_tokens(table.requests)
    return {
        "p_success": chance.mean,
        "p_success_sd": chance.sd,
        "predicted_tokens": unknown if by.tokens is None else by.tokens.predict_mean(x),
        "predicted_input_tokens": unknown if by.input_tokens is None else by.input_tokens.predict(assumed),
        "predicted_latency_p95_s": unknown if by.latency is None else by.latency.predict_quantile(x, 0.95),
    }


def _evidence(
    table: Outcomes, predicted: Mapping[str, FloatArray], *, seed: int, assumed: FloatArray | None = None
) -> Evidence:
    """Returns what was predicted of a table beside what was measured."""
    answers, answer_form = answer_numbers(table)
    return Evidence(
        table=table.name,
        data_hash=table.data_hash,
        seed=seed,
        models=table.models,
        question=_questions(table),
        prompt_hash=prompt_hashes(table.prompts),
        score=table.score,
        input_tokens=table.input_tokens,
        output_tokens=table.output_tokens,
        latency_s=table.latency_s,
        answers=answers,
        answer_form=answer_form,
        assumed=np.full(table.score.shape, np.nan) if assumed is None else assumed,
        **predicted,
    )


def best_model(train: Outcomes) -> str:
    """Returns the model with the highest mean score on the prompts on which all well-measured models were measured.

    On prompts of its own a model could look best for having had the easy ones. Models of unknown cost are left out
    where that of any is known: against them no saving can be shown.
    """
    costed = ~np.isnan(train.cost_usd).all(axis=0)
    grid = complete_grid(~np.isnan(train.score) & (costed | ~costed.any()))
    if grid.rows.size == 0:
        return train.models[0]
    mean: FloatArray = train.score[np.ix_(grid.rows, grid.columns)].mean(axis=0)
    return train.models[int(grid.columns[mean.argmax()])]


def _questions(train: Outcomes) -> IntArray:
    number: dict[str, int] = {}
    return np.array([number.setdefault(question_key(prompt), len(number)) for prompt in train.prompts], dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What learns from a table."""

    features: FeatureExtractor
    success: FewLabels
    tokens: QuantilePredictor
    input_tokens: InputTokens
    latency: QuantilePredictor | None

    @classmethod
    def fitted(cls, train: Outcomes, success: Predictor, seed: int, features: FeatureExtractor | None = None) -> _Parts:
        timed = not np.isnan(train.latency_s).all()
        features = PromptFeatures(ngrams=Ngrams(seed=seed)) if features is None else features.clone()
        x = features.fit_transform(train.requests)
        return cls(
            features=features,
            success=FewLabels(predictor=success.clone()).fit(x, train.score),
            tokens=Tokens(predictor=Factorization()).fit(x, train.output_tokens),
            input_tokens=InputTokens().fit(assumed_tokens(train.requests), train.input_tokens),
            latency=Latency(predictor=Factorization()).fit(x, train.latency_s) if timed else None,
        )

    def assumed(self, train: Outcomes) -> FloatArray:
        """Returns (n, m) what a pessimist expects of models with few labels; see `Evidence.assumed`."""
        if not self.success.few_.any():
            return np.full(train.score.shape, np.nan)
        return self.success.lower_chances(self.features.transform(train.requests), train.score)
