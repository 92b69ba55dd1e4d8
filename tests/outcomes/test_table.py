"""The outcome table: exact bills, parts of it, and writing it whole or not at all."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from fairlead.errors import TableError
from fairlead.outcomes import Outcomes
from fairlead.outcomes.table import GRIDS
from fairlead.testing import make_outcomes
from fairlead.types import Price, Rate


def test_bill_is_exact_and_cost_is_its_float():
    outcomes = make_outcomes(30, missing=0.3)
    for i, j in np.ndindex(outcomes.score.shape):
        bill, price = outcomes.bill(i, j), outcomes.prices[outcomes.models[j]]
        if np.isnan(outcomes.score[i, j]):
            assert bill is None
            assert np.isnan(outcomes.cost_usd[i, j])
        else:
            tokens = int(outcomes.input_tokens[i, j]), int(outcomes.output_tokens[i, j])
            exact = (tokens[0] * price.input.base + tokens[1] * price.output.base) / Decimal(1_000_000)
            assert bill == exact
            assert outcomes.cost_usd[i, j] == pytest.approx(float(exact), rel=1e-12)


def test_tiers_count_in_the_cost_as_on_the_bill():
    outcomes = make_outcomes(5, models=("m",))
    longer = np.array([[100.0], [200_000], [200_001], [300_000], [7]])
    tiered = Price(id="t", input=Rate(base=Decimal(1), tiers=((200_000, Decimal(2)),)), output=Rate(base=Decimal(3)))
    outcomes = replace(outcomes, input_tokens=longer, prices={"m": tiered})
    bills = [float(outcomes.bill(i, 0)) for i in range(5)]
    np.testing.assert_allclose(outcomes.cost_usd[:, 0], bills, rtol=1e-12)


def test_unpriced_model_has_no_cost():
    outcomes = make_outcomes(5)
    outcomes = replace(outcomes, prices={"strong": outcomes.prices["strong"]})
    assert outcomes.bill(0, 1) is None
    assert np.isnan(outcomes.cost_usd[:, 1:]).all()
    assert [candidate.price is None for candidate in outcomes.candidates()] == [False, True, True]


def test_candidate_is_named_as_in_the_table():
    candidate = make_outcomes(3).candidates()[2]
    assert (candidate.name, candidate.model, candidate.weights) == ("weak", "weak", "weak")


def test_written_table_is_read_back(tmp_path):
    outcomes = make_outcomes(30, missing=0.2)
    outcomes = replace(outcomes, latency_s=outcomes.output_tokens / 50)
    outcomes.write(tmp_path / "deep" / "made-up")
    back = Outcomes.read(tmp_path / "deep" / "made-up")
    assert (back.name, back.models, back.prompts, back.prices) == (
        outcomes.name,
        outcomes.models,
        outcomes.prompts,
        outcomes.prices,
    )
    for grid in GRIDS:
        np.testing.assert_array_equal(getattr(back, grid), getattr(outcomes, grid), err_msg=grid)
    assert back.data_hash == outcomes.data_hash


def test_failed_write_leaves_nothing(tmp_path):
    outcomes = make_outcomes(5)
    cached = replace(outcomes.prices["weak"], cache_read=Rate(base=Decimal(1)))
    with pytest.raises(TableError, match="tiers or other rates"):
        replace(outcomes, prices={"weak": cached}).write(tmp_path / "table")
    assert list(tmp_path.iterdir()) == []


def test_existing_folder_is_not_overwritten(tmp_path):
    outcomes = make_outcomes(5)
    outcomes.write(tmp_path / "table")
    with pytest.raises(TableError, match="exists already"):
        outcomes.write(tmp_path / "table")


def test_hash_is_of_the_content_not_its_order():
    outcomes = make_outcomes(20, missing=0.1)
    turned = outcomes.rows(np.arange(20)[::-1]).only(["weak", "strong", "middle"])
    assert turned.data_hash == outcomes.data_hash
    changed = outcomes.score.copy()
    changed[3, 0] = 0.25
    others = [
        replace(outcomes, score=changed),
        replace(outcomes, prompts=("another", *outcomes.prompts[1:])),
        replace(outcomes, prices={}),
        replace(outcomes, latency_s=outcomes.output_tokens / 50),
        outcomes.rows(np.arange(19)),
    ]
    assert outcomes.data_hash not in {other.data_hash for other in others}


def test_rows_by_number_and_by_truth():
    outcomes = make_outcomes(6)
    picked = outcomes.rows([4, 1])
    assert picked.prompt_ids == ("p00004", "p00001")
    np.testing.assert_array_equal(picked.score, outcomes.score[[4, 1]])
    assert outcomes.rows(np.arange(6) == 2).prompt_ids == ("p00002",)


def test_only_keeps_order_and_prices():
    outcomes = make_outcomes(6).only(["weak", "strong"])
    assert (outcomes.models, set(outcomes.prices)) == (("weak", "strong"), {"weak", "strong"})
    with pytest.raises(TableError, match="no model `none`; expected one of `weak`, `strong`"):
        outcomes.only(["none"])


def test_complete_rows_were_measured_at_every_model():
    outcomes = make_outcomes(40, missing=0.3)
    complete = outcomes.complete()
    assert 0 < len(complete) < 40
    assert not np.isnan(complete.score).any()


def test_split_parts_the_prompts_and_repeats_with_its_seed():
    outcomes = make_outcomes(200)
    train, test = outcomes.split(0.7, seed=3)
    assert len(train) == 140
    assert set(train.prompt_ids).isdisjoint(test.prompt_ids)
    assert train.prompt_ids == outcomes.split(0.7, seed=3)[0].prompt_ids
    assert train.prompt_ids != outcomes.split(0.7, seed=4)[0].prompt_ids


@pytest.mark.parametrize("fraction", [0, 1, 1.5, float("nan")])
def test_impossible_fraction_is_refused(fraction):
    with pytest.raises(TableError, match=r"`fraction` is .*; expected a number between 0 and 1"):
        make_outcomes(5).split(fraction, seed=0)


def test_one_question_cannot_be_split():
    outcomes = replace(make_outcomes(3), prompts=("Why?", "why", "WHY!"))
    with pytest.raises(TableError, match="fewer than two different questions"):
        outcomes.split(0.5, seed=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"score": np.zeros((2, 2))}, r"`score` of table `made-up` is \(2, 2\); expected \(4, 3\)"),
        ({"score": np.full((4, 3), 2.0)}, r"outside \[0, 1\]"),
        ({"prompts": ("one",)}, "`prompts` of table `made-up` has 1 rows, not 4"),
        ({"prompt_ids": ("a", "a", "b", "c")}, "name something twice"),
        ({"models": ("a", "a", "b")}, "name something twice"),
    ],
)
def test_table_made_by_hand_is_checked_too(change, message):
    with pytest.raises(TableError, match=message):
        replace(make_outcomes(4), **change)
