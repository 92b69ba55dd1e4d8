"""Fairlead as a contender: the router that `fit` makes, guarded as it serves, and without its guard."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from fairlead.evaluation.baselines.base import Sweep, worth_labels
from fairlead.policies import HullGuard, Utility
from fairlead.policies.base import Circumstances

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.evaluation.baselines.base import Exam, Lesson
    from fairlead.policies.base import Policy
    from fairlead.router import Router
    from fairlead.types import FloatArray, Predictions

NAME = "Fairlead"
UNGUARDED = "Fairlead, no guard"
DEFAULT = "as fitted"
"""The setting of the default operating point: the policy that `fit` serves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """One fitted router at its default, then at every worth of a right answer."""

    router: Router
    guarded: bool = True
    bound: bool = False

    @property
    def name(self) -> str:
        """What it is called in the table of results."""
        return NAME if self.guarded else UNGUARDED

    @property
    def about(self) -> str:
        """One line."""
        if self.guarded:
            return "the router that `fairlead fit` makes, each operating point under the hull guard"
        return "the same predictions, whatever the guard says"

    def applies(self, lesson: Lesson) -> bool:  # noqa: ARG002 - part of the contract
        """Always."""
        return True

    def sweep(self, lesson: Lesson, exam: Exam) -> Sweep:
        """Returns what its policies come to on the exam."""
        predictions = self.router.predict(exam.test.requests)
        circumstances = _circumstances(self.router, len(exam), lesson.seed)
        policies = self._policies(lesson)
        realised = [policy.realised(predictions, circumstances, exam.recorded) for policy in policies]
        return Sweep(
            settings=(DEFAULT, *worth_labels(lesson)),
            default=0,
            score=np.stack([one.score for one in realised]),
            cost_usd=np.stack([one.cost_usd for one in realised]),
            p_success=_expected(policies[0], predictions, circumstances),
            win_rate=_win_rate(self.router, predictions),
            picked=_picked(self.router, policies, lesson),
        )

    def _policies(self, lesson: Lesson) -> Sequence[Policy]:
        policies = _guarded(self.router, tuple(float(worth) for worth in lesson.worths_usd))
        return policies if self.guarded else [_inside(policy) for policy in policies]


@lru_cache(maxsize=1)  # both contenders of a split ask for it
def _guarded(router: Router, worths_usd: tuple[float, ...]) -> tuple[Policy, ...]:
    return router.policy, *(router.judged(Utility(willingness_to_pay_usd=worth)) for worth in worths_usd)


def _inside(policy: Policy) -> Policy:
    return policy.policy if isinstance(policy, HullGuard) else policy


def _picked(router: Router, policies: Sequence[Policy], lesson: Lesson) -> dict[str, int]:
    """Returns the setting for each purpose, by what the policies came to out of fold on the training prompts."""
    if router.evidence is None or not lesson.costed:
        return {}
    predictions, recorded = router.evidence.case(router.candidates, np.arange(len(router.candidates)))
    circumstances = _circumstances(router, len(lesson.x), lesson.seed)
    realised = [policy.realised(predictions, circumstances, recorded) for policy in policies]
    score, cost_usd = (np.array([getattr(one, name).mean() for one in realised]) for name in ("score", "cost_usd"))
    reference = lesson.score[:, lesson.reference].mean(), lesson.mean_cost_usd[lesson.reference]
    as_good, as_cheap = score >= reference[0], cost_usd <= reference[1]
    picked = {}
    if as_good.any():
        picked["parity"] = int(np.where(as_good, cost_usd, np.inf).argmin())
    if as_cheap.any():
        picked["same cost"] = int(np.where(as_cheap, score, -np.inf).argmax())
    return picked


def _circumstances(router: Router, n: int, seed: int) -> Circumstances:
    names = [candidate.name for candidate in router.candidates]
    return Circumstances(
        eligible=np.ones((n, len(names)), dtype=np.bool_),
        reference=names.index(router.reference) if router.reference in names else -1,
        mix_draw=np.random.default_rng(seed).random(n),
    )


def _expected(policy: Policy, predictions: Predictions, circumstances: Circumstances) -> FloatArray:
    first = policy.choose(predictions, circumstances).first
    expected: FloatArray = predictions.p_success[np.arange(len(first)), first]
    return expected


def _win_rate(router: Router, predictions: Predictions) -> FloatArray | None:
    """Returns how far the reference is expected to be ahead, where there are two candidates."""
    names = predictions.candidates
    if len(names) != 2 or router.reference is None:
        return None
    reference = names.index(router.reference)
    ahead: FloatArray = predictions.p_success[:, reference] - predictions.p_success[:, 1 - reference]
    return ahead
