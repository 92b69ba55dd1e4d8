"""The draws of sessions: fixed, uniform, independent, and not to be guessed without the secret."""

from __future__ import annotations

import numpy as np

from fairlead.proof.control import draws

SECRET = b"a secret of the installation"
MANY = [draws(SECRET, f"session-{i}") for i in range(20_000)]


def test_a_draw_is_pinned_so_that_no_release_moves_a_session_to_the_other_arm():
    drawn = draws(b"secret", "session-1")
    assert (round(drawn.control, 12), round(drawn.mix, 12)) == (0.495311436218, 0.796080721272)


def test_draws_are_uniform():
    for values in ([d.control for d in MANY], [d.mix for d in MANY]):
        distance = np.abs(np.sort(values) - (np.arange(len(values)) + 0.5) / len(values)).max()
        assert distance < 1.63 / np.sqrt(len(values))  # Kolmogorov-Smirnov, 1 %


def test_the_arm_says_nothing_about_the_mix():
    correlation = np.corrcoef([d.control for d in MANY], [d.mix for d in MANY])[0, 1]
    assert abs(correlation) < 3 / np.sqrt(len(MANY))


def test_another_secret_draws_anew():
    others = [draws(b"another", f"session-{i}").control for i in range(2_000)]
    correlation = np.corrcoef([d.control for d in MANY[:2_000]], others)[0, 1]
    assert abs(correlation) < 3 / np.sqrt(len(others))


def test_draws_stay_below_one():
    assert max(d.control for d in MANY) < 1
    assert min(d.control for d in MANY) >= 0


def test_who_sees_draws_of_ids_of_their_choosing_learns_nothing_of_the_next_one():
    """A caller may choose any id and sees the arm: neighbouring ids must tell nothing, nor must any bit of the id."""
    control = np.array([d.control for d in MANY])
    for lag in (1, 2, 10):
        assert abs(np.corrcoef(control[:-lag], control[lag:])[0, 1]) < 3.3 / np.sqrt(len(MANY))
    number = np.arange(len(MANY))
    for bit in range(12):
        side = (number >> bit) & 1
        difference = control[side == 1].mean() - control[side == 0].mean()
        assert abs(difference) < 3.6 * np.sqrt(1 / 12) * 2 / np.sqrt(len(MANY))
