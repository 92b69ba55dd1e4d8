"""Weights that fade to nothing at the edge: who stands there cannot matter."""

import numpy as np

from fairlead.predictors.nearness import nearest, squared_distances


def near(rows, points, k):
    rows, points = np.asarray(rows, dtype=np.float32), np.asarray(points, dtype=np.float32)
    return nearest(squared_distances(rows, points, np.square(points).sum(axis=1)), k)


def test_nearer_points_weigh_more_and_far_ones_nothing():
    found = near([[0.0]], [[5.0], [1.0], [2.0], [3.0]], k=3)
    weight = dict(zip(found.places[0].tolist(), found.weight[0], strict=True))
    assert weight.keys() == {1, 2, 3}
    np.testing.assert_allclose([weight[1], weight[2], weight[3]], np.array([24, 21, 16]) / 61, rtol=1e-5)


def test_the_weight_is_lost_gradually():
    edge = [near([[0.0]], [[1.0], [2.0], [2.0 + gap]], k=2) for gap in (-1e-3, 1e-3)]
    values = np.array([1.0, 0.0, 100.0])
    before, after = (float(found.weight[0] @ values[found.places[0]]) for found in edge)
    assert abs(before - after) < 0.2  # an unfaded neighbour would make it 50


def test_points_that_coincide_and_points_that_are_few_weigh_the_same():
    np.testing.assert_allclose(near([[0.0]], [[1.0]] * 4, k=2).weight, 0.5)
    np.testing.assert_allclose(near([[0.0]], [[1.0], [7.0]], k=5).weight, 0.5)
