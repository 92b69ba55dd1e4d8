"""Worlds in which the true loss of every policy of a ladder is known, to hold certificates to their promise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairlead.proof.certifying import Terms, keeps_margin
from fairlead.statistics.claims import fixed_sequence

if TYPE_CHECKING:
    from collections.abc import Callable

TINY = 1e-6
"""By which a loss at the edge is above the margin: a policy that must not be certified."""


@dataclass(frozen=True, kw_only=True)
class World:
    """A ladder: how losses are drawn, (n_policies, n_questions), and what they are in the mean."""

    terms: Terms
    true_loss: np.ndarray
    draw: Callable[[np.random.Generator], np.ndarray]

    def breaks(self, certified: int) -> bool:
        """Says whether one of the first `certified` policies loses more than the margin, in truth."""
        return bool((self.true_loss[:certified] > self.terms.margin).any())


def certified_in(world: World, seed: int) -> int:
    """Returns how many policies are certified on one draw."""
    p = []
    for loss in world.draw(np.random.default_rng(seed)):
        p.append(keeps_margin(loss, world.terms))
        if p[-1] > 1 - world.terms.confidence:
            break
    return fixed_sequence(np.array(p), 1 - world.terms.confidence)


def _pass_or_fail(margin, confidence, n, losses, disagreement):
    """0/1 scores: a policy loses a question, wins one or comes out the same; each policy by itself."""
    losses = np.asarray(losses)

    def draw(rng):
        u = rng.random((len(losses), n))
        lost = (disagreement + losses[:, None]) / 2
        return np.where(u < lost, 1.0, np.where(u < disagreement, -1.0, 0.0))

    return World(terms=Terms(margin=margin, confidence=confidence), true_loss=losses, draw=draw)


def _threshold_that_jumps(margin, confidence, n):
    """Policies send what is below a threshold of difficulty elsewhere; at one point mass of it the loss jumps.

    A third of the questions have the very same difficulty: with them the loss goes from far below the margin to just
    above it, at once.
    """
    cuts = np.linspace(0, 0.6, 7)
    share_below, at_mass = 0.4, 0.33
    chance_lost = np.array([0.01, (margin + TINY - share_below * 0.01) / at_mass, 0.02])  # below, at, above the mass

    def true_loss(cut):
        below = min(cut / 0.3, 1.0) * share_below * chance_lost[0]
        return below + (at_mass * chance_lost[1] if cut >= 0.3 else 0.0) + max(cut - 0.3, 0.0) * 0.27 / 0.3 * 0.02

    def draw(rng):
        kind = rng.random(n)
        difficulty = np.where(
            kind < share_below,
            rng.random(n) * 0.3,
            np.where(kind < share_below + at_mass, 0.3, 0.3 + rng.random(n) * 0.3),
        )
        place = np.where(kind < share_below, 0, np.where(kind < share_below + at_mass, 1, 2))
        lost = (rng.random(n) < chance_lost[place]).astype(np.float64)
        return np.stack(
            [np.where((difficulty <= cut) & ((place != 0) | (difficulty < cut)), lost, 0.0) for cut in cuts]
        )

    return World(
        terms=Terms(margin=margin, confidence=confidence), true_loss=np.array([true_loss(c) for c in cuts]), draw=draw
    )


def _fractions(margin, confidence, n, losses):
    """Scores that a judge gives in tenths, mostly the same on both sides: point masses between 0 and 1."""
    losses = np.asarray(losses)

    def draw(rng):
        step = rng.choice([-0.2, -0.1, 0.1, 0.2, 0.7], size=(len(losses), n), p=[0.2, 0.3, 0.3, 0.15, 0.05])
        mean = float(np.dot([-0.2, -0.1, 0.1, 0.2, 0.7], [0.2, 0.3, 0.3, 0.15, 0.05]))
        differs = rng.random((len(losses), n)) < losses[:, None] / mean
        return np.where(differs, step, 0.0)

    return World(terms=Terms(margin=margin, confidence=confidence), true_loss=losses, draw=draw)


def _all_or_nothing(margin, confidence, n, n_policies):
    """The policies share their luck: each repeats the losses of the one before and adds its own."""
    steps = np.full(n_policies, (margin + TINY) / n_policies)
    losses = np.cumsum(steps)

    def draw(rng):
        u = rng.random(n)
        return np.stack([(u < loss).astype(np.float64) for loss in losses])

    return World(terms=Terms(margin=margin, confidence=confidence), true_loss=losses, draw=draw)


WORLDS = {
    "every policy at the edge": _pass_or_fail(0.02, 0.95, 600, np.full(6, 0.02 + TINY), 0.1),
    "the first at the edge, few questions": _pass_or_fail(0.05, 0.9, 60, [0.05 + TINY, 0.2], 0.051),
    "safe ones before the edge": _pass_or_fail(0.05, 0.95, 800, [-0.02, 0.0, 0.05 + TINY, 0.1], 0.15),
    "nearly all differ": _pass_or_fail(0.1, 0.9, 300, [0.1 + TINY] * 4, 0.95),
    "rare losses": _pass_or_fail(0.02, 0.95, 30, [0.02 + TINY], 0.02 + TINY),
    "rare losses, more questions": _pass_or_fail(0.02, 0.95, 400, [0.02 + TINY], 0.02 + TINY),
    "no loss may be given up": _pass_or_fail(0.0, 0.95, 300, [TINY, 0.02], 0.1),
    "a threshold at a point mass": _threshold_that_jumps(0.02, 0.95, 1500),
    "a judge's tenths": _fractions(0.02, 0.95, 700, [0.005, 0.02 + TINY, 0.03]),
    "one policy after another adds losses": _all_or_nothing(0.03, 0.9, 500, 8),
    "high confidence": _pass_or_fail(0.05, 0.99, 400, [0.05 + TINY] * 3, 0.12),
}
"""Name -> world; each has a policy that must not be certified, as near to the margin as can be."""
