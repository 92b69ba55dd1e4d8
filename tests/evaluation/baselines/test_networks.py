import numpy as np

from fairlead.evaluation.baselines.bandit import _Walk
from fairlead.evaluation.baselines.networks import BattleFactors, Perceptron
from fairlead.evaluation.baselines.plug_ins import _k_means, _nearest


def test_a_perceptron_learns_what_is_not_linear():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2000, 2))
    y = (x[:, [0]] * x[:, [1]] > 0) * 1.0
    fitted = Perceptron(n_epochs=80, patience=20).fit(x, y)
    asked = rng.normal(size=(500, 2))
    right = (fitted.predict(asked)[:, 0] > 0.5) == (asked[:, 0] * asked[:, 1] > 0)
    assert right.mean() > 0.9


def test_the_gradient_is_the_slope_of_the_loss():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 3)), rng.random((20, 2))
    network = Perceptron(n_hidden=4, n_epochs=0).fit(x, y)

    def loss():
        p = network.predict(x)
        return -(y * np.log(p) + (1 - y) * np.log(1 - p)).sum() / len(x)

    gradients = network._gradients(x, y)
    for name, gradient in gradients.items():
        weight = network.weights[name]
        at = (0,) * weight.ndim
        weight[at] += 1e-6
        above = loss()
        weight[at] -= 2e-6
        below = loss()
        weight[at] += 1e-6
        np.testing.assert_allclose(gradient[at], (above - below) / 2e-6, rtol=1e-4, atol=1e-7)


def test_battles_show_who_wins_where():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1500, 4))
    score = np.column_stack([x[:, 0] > 0, x[:, 0] <= 0, rng.random(1500) < 0.5]) * 1.0
    rate = BattleFactors().fit(x, score).win_rate(x, 0, 1)
    assert rate[x[:, 0] > 0.5].min() > 0.6
    assert rate[x[:, 0] < -0.5].max() < 0.4
    np.testing.assert_allclose(rate + BattleFactors().fit(x, score).win_rate(x, 1, 0), 1.0)


def test_a_bandit_knows_what_a_regression_would():
    rng = np.random.default_rng(0)
    walk = _Walk(1, 1, 3, 1.0)
    x, y = rng.normal(size=(50, 3)), rng.random(50)
    for row, outcome in zip(x, y, strict=True):
        walk.learn(row, np.array([0]), np.array([outcome]), np.array([2.0]))
    np.testing.assert_allclose(walk.theta()[0, 0], np.linalg.solve(x.T @ x + np.eye(3), x.T @ y))
    np.testing.assert_allclose(walk.price(np.array([4.0])), [[0.5]])


def test_a_bandit_tries_each_model_before_any_twice():
    walk = _Walk(2, 3, 2, 0.99)
    x = np.ones(2)
    tried = []
    for _ in range(3):
        chosen = walk.choose(x, 0.1, np.array([1.0, np.inf]))
        tried.append(chosen.tolist())
        walk.learn(x, chosen, np.ones(2), np.ones(2))
    assert sorted(tried) == [[0, 0], [1, 1], [2, 2]]


def test_clusters_are_found_and_none_is_empty():
    rng = np.random.default_rng(0)
    centres = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    x = np.repeat(centres, 30, axis=0) + 0.1 * rng.normal(size=(90, 2))
    found, label = _k_means(x, 3, rng)
    assert sorted(np.bincount(label).tolist()) == [30, 30, 30]
    np.testing.assert_allclose(np.sort(found.sum(axis=1)), [0, 10, 10], atol=0.2)
    same, alone = _k_means(np.ones((5, 2)), 4, rng)
    assert (len(same), set(alone.tolist())) == (1, {0})


def test_neighbours_come_nearest_first():
    among = np.eye(4)
    np.testing.assert_array_equal(_nearest(np.array([[0.9, 0.4, 0.1, 0.0]]), among, 3), [[0, 1, 2]])
