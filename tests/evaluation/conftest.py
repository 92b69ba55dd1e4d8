"""A made-up table and a router that reads from a prompt's words whether it is hard."""

import numpy as np
import pytest

from fairlead.estimator import Estimator
from fairlead.policies import Floor
from fairlead.predictors.base import Estimate
from fairlead.router import Router
from fairlead.testing import make_outcomes

HARD = ("Prove", "Derive", "Formalise")


class Hardness(Estimator):
    """One feature: the first word is one that hard prompts begin with."""

    def fit(self, _requests):
        return self

    def transform(self, requests):
        return np.array([[float(request.prompt.startswith(HARD))] for request in requests])


class Lookup(Estimator):
    """The same row of predictions for all easy prompts, another for all hard ones."""

    def __init__(self, *, easy, hard):
        self.easy = easy
        self.hard = hard

    def fit(self, _x, _y):
        return self

    def predict(self, x):
        mean = np.where(x > 0, np.array(self.hard), np.array(self.easy))
        return Estimate(mean=mean, variance=np.zeros_like(mean))

    def predict_mean(self, x):
        return self.predict(x).mean


def make_router(outcomes, policy=None, *, easy=(0.95, 0.925, 0.9), hard=(0.9, 0.6, 0.3)):
    return Router(
        candidates=outcomes.candidates(),
        reference="strong",
        policy=policy or Floor(margin=0.1),
        models=outcomes.models,
        features=Hardness(),
        success=Lookup(easy=easy, hard=hard),
        tokens=Lookup(easy=(50.0, 50.0, 50.0), hard=(50.0, 50.0, 50.0)),
    )


@pytest.fixture(scope="session")
def table():
    return make_outcomes(400, seed=1)


@pytest.fixture(scope="session")
def router(table):
    return make_router(table)


@pytest.fixture
def routed(table):
    """Makes a router over the table with another policy or other predictions."""
    return lambda policy=None, **predictions: make_router(table, policy, **predictions)
