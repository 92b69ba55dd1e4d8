from dataclasses import replace

import numpy as np
import pytest

from fairlead.evaluation.baselines.base import Exam, Lesson
from fairlead.fitting import PromptFeatures
from fairlead.testing import make_outcomes


def taught(outcomes, seed=0):
    """A lesson and an exam over the two sides of a split, with the default features."""
    train, test = outcomes.split(0.7, seed)
    features = PromptFeatures().fit(train.requests)
    lesson = Lesson(train=train, x=features.transform(train.requests), seed=seed)
    return lesson, Exam(x=features.transform(test.requests), test=test)


@pytest.fixture(scope="session")
def school():
    return taught(make_outcomes(500, seed=1))


@pytest.fixture(scope="session")
def pair():
    return taught(make_outcomes(500, models=("strong", "weak"), seed=2))


@pytest.fixture(scope="session")
def unpriced():
    return taught(replace(make_outcomes(500, seed=1), prices={}))


@pytest.fixture
def points():
    """Mean cost and score of every setting."""

    def of(sweep, exam):
        score, cost = sweep.outcome(exam.recorded)
        return np.asarray(cost).mean(axis=1), np.asarray(score).mean(axis=1)

    return of
