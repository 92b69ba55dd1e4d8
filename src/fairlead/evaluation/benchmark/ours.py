"""Fairlead as a contender: one fitted router, guarded as it serves; then without cascades, and without its guard."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from fairlead.evaluation.baselines.base import Sweep, worth_labels
from fairlead.policies import Cascade, HullGuard, Utility
from fairlead.policies.base import Circumstances

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.evaluation.baselines.base import Exam, Lesson
    from fairlead.policies.base import Policy
    from fairlead.router import Router
    from fairlead.types import FloatArray, IntArray, Predictions

NAME = "Fairlead"
DIRECT = "Fairlead, direct"
UNGUARDED = "Fairlead, no guard"
DEFAULT = "objective cost"
"""The setting of the default operating point: as little spent as the floor of one point allows."""

BEYOND_PRICE = 1e6
"""In mean costs of a call to the dearest model: stands for infinity where a policy divides by it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Served:
    """A fitted router with its policies, each judged once and shared by the contenders of a split."""

    router: Router
    lesson: Lesson

    @property
    def cascades(self) -> bool:
        """Whether cheap answers can be compared, and pay off in costs."""
        return self.lesson.answered and self.lesson.costed

    @cached_property
    def direct(self) -> tuple[Policy, ...]:
        """The default, then a policy for each worth of a right answer."""
        worths = self.lesson.worths_usd
        swept = (self._judged(Utility(willingness_to_pay_usd=float(worth))) for worth in worths)
        return self.router.policy, *swept

    @cached_property
    def cascading(self) -> tuple[Policy, ...]:
        """The same with cascades among the actions; then parity, and the best quality at the reference's cost."""
        worths = np.minimum(self.lesson.worths_usd, BEYOND_PRICE * self.lesson.mean_cost_usd.max())
        swept = (Cascade(objective="utility", willingness_to_pay_usd=float(worth)) for worth in worths)
        aims = Cascade(objective="cost", margin=0.0), Cascade(objective="quality")
        return tuple(map(self._judged, (Cascade(objective="cost"), *swept, *aims)))

    def _judged(self, policy: Policy) -> Policy:
        return self.router.judged(policy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """The contender: every operating point is a policy of one router."""

    served: Served
    name: str = NAME
    bound: bool = False

    @property
    def about(self) -> str:
        """One line."""
        return {
            NAME: "the router of `fairlead fit`, with cascades where answers can be compared; guarded at every point",
            DIRECT: "the same without cascades",
            UNGUARDED: "the same, whatever the guard says",
        }[self.name]

    def applies(self, lesson: Lesson) -> bool:  # noqa: ARG002 - part of the contract
        """Says whether it differs from the one that always applies."""
        return self.name != DIRECT or self.served.cascades

    def sweep(self, lesson: Lesson, exam: Exam) -> Sweep:
        """Returns what its policies come to on the exam."""
        router = self.served.router
        predictions = router.predict(exam.test.requests)
        circumstances = _circumstances(router, len(exam), lesson.seed, exam.recorded.answer_form)
        policies, settings = self._policies(lesson)
        realised = [policy.realised(predictions, circumstances, exam.recorded) for policy in policies]
        return Sweep(
            settings=settings,
            default=0,
            score=np.stack([one.score for one in realised]),
            cost_usd=np.stack([one.cost_usd for one in realised]),
            p_success=_expected(policies[0], predictions, circumstances),
            win_rate=_win_rate(router, predictions),
            picked=self._picked(policies, lesson),
        )

    @property
    def _cascades(self) -> bool:
        return self.served.cascades and self.name != DIRECT

    def _policies(self, lesson: Lesson) -> tuple[Sequence[Policy], tuple[str, ...]]:
        policies = self.served.cascading if self._cascades else self.served.direct
        if self.name == UNGUARDED:
            policies = tuple(policy.policy if isinstance(policy, HullGuard) else policy for policy in policies)
        last = ("objective cost, no margin", "objective quality") if self._cascades else ()
        return policies, (DEFAULT, *worth_labels(lesson), *last)

    def _picked(self, policies: Sequence[Policy], lesson: Lesson) -> dict[str, int]:
        """Returns the setting for each purpose: with cascades their own objectives, which are learned in training."""
        if self._cascades:
            return {"parity": len(policies) - 2, "same cost": len(policies) - 1}
        return _picked(self.served.router, policies, lesson)


def _picked(router: Router, policies: Sequence[Policy], lesson: Lesson) -> dict[str, int]:
    """Returns the setting for each purpose, by what the policies came to out of fold on the training prompts."""
    if router.evidence is None or not lesson.costed:
        return {}
    predictions, recorded = router.evidence.case(router.candidates, np.arange(len(router.candidates)))
    circumstances = _circumstances(router, len(lesson.x), lesson.seed, recorded.answer_form)
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


def _circumstances(router: Router, n: int, seed: int, answer_form: IntArray | None) -> Circumstances:
    names = [candidate.name for candidate in router.candidates]
    return Circumstances(
        eligible=np.ones((n, len(names)), dtype=np.bool_),
        reference=names.index(router.reference) if router.reference in names else -1,
        mix_draw=np.random.default_rng(seed).random(n),
        answer_form=answer_form,
    )


def _expected(policy: Policy, predictions: Predictions, circumstances: Circumstances) -> FloatArray | None:
    """Returns what the chosen candidate is expected to score; of a plan with more calls nothing is known here."""
    choices = policy.choose(predictions, circumstances)
    if choices.openings:
        return None
    expected: FloatArray = predictions.p_success[np.arange(len(choices.first)), choices.first]
    return expected


def _win_rate(router: Router, predictions: Predictions) -> FloatArray | None:
    """Returns how far the reference is expected to be ahead, where there are two candidates."""
    names = predictions.candidates
    if len(names) != 2 or router.reference is None:
        return None
    reference = names.index(router.reference)
    ahead: FloatArray = predictions.p_success[:, reference] - predictions.p_success[:, 1 - reference]
    return ahead
