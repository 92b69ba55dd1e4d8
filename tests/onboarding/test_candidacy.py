"""Which prompt to label next, and what it is worth: on a world whose abilities and demands are known."""

import numpy as np
import pytest

from fairlead.onboarding import Candidacy
from fairlead.statistics.calibration import sigmoid

N, N_OTHERS = 500, 10


class World:
    """Nine models and a candidate; how hard a prompt is shows in its features in part."""

    def __init__(self, ability, seed=0):
        rng = np.random.default_rng(seed)
        self.x = rng.normal(size=(N, 4))
        easiness = 1.2 * self.x[:, 0] + rng.normal(size=N)
        others = np.linspace(-1.0, 1.0, N_OTHERS)
        self.y = (rng.random((N, N_OTHERS)) < sigmoid(easiness[:, None] + others)).astype(float)
        self.truth = (rng.random(N) < sigmoid(easiness + ability)).astype(float)
        self.p_success = sigmoid(0.8 * (1.2 * self.x[:, :1] + others))
        self.candidacy = Candidacy.among(self.x, self.y, self.p_success, seed=seed)

    def labels(self, rows):
        labels = np.full(N, np.nan)
        labels[rows] = self.truth[rows]
        return labels

    def asked(self, k):
        """Labels of `k` prompts, five proposed at a time after the answers before them."""
        labels = self.labels([])
        for _ in range(k // 5):
            i = self.candidacy.proposed(labels, 5)
            labels[i] = self.truth[i]
        return labels


@pytest.fixture(scope="module")
def strong():
    return World(2.5)


@pytest.fixture(scope="module")
def weak():
    return World(-2.0)


def test_proposals_are_new_prompts_each_once(strong):
    labels = strong.labels(range(20))
    proposed = strong.candidacy.proposed(labels, 30)
    assert len(set(proposed.tolist())) == 30
    assert (proposed >= 20).all()


def test_no_more_is_proposed_than_there_is(strong):
    labels = strong.truth.copy()
    labels[:5] = np.nan
    assert sorted(strong.candidacy.proposed(labels, 9).tolist()) == [0, 1, 2, 3, 4]
    assert strong.candidacy.proposed(strong.truth, 9).tolist() == []


def test_only_askable_prompts_are_proposed(strong):
    askable = np.arange(N) % 7 == 0
    assert (strong.candidacy.proposed(strong.labels([]), 10, askable=askable) % 7 == 0).all()


def test_every_topic_gets_its_share(strong):
    topic = strong.candidacy.topic
    asked = np.bincount(topic[strong.candidacy.proposed(strong.labels([]), 100)], minlength=topic.max() + 1)
    np.testing.assert_allclose(asked / 100, np.bincount(topic) / N, atol=0.02)


def test_later_questions_depend_on_earlier_answers(strong):
    all_right = np.where(np.arange(N) < 20, 1.0, np.nan)
    all_wrong = np.where(np.arange(N) < 20, 0.0, np.nan)
    after_right, after_wrong = (strong.candidacy.proposed(labels, 10) for labels in (all_right, all_wrong))
    difficulty = -strong.candidacy.items.mean[:, -1]
    assert difficulty[after_right].mean() > difficulty[after_wrong].mean() + 0.5


def test_chosen_labels_tell_more_of_the_ability_than_random_ones():
    wider = []
    for seed in range(6):
        world = World(1.5, seed=seed)
        random = world.labels(np.random.default_rng(seed).permutation(N)[:30])
        chosen, drawn = (world.candidacy.standing(labels) for labels in (world.asked(30), random))
        wider.append((drawn.high - drawn.low) / (chosen.high - chosen.low))
    assert np.mean(wider) > 1.05


def test_the_score_lies_in_its_interval_about_as_often_as_promised():
    inside = []
    for seed in range(12):
        world = World(np.linspace(-1.5, 1.5, 12)[seed], seed=seed)
        standing = world.candidacy.standing(world.asked(20))
        inside.append(standing.low <= world.truth.mean() <= standing.high)
    assert np.mean(inside) >= 0.75


def test_without_labels_it_is_the_average_model(strong):
    standing = strong.candidacy.standing(strong.labels([]))
    assert standing.n_labels == 0
    assert standing.score == pytest.approx(strong.y.mean(), abs=0.05)
    assert standing.lower <= 0 < standing.remaining


def test_a_strong_candidate_is_worth_having_and_a_weak_one_is_not(strong, weak):
    good, bad = (world.candidacy.standing(world.asked(60)) for world in (strong, weak))
    assert good.gain >= good.lower > 0.02
    assert good.share > 0.7
    assert bad.gain < 0.003
    assert bad.score < good.score


def test_labels_lose_their_worth_as_they_come_in(weak):
    worth = [weak.candidacy.standing(weak.asked(k)) for k in (0, 10, 60)]
    assert worth[0].remaining > worth[1].remaining > worth[2].remaining >= 0
    assert all(0 <= standing.next_label <= standing.remaining for standing in worth)


def test_a_dear_candidate_has_to_be_better_by_what_it_costs(strong):
    labels = strong.asked(40)
    free = strong.candidacy.standing(labels)
    dear = strong.candidacy
    dear = type(dear)(**{name: getattr(dear, name) for name in dear.__dataclass_fields__} | {"cost": np.full(N, 0.5)})
    assert dear.standing(labels).share < 0.05 < free.share
