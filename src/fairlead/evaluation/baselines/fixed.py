"""The marks every router is held against; none of them reads a prompt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairlead.evaluation.methods import Chosen, one_each
from fairlead.statistics.hulls import mix_at

if TYPE_CHECKING:
    from fairlead.evaluation.methods import Method
    from fairlead.outcomes import Outcomes
    from fairlead.types import FloatArray


def baselines(train: Outcomes | None = None) -> tuple[Method, ...]:
    """Returns best single model, cheapest model, uniform random, random mix at equal cost, and the oracle as a bound.

    Args:
        train: where the single models are picked, as a router would have to; where not given they are picked in
            hindsight on the test table itself, which favours them, and their names say so.
    """
    best = None if train is None else best_model(train)
    cheapest = None if train is None else cheapest_model(train)
    return (
        Single(name="best single", model=best) if best else BestSingle(),
        Single(name="cheapest", model=cheapest) if cheapest else Cheapest(),
        Random(),
        RandomMix(),
        Oracle(),
    )


def best_model(outcomes: Outcomes) -> str:
    """Returns the model with the highest mean score, each over the prompts that it was measured on."""
    return outcomes.models[int(np.argmax(_means(outcomes.score)))]


def cheapest_model(outcomes: Outcomes) -> str | None:
    """Returns the model with the lowest mean cost; `None` where no cost is known."""
    cost_usd = _means(outcomes.cost_usd)
    return None if np.isneginf(cost_usd).all() else outcomes.models[int(np.argmin(np.abs(cost_usd)))]


def _means(values: FloatArray) -> FloatArray:
    """Returns (m,) means over what is known, minus infinity for a model of which nothing is."""
    known = ~np.isnan(values)
    n = known.sum(axis=0)
    return np.where(n > 0, np.where(known, values, 0.0).sum(axis=0) / np.maximum(n, 1), -np.inf)


def _always(j: int, test: Outcomes) -> Chosen:
    return _blind(one_each(np.full(len(test), j, dtype=np.int64), len(test.models)))


def _blind(share: FloatArray) -> Chosen:
    return Chosen(share=share, p_success=np.full(len(share), np.nan))


@dataclass(frozen=True, slots=True, kw_only=True)
class Single:
    """Always the same model, named beforehand."""

    model: str
    name: str
    bound: bool = False

    def choose(self, test: Outcomes, *, seed: int, spent_usd: float) -> Chosen:  # noqa: ARG002 - part of the contract
        """Returns that model everywhere; it counts as outside the table where it was not measured."""
        return _always(test.column_of.get(self.model, -1), test)


@dataclass(frozen=True, slots=True, kw_only=True)
class BestSingle:
    """The model with the highest mean score on the table that judges."""

    name: str = "best single, in hindsight"
    bound: bool = False

    def choose(self, test: Outcomes, *, seed: int, spent_usd: float) -> Chosen:  # noqa: ARG002 - part of the contract
        """Returns it everywhere."""
        return _always(test.column_of[best_model(test)], test)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cheapest:
    """The model with the lowest mean cost on the table that judges."""

    name: str = "cheapest, in hindsight"
    bound: bool = False

    def choose(self, test: Outcomes, *, seed: int, spent_usd: float) -> Chosen:  # noqa: ARG002 - part of the contract
        """Returns it everywhere; nothing where no cost is known."""
        model = cheapest_model(test)
        return _always(-1 if model is None else test.column_of[model], test)


@dataclass(frozen=True, slots=True, kw_only=True)
class Random:
    """Every model equally often, in expectation: nothing is drawn."""

    name: str = "random"
    bound: bool = False

    def choose(self, test: Outcomes, *, seed: int, spent_usd: float) -> Chosen:  # noqa: ARG002 - part of the contract
        """Returns equal shares."""
        return _blind(np.full(test.score.shape, 1.0 / len(test.models)))


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomMix:
    """The best mix of two models at the cost of the first method of the list: the hull of fixed choices there."""

    name: str = "random mix at equal cost"
    bound: bool = False

    def choose(self, test: Outcomes, *, seed: int, spent_usd: float) -> Chosen:  # noqa: ARG002 - nothing is drawn
        """Returns its shares, in expectation; first of the list itself it spends what `Random` does."""
        cost_usd = test.cost_usd.mean(axis=0)
        share = np.zeros(test.score.shape)
        if not np.isnan(cost_usd).any():
            at_usd = float(cost_usd.mean()) if np.isnan(spent_usd) else spent_usd
            mix = mix_at(cost_usd, test.score.mean(axis=0), at_usd)
            share[:, mix.first] += 1 - mix.share
            share[:, mix.other] += mix.share
        return _blind(share)


@dataclass(frozen=True, slots=True, kw_only=True)
class Oracle:
    """The best answer on every prompt, the cheapest of equals: needs to know every outcome beforehand."""

    name: str = "oracle"
    bound: bool = True

    def choose(self, test: Outcomes, *, seed: int, spent_usd: float) -> Chosen:  # noqa: ARG002 - part of the contract
        """Returns, for each prompt, the cheapest of the models with the highest score."""
        best = test.score == test.score.max(axis=1, keepdims=True)
        column = np.where(best, np.nan_to_num(test.cost_usd), np.inf).argmin(axis=1)
        return _blind(one_each(column, len(test.models)))
