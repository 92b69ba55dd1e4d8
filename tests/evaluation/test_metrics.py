from dataclasses import replace

import numpy as np
import pytest

from fairlead.evaluation.methods import Chosen, one_each
from fairlead.evaluation.metrics import Resampling, figures, fixed_models, misrouted
from fairlead.evaluation.trials import Trial, pool
from fairlead.statistics.calibration import brier, expected_calibration_error

N = 300


def make_trial(column, *, p_success=None, seed=0, questions=None, cost_usd=None):
    """Two models: the first right in 80 % at 1 USD, the second in 50 % at 0.2 USD; the first is the reference."""
    rng = np.random.default_rng(seed)
    score = (rng.random((N, 2)) < [0.8, 0.5]) * 1.0
    predicted = np.full(N, np.nan) if p_success is None else p_success
    return Trial(
        models=("dear", "cheap"),
        questions=tuple(map(str, range(N))) if questions is None else questions,
        score=score,
        cost_usd=np.tile([1.0, 0.2], (N, 1)) if cost_usd is None else cost_usd,
        reference=np.zeros(N, dtype=np.int64),
        chosen={"it": Chosen(share=one_each(column, 2), p_success=predicted)},
        bounds=frozenset(),
    )


def alternating():
    return np.arange(N) % 2


def test_every_figure_is_what_its_name_says():
    trial = make_trial(alternating())
    found = figures(trial, "it", Resampling())
    own = trial.score[np.arange(N), alternating()]
    dear, cheap = trial.score.mean(axis=0)
    assert (found.n, found.n_unscored) == (N, 0)
    assert found.score.value == pytest.approx(own.mean())
    assert found.cost_usd.value == pytest.approx(0.6)
    assert found.difference.value == pytest.approx(own.mean() - dear)
    assert found.cost_ratio.value == pytest.approx(0.6)
    assert found.gain.value == pytest.approx(own.mean() - (dear + cheap) / 2)
    assert found.regret.value == pytest.approx(trial.score.max(axis=1).mean() - own.mean())
    assert dict(found.calls) == {"dear": 0.5, "cheap": 0.5}


def test_the_reference_itself_differs_from_itself_by_nothing():
    found = figures(make_trial(np.zeros(N, dtype=np.int64)), "it", Resampling())
    for figure in (found.difference, found.gain):
        assert (figure.value, figure.low, figure.high) == (0.0, 0.0, 0.0)
    assert (found.cost_ratio.low, found.cost_ratio.high) == (1.0, 1.0)


def test_intervals_hold_their_value_and_are_paired():
    found = figures(make_trial(alternating()), "it", Resampling())
    for figure in (found.score, found.difference, found.regret):
        assert figure.low < figure.value < figure.high
    # the half that is served by the reference cancels out, so the difference varies less than its two parts
    assert found.difference.high - found.difference.low < 1.4 * (found.score.high - found.score.low)


def test_a_choice_that_was_not_measured_is_counted_and_in_no_figure():
    column = np.where(np.arange(N) < 30, -1, 0)
    trial = make_trial(column)
    found = figures(trial, "it", Resampling())
    assert (found.n, found.n_unscored) == (N - 30, 30)
    assert found.score.value == pytest.approx(trial.score[30:, 0].mean())
    assert found.difference.value == 0.0
    assert found.calls["dear"] == pytest.approx(0.9)


def test_a_method_of_which_nothing_was_measured_has_no_figures():
    found = figures(make_trial(np.full(N, -1)), "it", Resampling())
    assert (found.n, found.n_unscored) == (0, N)
    assert np.isnan(found.score.value)
    assert found.calls == {}


def test_calibration_is_that_of_the_chosen_candidate():
    p_success = np.random.default_rng(3).random(N)
    p_success[:20] = np.nan
    trial = make_trial(alternating(), p_success=p_success)
    own = trial.score[np.arange(N), alternating()]
    found = figures(trial, "it", Resampling())
    assert found.brier.value == pytest.approx(brier(p_success, own))
    assert found.calibration_error.value == pytest.approx(expected_calibration_error(p_success, own))
    assert found.brier.low < found.brier.value < found.brier.high


def test_unknown_costs_leave_the_scores_standing():
    found = figures(make_trial(alternating(), cost_usd=np.full((N, 2), np.nan)), "it", Resampling())
    assert found.score.low < found.score.high
    assert np.isnan([found.cost_usd.value, found.cost_ratio.value, found.gain.value, found.gain.low]).all()


def test_a_prompt_that_is_tested_twice_is_no_second_piece_of_evidence():
    trial = make_trial(alternating())
    once = figures(trial, "it", Resampling())
    twice = figures(pool([trial, trial]), "it", Resampling())
    assert twice.n == 2 * N
    assert twice.score.high - twice.score.low == pytest.approx(once.score.high - once.score.low)


def test_each_model_on_its_own_has_its_point():
    trial = make_trial(alternating())
    dear, cheap = fixed_models(trial, Resampling())
    assert (dear.model, cheap.model) == ("dear", "cheap")
    assert dear.score.value == pytest.approx(trial.score[:, 0].mean())
    assert (cheap.cost_usd.value, cheap.cost_usd.low) == (pytest.approx(0.2), pytest.approx(0.2))


def test_a_misroute_is_a_failure_where_the_reference_succeeds():
    trial = make_trial(np.ones(N, dtype=np.int64))  # all to the cheap one
    found = figures(trial, "it", Resampling())
    lost = (trial.score[:, 0] == 1) & (trial.score[:, 1] == 0)
    assert found.misroute.value == pytest.approx(lost.mean())
    assert found.misroute.low < found.misroute.value < found.misroute.high
    assert found.misroute_cost_usd.value == pytest.approx(lost.mean() * 1.0)  # the reference again, at 1 USD
    assert figures(make_trial(np.zeros(N, dtype=np.int64)), "it", Resampling()).misroute.high == 0


def test_misroutes_of_shares_and_of_fractional_scores():
    score = np.array([[0.9, 0.4], [0.4, 0.1], [0.5, 0.5]])
    share = np.array([[0.25, 0.75], [0.0, 1.0], [0.0, 1.0]])
    np.testing.assert_allclose(misrouted(score[:, 0], score, share), [0.75, 0.0, 0.0])
    assert np.isnan(misrouted(np.full(3, np.nan), score, share)).all()


def test_who_is_called_and_not_served_is_paid():
    trial = make_trial(alternating())
    both = Chosen(share=one_each(alternating(), 2), p_success=np.full(N, np.nan), calls=np.ones((N, 2)))
    found = figures(replace(trial, chosen={"it": both}), "it", Resampling())
    assert found.cost_usd.value == pytest.approx(1.2)
    assert found.score.value == pytest.approx(figures(trial, "it", Resampling()).score.value)
    assert dict(found.calls) == {"dear": 1.0, "cheap": 1.0}
    pooled = pool([replace(trial, chosen={"it": both}), trial])
    assert figures(pooled, "it", Resampling()).cost_usd.value == pytest.approx(0.9)


def test_chances_that_can_be_trusted_show_no_excess_and_lie_within_the_limit():
    rng = np.random.default_rng(0)
    p = rng.random(N)
    trial = make_trial(np.zeros(N, dtype=np.int64), p_success=p)
    trial.score[:, 0] = rng.random(N) < p
    found = figures(trial, "it", Resampling())
    assert found.calibration_error.value < found.calibration_limit
    assert found.calibration_excess.value == pytest.approx(0, abs=0.03)
    assert found.calibration_excess.value < found.calibration_error.value
    wrong = figures(replace(trial, chosen={"it": replace(trial.chosen["it"], p_success=1 - p)}), "it", Resampling())
    assert wrong.calibration_error.value > wrong.calibration_limit
    assert found.auc.low > 0.7
    assert wrong.auc.high < 0.3


def test_the_lower_limit_of_the_gain_is_one_sided():
    found = figures(make_trial(alternating()), "it", Resampling())
    assert found.gain.low < found.gain_lower < found.gain.value
