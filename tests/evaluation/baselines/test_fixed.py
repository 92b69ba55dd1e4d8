import numpy as np
import pytest

from fairlead.evaluation import baselines
from fairlead.testing import make_outcomes

NAMES = ["best single, in hindsight", "cheapest, in hindsight", "random", "random mix at equal cost", "oracle"]


def chosen_by(method, table, *, spent_usd=np.nan):
    return method.choose(table, seed=0, spent_usd=spent_usd)


def test_only_the_oracle_is_a_bound(table):
    assert [method.name for method in baselines()] == NAMES
    assert [method.bound for method in baselines()] == [False, False, False, False, True]


@pytest.mark.parametrize("method", baselines(), ids=lambda method: method.name)
def test_shares_are_chances_and_nothing_is_predicted(method, table):
    chosen = chosen_by(method, table, spent_usd=float(table.cost_usd.mean()))
    assert chosen.share.shape == table.score.shape
    assert (chosen.share >= 0).all()
    np.testing.assert_allclose(chosen.share.sum(axis=1), 1.0)
    assert np.isnan(chosen.p_success).all()


def test_with_a_training_table_single_models_are_picked_there(table):
    flipped = table.only(["weak", "strong"])
    train = make_outcomes(50, models=("weak", "strong"))  # here the first is the better and dearer one
    best, cheapest, *_ = baselines(train)
    assert (best.name, cheapest.name) == ("best single", "cheapest")
    assert chosen_by(best, flipped).share[:, 0].all()
    assert chosen_by(cheapest, flipped).share[:, 1].all()


def test_in_hindsight_the_table_itself_says_who_is_best(table):
    best, cheapest, *_ = baselines()
    assert table.models[chosen_by(best, table).share[0].argmax()] == "strong"
    assert table.models[chosen_by(cheapest, table).share[0].argmax()] == "weak"


def test_the_random_mix_spends_what_the_first_method_did(table):
    mix = baselines()[3]
    spent_usd = float(table.cost_usd.mean(axis=0)[1] * 1.3)
    share = chosen_by(mix, table, spent_usd=spent_usd).share
    assert (share * table.cost_usd).sum(axis=1).mean() == pytest.approx(spent_usd)


def test_the_oracle_takes_the_cheapest_of_the_best(table):
    share = chosen_by(baselines()[4], table).share
    cost = np.where(table.score == table.score.max(axis=1, keepdims=True), table.cost_usd, np.inf)
    np.testing.assert_array_equal(share.argmax(axis=1), cost.argmin(axis=1))
