"""What a log can tell nothing of is refused, by its design and not by what was seen."""

import numpy as np
import pytest

from fairlead.proof.off_policy import Sample, overlap


def make_sample(n_sessions, n_control, *, sd=0.5, share=0.02):
    taken = np.where(np.arange(n_sessions) < n_control, 0, 1)
    return Sample(
        session=np.arange(n_sessions),
        taken=taken,
        propensity=np.where(taken == 0, share, 1 - share),
        wanted=np.tile([1.0, 0.0], (n_sessions, 1)),
        expected=np.full((n_sessions, 2), np.nan),
        observed=np.random.default_rng(0).lognormal(0, sd, n_sessions),
    )


def test_few_sessions_are_refused_and_the_missing_ones_counted():
    found = overlap(make_sample(1000, 20))
    assert (found.refusal, found.n_informative, found.sessions_needed) == ("few_sessions", 20, 250)
    assert found.effective_sessions == pytest.approx(20)
    assert found.max_weight == 50
    enough = overlap(make_sample(1250, 25))
    assert (enough.refusal, enough.sessions_needed) == (None, None)


def test_without_any_session_nobody_knows_how_many_are_missing():
    found = overlap(make_sample(100, 0))
    assert (found.refusal, found.mean_weight, found.sessions_needed) == ("few_sessions", 0.0, None)


def test_sessions_of_little_weight_count_little():
    """A hundred sessions of weight 1.02 and one of weight 50 are about one."""
    both = make_sample(101, 1)
    found = overlap(Sample(**{**vars_of(both), "wanted": np.eye(2)[both.taken]}))
    assert found.n_informative == 101
    assert found.effective_sessions < 2


def test_a_policy_that_does_the_same_needs_no_overlap():
    sample = make_sample(5, 5)
    found = overlap(Sample(**{**vars_of(sample), "propensity": np.ones(5)}))
    assert (found.refusal, found.n_informative) == (None, 0)


def test_costs_without_a_scale_are_refused_and_scores_are_not():
    wild = make_sample(2000, 100, sd=2.5, share=0.05)
    assert overlap(wild, positive=True).refusal == "heavy_tail"
    assert overlap(wild).refusal is None
    assert overlap(make_sample(2000, 100, sd=1.5, share=0.05), positive=True).refusal is None


def test_nothing_at_all_is_refused():
    assert overlap(make_sample(0, 0)).refusal == "few_sessions"


def vars_of(sample):
    names = ("session", "taken", "propensity", "wanted", "expected", "observed")
    return {name: getattr(sample, name) for name in names}
