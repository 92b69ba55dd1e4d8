import numpy as np
import pytest

from fairlead.predictors.posterior import Panel, Posterior, Verdict, Votes, best_answer, length_of, patterns

RIGHT = 0


def voters(n=4000, p=(0.7, 0.6, 0.9), n_wrong=8, seed=0, longer_if_wrong=0.0):
    """Independent voters; a wrong answer is one of `n_wrong`."""
    rng = np.random.default_rng(seed)
    right = rng.random((n, len(p))) < p
    answer = np.where(right, RIGHT, rng.integers(1, n_wrong + 1, size=right.shape))
    base = np.log(np.array(p) / (1 - np.array(p)))
    length = rng.normal(size=right.shape) + longer_if_wrong * ~right
    return Votes(answer=answer, base=base, deviation=np.zeros(right.shape), length=length), right.astype(np.float64)


def first(votes, k):
    return Votes(
        answer=votes.answer[:, :k], base=votes.base[:k], deviation=votes.deviation[:, :k], length=votes.length[:, :k]
    )


@pytest.mark.parametrize(("n_voters", "n_patterns"), [(1, 1), (2, 5), (3, 22)])
def test_there_are_as_many_patterns_as_ways_to_agree(n_voters, n_patterns):
    every = patterns(n_voters)
    assert len(every.kind) == n_patterns
    np.testing.assert_allclose(every.givers.sum(axis=1), 1)
    assert sorted(every.number[every.number >= 0]) == list(range(n_patterns))


def test_each_different_answer_has_one_pattern():
    votes = Votes(
        answer=np.array([[0, 0, 0], [0, 0, 1], [0, 1, 2], [0, 1, 1], [0, -1, 1], [-1, -1, -1]]),
        base=np.zeros(3),
        deviation=np.zeros((6, 3)),
        length=np.zeros((6, 3)),
    )
    assert (votes.pattern >= 0).sum(axis=1).tolist() == [1, 2, 3, 2, 2, 0]
    kind = np.where(votes.pattern >= 0, votes.patterns.kind[votes.pattern], -1)
    assert kind.tolist() == [[6, -1, -1], [5, -1, 2], [3, 3, 3], [2, 5, -1], [1, -1, 1], [-1, -1, -1]]


def test_agreement_is_worth_what_it_was_worth():
    votes, right = voters()
    pair, score = first(votes, 2), right[:, :2]
    posterior = Posterior.fit([pair], [score])
    offsets = posterior.offsets(pair, score, strength=30.0)
    best = best_answer(pair, posterior.worth(pair.base, offsets).table(pair.deviation))
    for group in (1, 2):
        inside = best.group == group
        truth = score[np.arange(len(score)), best.voter][inside].mean()
        assert best.p[inside].mean() == pytest.approx(truth, abs=0.02)
    assert best.p[best.group == 1].min() > 0.9
    assert best.p[best.group == 2].max() < 0.7


def test_where_there_are_two_answers_only_agreement_tells_less():
    worth = []
    for n_wrong in (1, 20):
        votes, right = voters(n_wrong=n_wrong)
        pair = first(votes, 2)
        posterior = Posterior.fit([pair], [right[:, :2]])
        best = best_answer(pair, posterior.worth(pair.base, np.zeros(4)).table(pair.deviation))
        worth.append(best.p[best.group == 1].mean())
    assert worth[0] < worth[1] - 0.1


def test_two_weak_voters_outvote_a_strong_one_where_that_was_right():
    votes, right = voters(p=(0.75, 0.75, 0.8))
    posterior = Posterior.fit([votes], [right])
    best = best_answer(
        votes, posterior.worth(votes.base, posterior.offsets(votes, right, strength=30)).table(votes.deviation)
    )
    outvoted = (votes.answer[:, 0] == votes.answer[:, 1]) & (votes.answer[:, 2] != votes.answer[:, 0])
    assert (best.voter[outvoted] < 2).all()
    delivered = right[np.arange(len(right)), best.voter]
    assert delivered.mean() > right[:, 2].mean() + 0.03


def test_alone_against_others_the_strongest_is_delivered():
    votes, right = voters()
    posterior = Posterior.fit([votes], [right])
    best = best_answer(votes, posterior.worth(votes.base, np.zeros(8)).table(votes.deviation))
    split = np.array([len(set(row)) == 3 for row in votes.answer.tolist()])
    assert (best.voter[split] == 2).all()


def test_a_long_answer_counts_less_where_long_answers_were_wrong():
    votes, right = voters(longer_if_wrong=1.0)
    alone = first(votes, 1)
    table = Posterior.fit([alone], [right[:, :1]]).worth(alone.base, np.zeros(2)).table(alone.deviation)
    best = best_answer(alone, table)
    assert best.p[alone.length[:, 0] > 1.5].mean() < best.p[alone.length[:, 0] < 0].mean() - 0.15


def test_a_pair_without_a_record_of_its_own_is_taken_for_any_pair():
    votes, right = voters(n=12)
    posterior = Posterior.unfitted()
    assert np.abs(posterior.offsets(votes, right, strength=30.0)).max() < 0.25


def test_nobody_answered():
    votes = Votes(answer=np.array([[-1, -1]]), base=np.zeros(2), deviation=np.zeros((1, 2)), length=np.zeros((1, 2)))
    best = best_answer(votes, np.zeros((1, 5, 3)))
    assert (best.p[0], best.voter[0]) == (0.0, -1)


def test_unknown_lengths_count_as_expected():
    unknown, known = np.array([np.nan, 100.0]), np.array([100.0, np.nan])
    np.testing.assert_array_equal(length_of(unknown, known, np.zeros(2), np.ones(2)), [0, 0])
    assert length_of(np.array([1e9]), np.array([1.0]), np.zeros(1), np.ones(1))[0] == 2.5


def verdict(beyond=((0.0, 0.0),) * 3):
    votes, right = voters()
    pair = first(votes, 2)
    posterior = Posterior.fit([pair], [right[:, :2]])
    return Verdict(
        panel=Panel(base=pair.base, mean=np.zeros(2), sd=np.ones(2), bend=posterior.theta[:, 6:]),
        expected=np.array([100.0, np.nan]),
        worth=posterior.worth(pair.base, np.zeros(4)).at(np.zeros((1, 2)))[0],
        beyond=np.array(beyond).reshape(-1, 2),
    )


def test_a_verdict_survives_as_numbers():
    one = verdict()
    other = Verdict.from_weights(one.weights())
    for name in ("expected", "worth", "beyond"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.panel.numbers == other.panel.numbers
    assert one.weights() == other.weights()
    assert all(np.isfinite(one.weights()))


def test_agreement_is_accepted_and_disagreement_is_not():
    sure = verdict(beyond=((2.2, 0.0),) * 3)  # asking on gives a right answer nine times in ten
    assert sure.of([3, 3], [90.0, 110.0], cut=0.02) == (0, True)
    assert sure.of([3, 4], [90.0, 110.0], cut=0.02) == (0, False)
    assert sure.of([3, 4], [90.0, 110.0], cut=0.5) == (0, True)
    assert sure.of([-1, 4], [np.nan, 110.0], cut=0.02)[0] == 1
    assert sure.of([-1, -1], [np.nan, np.nan], cut=1.0) == (-1, False)


def test_a_last_stage_delivers_whatever_is_best():
    assert verdict(beyond=()).of([3, 4], [90.0, 110.0], cut=0.0) == (0, True)
