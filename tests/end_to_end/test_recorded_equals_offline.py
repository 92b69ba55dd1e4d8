"""The spine: what the gateway serves over recorded models is, in every digit, what the offline evaluation says."""

import os
from pathlib import Path

import numpy as np
import pytest

from benchmarks import recorded
from fairlead import Outcomes, fit
from fairlead.testing import make_outcomes

N_TRAIN, N_TEST = 600, 200

WAYS = pytest.mark.parametrize(
    ("stream", "faults"),
    [(False, None), (True, None), (False, recorded.FAULTS), (True, recorded.FAULTS)],
    ids=["whole", "streamed", "whole, with faults", "streamed, with faults"],
)


@pytest.fixture(scope="module")
def made_up():
    outcomes = make_outcomes(360, missing=0.1, seed=3)
    train, test = outcomes.split(0.6, seed=0)
    return recorded.unguarded(fit(train, seed=0)), test


@WAYS
async def test_a_made_up_table(made_up, stream, faults):
    router, test = made_up
    found = await recorded.compare(router, test, stream=stream, faults=faults)
    assert found.differences == ()
    assert found.n_requests == len(test)
    assert len(found.served) > 1


async def test_faults_cost_attempts_and_some_answers(made_up):
    router, test = made_up
    calm = await recorded.compare(router, test, stream=True, faults=None)
    rough = await recorded.compare(router, test, stream=True, faults=recorded.FAULTS)
    assert rough.n_attempts > calm.n_attempts
    assert rough.n_delivered < calm.n_delivered


@pytest.fixture(scope="module", params=recorded.TABLES)
def real(request):
    if "FAIRLEAD_DATA" not in os.environ:
        pytest.skip("FAIRLEAD_DATA does not name the folder of real tables")
    train, test = Outcomes.read(Path(os.environ["FAIRLEAD_DATA"], request.param)).split(0.7, seed=0)
    return recorded.unguarded(fit(some(train, N_TRAIN), seed=0)), some(test, N_TEST)


def some(outcomes, n):
    return outcomes.rows(np.sort(np.random.default_rng(0).permutation(len(outcomes))[:n]))


@WAYS
async def test_a_real_table(real, stream, faults):
    router, test = real
    found = await recorded.compare(router, test, stream=stream, faults=faults)
    assert found.differences == ()
    assert found.n_requests == N_TEST
    assert len(found.served) > 1
