"""Where the answer is known without a simulation; coverage is tested in `tests/statistics`."""

from dataclasses import replace

import numpy as np
import pytest

from fairlead.proof.off_policy import ESTIMATORS, Sample, estimate


def make_sample(n_sessions=200, *, seed=0, share=0.25, outcome=None, expected=None):
    """Sessions of three requests; a share of them goes the way of action 0, which the other policy always takes."""
    rng = np.random.default_rng(seed)
    session = np.repeat(np.arange(n_sessions), 3)
    taken = np.where((rng.random(n_sessions) < share)[session], 0, 1)
    outcomes = rng.lognormal(0, 0.5, (len(session), 2)) if outcome is None else outcome(rng, session)
    return Sample(
        session=session,
        taken=taken,
        propensity=np.where(taken == 0, share, 1 - share),
        wanted=np.tile([1.0, 0.0], (len(session), 1)),
        expected=np.full((len(session), 2), np.nan) if expected is None else expected,
        observed=outcomes[np.arange(len(session)), taken],
    ), outcomes[:, 0].mean()


@pytest.mark.parametrize("name", ESTIMATORS)
def test_what_was_certain_is_exact(name):
    sample, _ = make_sample()
    same = replace(sample, taken=np.zeros_like(sample.taken), propensity=np.ones(len(sample)))
    found = estimate(same, name).interval()
    if name != "dm":  # the model's word is never exact
        assert found.low == found.high == pytest.approx(same.observed.mean())


@pytest.mark.parametrize("name", ESTIMATORS)
def test_the_mean_is_found(name):
    sample, truth = make_sample(4000)
    found = estimate(sample, name).interval(positive=True)
    assert found.low < truth < found.high
    assert found.value == pytest.approx(truth, rel=0.08)


def test_a_model_that_knows_leaves_nothing_uncertain():
    sample, _ = make_sample(400)
    outcomes = np.random.default_rng(5).lognormal(0, 0.5, (len(sample), 2))
    told = replace(sample, expected=outcomes, observed=outcomes[np.arange(len(sample)), sample.taken])
    doubly = estimate(told, "dr").interval()
    assert doubly.value == pytest.approx(outcomes[:, 0].mean(), rel=1e-3)
    assert doubly.high - doubly.low < 0.01
    assert estimate(told, "ips").interval().high > doubly.high + 0.05


def test_a_model_that_misleads_is_mended():
    """Expectations that are ten times too high where action 0 was taken, and far too low elsewhere: `dm` is lost."""
    sample, _ = make_sample(3000)
    rng = np.random.default_rng(6)
    dear = rng.random(len(sample)) < 0.5
    outcomes = np.where(dear[:, None], 4.0, 1.0) * rng.lognormal(0, 0.3, (len(sample), 2))
    misled = replace(
        sample,
        expected=np.where(dear[:, None], 1.0, 4.0) * np.ones((1, 2)),
        observed=outcomes[np.arange(len(sample)), sample.taken],
    )
    found = estimate(misled, "dr").interval(positive=True)
    assert found.low < outcomes[:, 0].mean() < found.high


def test_a_request_is_never_judged_by_a_model_that_saw_its_session():
    """One session of an absurd cost moves the model; its own error must not be made smaller by that."""
    sample, _ = make_sample(50, share=0.5)
    first = sample.session == sample.session[sample.taken == 0][0]
    absurd = replace(sample, observed=np.where(first, 1000.0, sample.observed))
    assert estimate(absurd, "dr").total.variance > (2 * 3 * 900) ** 2 * 0.5


def test_sessions_are_drawn_as_one():
    """Ten equal requests in each session are no more evidence than one."""
    sample, _ = make_sample(300, outcome=lambda rng, session: rng.normal(5, 1, (session.max() + 1, 2))[session])
    once = replace(
        sample,
        **{
            name: getattr(sample, name)[::3]
            for name in ("session", "taken", "propensity", "wanted", "expected", "observed")
        },
    )
    many, one = (estimate(s, "snips").interval() for s in (sample, once))
    assert many.high - many.low == pytest.approx(one.high - one.low, rel=0.05)


def test_right_answers_alone_prove_no_more_than_their_number():
    sample, _ = make_sample(100, outcome=lambda _, session: np.ones((len(session), 2)))
    found = estimate(sample, "dr", bounds=(0.0, 1.0)).interval()
    assert found.low < 1.0
    assert estimate(replace(sample, observed=sample.observed), "dr").interval().low == pytest.approx(1.0, abs=0.05)
