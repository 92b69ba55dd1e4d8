"""The spine: what the gateway serves over recorded models is, in every digit, what the offline evaluation says."""

import os
from pathlib import Path

import numpy as np
import pytest

from benchmarks import recorded
from fairlead import Outcomes, fit
from fairlead.policies import Cascade
from fairlead.testing import make_outcomes

N_TRAIN, N_TEST, N_CASCADED = 600, 200, 120

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


# Cascades -------------------------------------------------------------------------------------------------------------

RAN_EVERYTHING = (
    *("gpt-4o-2024-05-13", "gpt-4o-mini-2024-07-18", "gemini-1.5-pro", "gemini-1.5-flash"),
    *("claude-3-5-sonnet-20240620", "Meta-Llama-3-70B-Instruct"),
)


def cascading(train):
    """Returns a router that asks cheap models first, whatever its guard says of so small a table."""
    dearest_usd = float(np.nanmean(train.cost_usd, axis=0).max())
    router = fit(train, Cascade(objective="utility", willingness_to_pay_usd=30 * dearest_usd), seed=0)
    return router.bind(router.candidates, reference=router.reference, policy=router.policy.policy)


@pytest.fixture(scope="module")
def made_up_cascade():
    train, test = make_outcomes(900, n_wrong_answers=9, seed=5).split(0.7, seed=0)
    return cascading(train), some(test, 80)


@WAYS
async def test_a_cascade_on_a_made_up_table(made_up_cascade, stream, faults):
    router, test = made_up_cascade
    assert router.decide(test.requests).openings
    found = await recorded.compare(router, test, stream=stream, faults=faults)
    assert found.differences == ()
    assert found.n_attempts > found.n_requests * 1.2


@pytest.fixture(scope="module")
def real_cascade():
    if "FAIRLEAD_DATA" not in os.environ:
        pytest.skip("FAIRLEAD_DATA does not name the folder of real tables")
    table = Outcomes.read(Path(os.environ["FAIRLEAD_DATA"], "zeroeval")).only(RAN_EVERYTHING)
    train, test = table.split(0.7, seed=0)
    return cascading(some(train, N_TRAIN)), some(test, N_CASCADED)


@WAYS
async def test_a_cascade_on_a_real_table(real_cascade, stream, faults):
    router, test = real_cascade
    openings = router.decide(test.requests).openings
    assert any(len(stages[0].steps) == 2 for stages in openings.values())
    found = await recorded.compare(router, test, stream=stream, faults=faults)
    assert found.differences == ()
    assert found.n_attempts > N_CASCADED
    assert len(found.served) > 1
