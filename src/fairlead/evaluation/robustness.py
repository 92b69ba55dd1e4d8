"""How steady a router's choices are: the share that flips when only the wording changes, or a gadget is added."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fairlead.evaluation.perturbations import GADGETS, SAME_MEANING, around, searched_gadget
from fairlead.policies import HullGuard
from fairlead.statistics.bootstrap import Interval, interval, resampled_means
from fairlead.types import Context, Request, SessionState

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fairlead.evaluation.metrics import Resampling
    from fairlead.outcomes import Outcomes
    from fairlead.router import Router
    from fairlead.types import BoolArray, FloatArray, IntArray

N_PROMPTS = 200
N_SEARCHED = 12
"""Prompts that a gadget is searched on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flips:
    """What one change of the wording did to the choices."""

    change: str
    adversarial: bool
    """A text put around the prompt, rather than another spelling of the same request."""
    n: int
    """Prompts that it changes at all."""
    flipped: Interval
    """Share of them whose choice changed."""
    dearer: Interval
    """Share of them whose choice changed to a candidate that costs more on average."""


def flip_rates(
    router: Router, train: Outcomes, test: Outcomes, resampling: Resampling, *, n_prompts: int = N_PROMPTS
) -> tuple[Flips, ...]:
    """Returns how often each change flips the choice of a router's own policy, without its guard.

    A guard that serves a fixed candidate never flips, which says nothing about the policy behind it.

    Args:
        router: what is judged.
        train: gadgets are searched on its prompts.
        test: other prompts; at most `n_prompts` of them, evenly spaced.
        resampling: of the intervals.
        n_prompts: how many are perturbed.
    """
    policy = router.policy.policy if isinstance(router.policy, HullGuard) else router.policy
    free = _Chooser(replace(router, policy=policy, control_share=0.0))
    prompts = [test.prompts[i] for i in np.linspace(0, len(test) - 1, min(n_prompts, len(test))).astype(np.int64)]
    price = _mean_cost_usd(free.router, test)
    before = free.choose(prompts)
    found = []
    for change in _changes(free, train, prompts, resampling.seed):
        applies = np.array([one != other for one, other in zip(prompts, change.prompts, strict=True)], dtype=np.bool_)
        after = free.choose(change.prompts)
        flipped = (before != after)[applies]
        found.append(_flips(change, flipped, flipped & (price[after] > price[before])[applies], resampling))
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    name: str
    adversarial: bool
    prompts: Sequence[str]


def _changes(free: _Chooser, train: Outcomes, prompts: Sequence[str], seed: int) -> Iterator[_Change]:
    rng = np.random.default_rng(seed)
    for name, perturb in SAME_MEANING.items():
        yield _Change(name=name, adversarial=False, prompts=[perturb(prompt, rng) for prompt in prompts])
    for name, put_around in GADGETS.items():
        yield _Change(name=name, adversarial=True, prompts=[put_around(prompt) for prompt in prompts])
    learned = [train.prompts[i] for i in rng.permutation(len(train))[:N_SEARCHED]]
    for place in ("prefix", "suffix"):
        gadget = searched_gadget(free.pull, learned, rng=rng, suffix=place == "suffix")
        changed = [around(gadget, prompt, suffix=place == "suffix") for prompt in prompts]
        yield _Change(name=f"{place}: searched against it", adversarial=True, prompts=changed)


class _Chooser:
    """A router as a function of prompts."""

    def __init__(self, router: Router) -> None:
        self.router = router

    def choose(self, prompts: Sequence[str]) -> IntArray:
        """Returns the column of the candidate that each prompt goes to first; mixes are drawn alike for all."""
        context = Context(session=SessionState(id="robustness", rule="evaluation", mix_draw=0.5))
        return self.router.decide([Request.from_prompt(p) for p in prompts], [context] * len(prompts)).first

    def pull(self, prompts: Sequence[str]) -> FloatArray:
        """Returns how much more the reference is expected to score than the best of the others."""
        predictions = self.router.predict([Request.from_prompt(prompt) for prompt in prompts])
        p = np.nan_to_num(predictions.p_success, nan=0.0)
        names = predictions.candidates
        reference = names.index(self.router.reference) if self.router.reference in names else 0
        others = np.delete(p, reference, axis=1)
        lead: FloatArray = p[:, reference] - (others.max(axis=1) if others.shape[1] else 0.0)
        return lead


def _mean_cost_usd(router: Router, test: Outcomes) -> FloatArray:
    """Returns each candidate's mean cost on the table, NaN where it is not known."""
    known = ~np.isnan(test.cost_usd)
    total = np.where(known, test.cost_usd, 0.0).sum(axis=0)
    mean = np.divide(total, known.sum(axis=0), out=np.full(total.shape, np.nan), where=known.any(axis=0))
    columns = [test.column_of.get(candidate.model, -1) for candidate in router.candidates]
    return np.array([mean[column] if column >= 0 else np.nan for column in columns])


def _flips(change: _Change, flipped: BoolArray, dearer: BoolArray, resampling: Resampling) -> Flips:
    values = np.column_stack([flipped, dearer]).astype(np.float64)
    found = [Interval(value=np.nan, low=np.nan, high=np.nan)] * 2
    if len(values):
        drawn = resampled_means(values, n_boot=resampling.n_boot, seed=resampling.seed)
        found = [interval(values[:, k].mean(), drawn[:, k], confidence=resampling.confidence) for k in range(2)]
    return Flips(change=change.name, adversarial=change.adversarial, n=len(values), flipped=found[0], dearer=found[1])
