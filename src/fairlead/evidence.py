"""What a fitted router knows about itself: how its predictions did on prompts that they had not seen.

It is kept with the router, so that a policy can be judged again when candidates, prices or the reference change: what
was shown for one choice says nothing about another.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairlead.answers import FORMS, final_answer, question
from fairlead.costs import Rates
from fairlead.errors import NotEnoughPointsError
from fairlead.policies.judging import judge
from fairlead.policies.realised import Recorded
from fairlead.statistics.calibration import auc, brier, expected_calibration_error, interval_coverage
from fairlead.types import Predictions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.outcomes import Outcomes
    from fairlead.policies import HullGuard
    from fairlead.policies.base import Policy
    from fairlead.types import BoolArray, Candidate, FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelMetrics:
    """How good the predictions of one model's success were, out of fold."""

    model: str
    n: int
    mean_score: float | None
    auc: float | None
    """`None` where the model never failed, or never succeeded."""
    brier: float | None
    ece: float | None
    """Expected calibration error over 10 bins of equal size; chance alone makes it positive."""
    coverage: float | None
    """Share of 10 bins of equal size whose mean score lies within the 90 % interval of the predicted one."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """Training prompts by models: predictions made out of fold, and what was measured; NaN where unknown."""

    table: str
    data_hash: str
    seed: int
    models: tuple[str, ...]
    question: IntArray
    """(n,) prompts of one number ask the same question."""
    prompt_hash: IntArray
    """(n,) see `prompt_hashes`."""
    p_success: FloatArray
    """(n, m), as all that follow."""
    p_success_sd: FloatArray
    predicted_tokens: FloatArray
    predicted_input_tokens: FloatArray
    predicted_latency_p95_s: FloatArray
    score: FloatArray
    input_tokens: FloatArray
    output_tokens: FloatArray
    latency_s: FloatArray
    answers: IntArray
    """Equal numbers of a row are equal final answers; -1 is none. Numbers tell whether models agree, and no more."""
    answer_form: IntArray
    """(n,) place in `answers.FORMS` of the form that the prompt asks for."""
    assumed: FloatArray
    """Where a model has few labels, what a pessimist expects it to score; NaN for the others."""

    def metrics(self) -> tuple[ModelMetrics, ...]:
        """Returns one row a model."""
        return tuple(
            _metrics(model, self.p_success[:, j], self.p_success_sd[:, j], self.score[:, j])
            for j, model in enumerate(self.models)
        )

    def saw(self, prompts: Sequence[str]) -> BoolArray:
        """Says for each prompt whether the router was fitted on it."""
        return np.isin(prompt_hashes(prompts), self.prompt_hash)

    def judge(self, policy: Policy, candidates: Sequence[Candidate], columns: IntArray, *, reference: str) -> HullGuard:
        """Returns the policy under a hull guard, over `candidates` and at their prices.

        A model with few labels stands there with what a pessimist expects of it: that lower limit of its mean takes the
        place of a measurement, and it may serve where the policy is better off even so.

        Args:
            policy: what to judge.
            candidates: who may serve.
            columns: the column of each in `models`, -1 where it was never measured.
            reference: name of the candidate that the user trusts.
        """
        predictions, recorded = self.case(candidates, columns)
        return judge(policy, predictions, recorded, reference, self.seed, groups=self.question)

    def case(self, candidates: Sequence[Candidate], columns: IntArray) -> tuple[Predictions, Recorded]:
        """Returns what was predicted out of fold, and what was measured, over these candidates and at their prices.

        Args:
            candidates: who may serve.
            columns: the column of each in `models`, -1 where it was never measured.
        """
        rates = Rates.of(candidates)
        predicted_tokens = taken(self.predicted_tokens, columns)
        predictions = Predictions(
            candidates=tuple(candidate.name for candidate in candidates),
            p_success=taken(self.p_success, columns),
            p_success_sd=taken(self.p_success_sd, columns),
            output_tokens=predicted_tokens,
            cost_usd=rates.cost_usd(taken(self.predicted_input_tokens, columns), predicted_tokens),
            latency_p95_s=taken(self.predicted_latency_p95_s, columns),
        )
        recorded = Recorded(
            score=taken(_filled(self.score, self.assumed), columns),
            cost_usd=rates.cost_usd(taken(self._input_tokens, columns), taken(self._output_tokens, columns)),
            latency_s=taken(self.latency_s, columns),
            output_tokens=taken(self.output_tokens, columns),
            answers=np.where(columns >= 0, self.answers[:, columns], -1) if (self.answers >= 0).any() else None,
            answer_form=self.answer_form,
        )
        return predictions, recorded

    @property
    def _input_tokens(self) -> FloatArray:
        return _filled(self.input_tokens, np.where(self._is_assumed, self.predicted_input_tokens, np.nan))

    @property
    def _output_tokens(self) -> FloatArray:
        return _filled(self.output_tokens, np.where(self._is_assumed, self.predicted_tokens, np.nan))

    @property
    def _is_assumed(self) -> BoolArray:
        return np.isnan(self.score) & ~np.isnan(self.assumed)


def answer_numbers(outcomes: Outcomes) -> tuple[IntArray, IntArray]:
    """Returns (n, m) a number for each different final answer of a prompt, -1 where there is none, and (n,) their form.

    The recorded answers are read as the replies of a host are, by what the prompt asks for.
    """
    numbers, forms = np.full(outcomes.answer.shape, -1, dtype=np.int64), np.empty(len(outcomes), dtype=np.int64)
    for i, (prompt, answers) in enumerate(zip(outcomes.prompts, outcomes.answer, strict=True)):
        asked = question(prompt)
        forms[i] = FORMS.index(asked.form)
        final = {given: None if given is None else final_answer(given, asked) for given in set(answers.tolist())}
        number: dict[str | None, int] = {None: -1}
        numbers[i] = [number.setdefault(final[given], len(number) - 1) for given in answers]
    return numbers, forms


def _filled(measured: FloatArray, otherwise: FloatArray) -> FloatArray:
    return np.where(np.isnan(measured), otherwise, measured)


def taken(grid: FloatArray, columns: IntArray) -> FloatArray:
    """Returns these columns of an (n, m) grid, all NaN for column -1."""
    return np.where(columns >= 0, grid[:, columns], np.nan)


def prompt_hashes(prompts: Sequence[str]) -> IntArray:
    """Returns (n,) a 64-bit hash of each prompt: enough to know it again, not to read it."""
    digests = b"".join(hashlib.sha256(prompt.encode("utf-8", "replace")).digest()[:8] for prompt in prompts)
    return np.frombuffer(digests, dtype="<i8").astype(np.int64)


def rows_of(evidence: Evidence, table: Outcomes) -> IntArray:
    """Returns (n,) the row of each prompt of a table in the evidence, -1 where the router never saw it."""
    row = {prompt_hash: i for i, prompt_hash in enumerate(evidence.prompt_hash.tolist())}
    found = [row.get(prompt_hash, -1) for prompt_hash in prompt_hashes(table.prompts).tolist()]
    return np.array(found, dtype=np.int64)


def _metrics(model: str, predicted: FloatArray, sd: FloatArray, score: FloatArray) -> ModelMetrics:
    known = ~(np.isnan(predicted) | np.isnan(score))
    try:
        ranking = auc(predicted, score)
    except NotEnoughPointsError:
        ranking = None
    return ModelMetrics(
        model=model,
        n=int(known.sum()),
        mean_score=float(score[known].mean()) if known.any() else None,
        auc=ranking,
        brier=brier(predicted, score) if known.any() else None,
        ece=expected_calibration_error(predicted, score) if known.any() else None,
        coverage=interval_coverage(predicted, sd, score) if known.any() else None,
    )
