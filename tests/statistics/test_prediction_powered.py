import numpy as np
import pytest

from fairlead.errors import NotEnoughPointsError
from fairlead.statistics.prediction_powered import Judged, powered_mean


def make_scores(n, *, follows, seed=0):
    rng = np.random.default_rng(seed)
    person = (rng.random(n) < 0.7).astype(float)
    judge = np.clip(0.3 + 0.5 * follows * person + rng.normal(0, 0.1, n), 0, 1)
    return person, judge, np.arange(n)


def halves(n_people, n, *, follows, seed=0):
    person, judge, group = make_scores(n, follows=follows, seed=seed)
    both = Judged(judge=judge[:n_people], person=person[:n_people], group=group[:n_people])
    return both, Judged(judge=judge[n_people:], group=group[n_people:])


def test_a_judge_that_is_off_is_put_right():
    both, other = halves(200, 5000, follows=1.0)
    mean, power = powered_mean(both, other)
    assert other.judge.mean() < 0.68  # what the judge alone would say
    assert mean.low < 0.7 < mean.high
    assert power > 1  # its scores lie closer together than those of people


def test_a_judge_that_follows_people_narrows_the_interval_and_a_worthless_one_does_not():
    widths = {}
    for follows in (1.0, 0.0):
        both, other = halves(200, 5000, follows=follows)
        mean, _ = powered_mean(both, other)
        alone, power = powered_mean(both, Judged(judge=np.empty(0), group=np.empty(0, dtype=int)))
        assert power == 0
        widths[follows] = (mean.high - mean.low) / (alone.high - alone.low)
    assert widths[1.0] < 0.5
    assert widths[0.0] == pytest.approx(1, abs=0.02)


def test_scores_of_one_group_are_one_piece_of_evidence():
    both, other = halves(100, 1000, follows=0.8)
    tenfold = Judged(
        judge=np.repeat(both.judge, 10), person=np.repeat(both.person, 10), group=np.repeat(both.group, 10)
    )
    once, many = (powered_mean(b, other)[0] for b in (both, tenfold))
    assert many.high - many.low == pytest.approx(once.high - once.low, rel=0.02)


def test_equal_scores_do_not_prove_all_others():
    ones = Judged(judge=np.ones(20), person=np.ones(20), group=np.arange(20))
    mean, _ = powered_mean(ones, Judged(judge=np.ones(500), group=np.arange(500)))
    assert mean.low < 0.95
    assert mean.high == 1.0


def test_one_group_is_too_few():
    one = Judged(judge=np.ones(3), person=np.ones(3), group=np.zeros(3, dtype=int))
    with pytest.raises(NotEnoughPointsError, match="1 groups have scores of people"):
        powered_mean(one, one)
