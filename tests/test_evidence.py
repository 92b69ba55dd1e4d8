"""What a router knows about itself."""

from dataclasses import replace

import numpy as np
import pytest

from fairlead.answers import FORMS
from fairlead.evidence import Evidence, answer_numbers, prompt_hashes, taken
from fairlead.fitting import fit
from fairlead.policies import Cascade, Floor
from fairlead.testing import make_outcomes


@pytest.fixture(scope="module")
def evidence():
    router = fit(make_outcomes(200, missing=0.3), seed=0)
    assert isinstance(router.evidence, Evidence)
    return router.evidence


def test_metrics_are_over_the_measured_prompts(evidence):
    metrics = evidence.metrics()
    assert [row.model for row in metrics] == ["strong", "middle", "weak"]
    assert [row.n for row in metrics] == (~np.isnan(evidence.score)).sum(axis=0).tolist()
    assert metrics[2].mean_score == pytest.approx(np.nanmean(evidence.score[:, 2]))
    assert metrics[2].auc > 0.65  # prompts that sound hard are hard for the weak model
    assert 0 < metrics[2].brier < 0.25


def test_metrics_of_a_model_that_was_never_measured_or_never_failed_are_unknown():
    table = make_outcomes(40)
    table.score[:, 1], table.score[:, 2] = np.nan, 1.0
    strong, nothing, perfect = fit(table, seed=0).evidence.metrics()
    assert strong.auc is not None
    assert (nothing.n, nothing.mean_score, nothing.auc, nothing.brier, nothing.ece) == (0, None, None, None, None)
    assert (perfect.mean_score, perfect.auc) == (1.0, None)


def test_prompts_are_known_again_by_hash():
    hashes = prompt_hashes(["a", "b", "a", "\ud800"])
    assert hashes.dtype == np.int64
    assert hashes[0] == hashes[2] != hashes[1]
    assert prompt_hashes([]).shape == (0,)


def test_columns_are_taken_and_strangers_are_unknown():
    grid = np.array([[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_array_equal(taken(grid, np.array([1, -1, 0])), [[2.0, np.nan, 1.0], [4.0, np.nan, 3.0]])


def test_a_model_with_few_labels_is_judged_by_what_a_pessimist_expects_of_it():
    train = make_outcomes(200, models=("strong", "middle", "weak"), seed=1)
    score = train.score.copy()
    score[24:, 1] = np.nan
    router = fit(replace(train, score=score), Floor(margin=0.3), reference="strong", seed=0)
    assumed = router.evidence.assumed
    assert np.isfinite(assumed[:, 1]).all()
    assert np.isnan(assumed[:, [0, 2]]).all()
    assert assumed[:, 1].mean() < router.predict(train.requests).p_success[:, 1].mean()
    assert router.policy.unjudged == ()


def test_answers_are_numbered_by_whether_they_agree():
    table = make_outcomes(40, n_wrong_answers=3, missing=0.2)
    numbers, forms = answer_numbers(table)
    for i in range(40):
        for j in range(3):
            for k in range(3):
                if table.answer[i, j] is not None and table.answer[i, k] is not None:
                    assert (numbers[i, j] == numbers[i, k]) == (table.answer[i, j] == table.answer[i, k])
    assert ((numbers == -1) == np.equal(table.answer, None)).all()
    assert (forms == FORMS.index("text")).all()


def test_what_a_cascade_learns_is_judged_again_over_other_candidates():
    router = fit(make_outcomes(400, n_wrong_answers=6, seed=1), Cascade(objective="cost", margin=0.05), seed=0)
    assert router.evidence.answers.shape == (400, 3)
    two = router.bind(router.candidates[:2], reference="strong")
    learned = two.policy.policy.knows
    assert learned is None or {name for plan in learned["plans"] for name in plan["first"]} <= {"strong", "middle"}
