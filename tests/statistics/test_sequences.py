import numpy as np
import pytest

from fairlead.statistics.sequences import mixture_radius


@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_a_sum_stays_within_at_every_moment_as_often_as_promised(alpha):
    rng = np.random.default_rng(0)
    steps = rng.normal(0, 1, (2000, 400))
    sums = np.cumsum(steps, axis=1)[:, 24:]
    radius = mixture_radius(np.arange(25.0, 401.0), alpha=alpha)
    assert (np.abs(sums) > radius).any(axis=1).mean() <= alpha


def test_steps_may_grow_on_the_way():
    """A variance that jumps is no trouble as long as it is told."""
    rng = np.random.default_rng(1)
    sd = np.where(np.arange(400) < 200, 1.0, 5.0)
    sums = np.cumsum(rng.normal(0, sd, (2000, 400)), axis=1)[:, 24:]
    radius = mixture_radius(np.cumsum(sd**2)[24:])
    assert (np.abs(sums) > radius).any(axis=1).mean() <= 0.05


def test_the_radius_is_that_of_its_scale():
    variance = np.array([2.0, 5.0, 50.0])
    np.testing.assert_allclose(mixture_radius(9 * variance), 3 * mixture_radius(variance))
    np.testing.assert_allclose(mixture_radius(variance[1:], first_look=2.0), mixture_radius(variance)[1:])
