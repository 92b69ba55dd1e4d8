import numpy as np
import pytest

from fairlead.statistics.calibration import sigmoid
from fairlead.statistics.logistic import fit_logistic, fit_offsets, log_odds


def test_coefficients_are_found_where_labels_are_many():
    rng = np.random.default_rng(0)
    x = np.column_stack([np.ones(20_000), rng.normal(size=20_000)])
    y = (rng.random(20_000) < sigmoid(x @ [0.5, -1.5])).astype(np.float64)
    found = fit_logistic(x, y, prior=np.zeros(2), precision=np.ones(2))
    np.testing.assert_allclose(found, [0.5, -1.5], atol=0.08)


def test_without_labels_they_stay_at_their_prior():
    found = fit_logistic(np.ones((0, 2)), np.ones(0), prior=np.array([0.3, -2.0]), precision=np.ones(2))
    np.testing.assert_allclose(found, [0.3, -2.0])


def test_labels_that_are_all_alike_give_no_infinite_coefficients():
    found = fit_logistic(np.ones((500, 1)), np.ones(500), prior=np.zeros(1), precision=np.full(1, 0.5))
    assert 2 < found[0] < 12


def test_offsets_are_shrunk_as_much_as_their_groups_are_small():
    y = np.array([1.0] * 3 + [1.0, 1.0, 0.0] * 200)
    group = np.array([0] * 3 + [1] * 600)
    few, many, none = fit_offsets(np.zeros(603), y, group, 3, strength=30.0)
    assert 0 < few < 0.1
    assert many == pytest.approx(np.log(2), abs=0.15)
    assert none == 0


def test_log_odds_are_bounded():
    assert np.isfinite(log_odds(np.array([0.0, 1.0]))).all()
    assert log_odds(np.array([0.5]))[0] == 0
