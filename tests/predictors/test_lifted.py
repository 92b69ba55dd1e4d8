"""Kernels at landmarks: curves for a predictor of lines, and nothing far from all of them."""

import numpy as np

from fairlead.predictors import Lifted, Linear


def make_case(n=1500, *, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    chance = np.where(x[:, :1] * x[:, 1:2] > 0, 0.85, 0.15)
    return x, (rng.random((n, 1)) < chance).astype(float), chance


def test_it_learns_what_no_line_can():
    x, y, _ = make_case()
    new_x, _, chance = make_case(seed=1)
    lifted, straight = (p.fit(x, y).predict_mean(new_x) - chance for p in (Lifted(predictor=Linear()), Linear()))
    assert np.square(lifted).mean() < 0.5 * np.square(straight).mean()


def test_the_same_seed_gives_the_same_landmarks_and_another_gives_others():
    x, y, _ = make_case(500)
    first, again, other = (Lifted(predictor=Linear(), n_landmarks=50, seed=s).fit(x, y).landmarks_ for s in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_identical_prompts_are_no_trouble():
    x, y = np.ones((20, 4)), (np.arange(20) < 14).astype(float)[:, None]
    np.testing.assert_allclose(Lifted(predictor=Linear()).fit(x, y).predict_mean(x), 0.7)
