"""What we ship for users' tests: a table that a router can learn from, and a clock that stands still."""

import numpy as np

from fairlead.testing import FixedClock, make_outcomes


def test_made_up_table_repeats_with_its_seed():
    assert make_outcomes(30, seed=1).data_hash == make_outcomes(30, seed=1).data_hash
    assert make_outcomes(30, seed=1).data_hash != make_outcomes(30, seed=2).data_hash


def test_made_up_models_differ_on_hard_prompts_only():
    outcomes = make_outcomes(4000)
    hard = np.array(outcomes.subset) == "hard"
    strong, _, weak = (outcomes.score[hard].mean(axis=0)).tolist()
    assert strong - weak > 0.5
    strong, _, weak = (outcomes.score[~hard].mean(axis=0)).tolist()
    assert abs(strong - weak) < 0.1


def test_made_up_models_get_cheaper():
    assert (np.diff(make_outcomes(100).cost_usd.mean(axis=0)) < 0).all()


def test_missing_cells_leave_the_first_model_whole():
    outcomes = make_outcomes(500, missing=0.4)
    measured = ~np.isnan(outcomes.score)
    assert measured[:, 0].all()
    assert 0.5 < measured[:, 1:].mean() < 0.7
    assert np.isnan(outcomes.cost_usd[~measured]).all()


def test_clock_moves_only_when_told():
    clock = FixedClock()
    before = clock.now(), clock.monotonic()
    assert (clock.now(), clock.monotonic()) == before
    clock.advance(90)
    assert (clock.now() - before[0]).total_seconds() == clock.monotonic() == 90
