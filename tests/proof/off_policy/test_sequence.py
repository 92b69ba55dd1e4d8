"""Limits over time; that all of them hold at once is tested in `tests/statistics`."""

from dataclasses import replace

import numpy as np

from fairlead.proof.off_policy import Sample, estimate, sequence
from fairlead.proof.off_policy.sequence import FIRST_LOOK


def make_sample(n_sessions=400, *, share=0.25, seed=0):
    rng = np.random.default_rng(seed)
    session = np.repeat(np.arange(n_sessions), 2)
    taken = np.where((rng.random(n_sessions) < share)[session], 0, 1)
    expected = rng.lognormal(0, 0.5, (len(session), 2))
    return Sample(
        session=session,
        taken=taken,
        propensity=np.where(taken == 0, share, 1 - share),
        wanted=np.tile([1.0, 0.0], (len(session), 1)),
        expected=expected,
        observed=expected[np.arange(len(session)), taken] * rng.lognormal(0, 0.3, len(session)),
    )


def test_nothing_is_said_before_the_first_look():
    sample = make_sample()
    informative = np.cumsum(np.bincount(sample.session, weights=sample.taken == 0) > 0)
    said = ~np.isnan(sequence(sample, positive=True).low)
    np.testing.assert_array_equal(said, informative >= FIRST_LOOK)
    assert sequence(make_sample(40)).last is None


def test_what_was_said_does_not_change_when_more_is_seen():
    """A limit that held yesterday must be the one that was shown yesterday."""
    whole = make_sample()
    n = 500
    part = replace(
        whole,
        **{
            name: getattr(whole, name)[:n]
            for name in ("session", "taken", "propensity", "wanted", "expected", "observed")
        },
    )
    for positive, bounds in ((False, (0.0, 9.0)), (True, None)):
        early, late = (sequence(s, positive=positive, bounds=bounds) for s in (part, whole))
        np.testing.assert_allclose(early.value, late.value[: n // 2])
        np.testing.assert_allclose(early.high, late.high[: n // 2], rtol=1e-9)


def test_looking_always_costs_width_and_agrees_with_looking_once():
    sample = make_sample()
    always, once = sequence(sample, positive=True).last, estimate(sample).interval(positive=True)
    assert always.low < once.low < once.high < always.high
    assert (always.high - always.low) < 2.5 * (once.high - once.low)


def test_costs_stay_positive():
    assert np.nanmin(sequence(make_sample(120), positive=True).low) > 0


def test_nothing_seen_nothing_said():
    sample = make_sample(0)
    assert sequence(sample).last is None
