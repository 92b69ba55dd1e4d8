"""How much of a new model's worth do a few labels recover? Leave one model out, chosen labels against random ones.

    python benchmarks/onboarding.py DATA [--tables mmlu_pro zeroeval] [--seeds 5] [--first-seed 0] [--out FILE]

For each split of a table by prompt (70/30) and each model: the router without the model, with k labels of it on
training prompts, and with all of them. The router serves the model with the highest predicted success; R is its regret
to the best answer on the held-out prompts. What a new model brings is R0 - Rfull, summed over the models left out. The
others' predictions are the same throughout, so only the new column differs; where it has k labels, nothing that it is
predicted from has seen another of its outcomes. Intervals resample questions, over all splits together.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from fairlead.evaluation.trials import complete_rows, measured_models
from fairlead.fitting import _Parts
from fairlead.onboarding import Candidacy
from fairlead.outcomes import Outcomes
from fairlead.outcomes.questions import question_key
from fairlead.predictors.composed import quick
from fairlead.predictors.few_labels import easier_by, moved
from fairlead.statistics.bootstrap import interval, resampled_means

if TYPE_CHECKING:
    from fairlead.types import FloatArray, IntArray

LABELS = (10, 30, 100)
WAYS = ("chosen", "in tens", "random")
"""One at a time, each after the answers before it; ten at a time; at random."""


class Key(NamedTuple):
    """A way to choose labels, and their number."""

    way: str
    k: int


@dataclass
class Regret:
    """Sums over the models left out, one a test prompt: what the router lost to the best answer."""

    none: FloatArray
    full: FloatArray
    few: dict[Key, FloatArray]


@dataclass(frozen=True, kw_only=True)
class Result:
    """The figures of one table; regrets are means a model and prompt, intervals 95 %."""

    table: str
    data_hash: str
    n_models: int
    n_test_prompts: int
    seeds: tuple[int, ...]
    regret_without: float
    regret_with_all: float
    recovered: dict[str, dict[str, float]]
    chosen_before_random: dict[str, dict[str, float]]
    seconds: int


def main() -> None:
    """Runs the benchmark and prints its tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--tables", nargs="+", default=["mmlu_pro", "zeroeval"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    seeds = range(given.first_seed, given.first_seed + given.seeds)
    results = [judged(Outcomes.read(given.data / name), seeds) for name in given.tables]
    for result in results:
        print(shown(result))
    if given.out is not None:
        given.out.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=2) + b"\n")


def judged(table: Outcomes, seeds: range) -> Result:
    """Returns the figures of one table, over the splits of these seeds."""
    started = time.monotonic()
    table = table.only(_measured(table))
    regrets, questions = [], []
    for seed in seeds:
        train, test = table.split(0.7, seed)
        train, test = complete_rows(_unpriced(train)), complete_rows(_unpriced(test))
        regrets.append(_regret(train, test, seed))
        questions += [question_key(prompt) for prompt in test.prompts]
    few = {key: np.concatenate([regret.few[key] for regret in regrets]) for key in regrets[0].few}
    none, full = (np.concatenate([getattr(regret, name) for regret in regrets]) for name in ("none", "full"))
    groups = np.unique(questions, return_inverse=True)[1]
    return Result(
        table=table.name,
        data_hash=table.data_hash,
        n_models=len(table.models),
        n_test_prompts=len(none),
        seeds=tuple(seeds),
        regret_without=float(none.mean()) / len(table.models),
        regret_with_all=float(full.mean()) / len(table.models),
        recovered={f"{key.way}, {key.k}": _share(none, few[key], full, groups) for key in few},
        chosen_before_random={
            str(k): _difference(few[Key("random", k)] - few[Key("chosen", k)], groups) for k in LABELS
        },
        seconds=round(time.monotonic() - started),
    )


def _measured(table: Outcomes) -> tuple[str, ...]:
    return measured_models(_unpriced(table))


def _unpriced(table: Outcomes) -> Outcomes:
    """Returns the table without prices: only scores count here, and models without a price take part."""
    return replace(table, prices={})


def _regret(train: Outcomes, test: Outcomes, seed: int) -> Regret:
    parts = _Parts.fitted(train, quick(seed), seed)
    x, x_test = parts.features.transform(train.requests), parts.features.transform(test.requests)
    p, p_test = parts.success.predict_mean(x), parts.success.predict_mean(x_test)
    best = test.score.max(axis=1)
    regret = Regret(none=np.zeros(len(test)), full=np.zeros(len(test)), few={})
    for j in range(len(train.models)):
        others = np.arange(len(train.models)) != j
        regret.full += best - _served(p_test, test.score)
        without = np.where(others, p_test, -np.inf)
        regret.none += best - _served(without, test.score)
        candidacy = Candidacy.among(x, train.score[:, others], p[:, others], seed=seed)
        shift = easier_by(p_test[:, others], candidacy.model.predict_mean(x_test))
        for way in WAYS:
            order = _order(candidacy, train.score[:, j], way, np.random.default_rng([seed, j]))
            for k in LABELS:
                column = moved(_column(candidacy, train.score[:, j], order[:k], x_test), shift)
                lost = best - _served(np.where(others, p_test, column[:, None]), test.score)
                key = Key(way, k)
                regret.few[key] = regret.few.get(key, 0.0) + lost
    return regret


def _served(predicted: FloatArray, score: FloatArray) -> FloatArray:
    served: FloatArray = score[np.arange(len(score)), predicted.argmax(axis=1)]
    return served


def _order(candidacy: Candidacy, truth: FloatArray, way: str, rng: np.random.Generator) -> IntArray:
    """Returns the training prompts in the order in which they are labelled."""
    if way == "random":
        return rng.permutation(len(truth))[: max(LABELS)]
    batch = 10 if way == "in tens" else 1
    labels = np.full(len(truth), np.nan)
    order: list[int] = []
    while len(order) < max(LABELS):
        proposed = candidacy.proposed(labels, batch).tolist()
        order += proposed
        labels[proposed] = truth[proposed]
    return np.array(order)


def _column(candidacy: Candidacy, truth: FloatArray, labelled: IntArray, x_test: FloatArray) -> FloatArray:
    """Returns what the router predicts of the new model, from these labels alone."""
    labels = np.full(len(truth), np.nan)
    labels[labelled] = truth[labelled]
    return candidacy.model.chance(candidacy.model.items(x_test), candidacy.ability(labels))


def _share(none: FloatArray, few: FloatArray, full: FloatArray, groups: IntArray) -> dict[str, float]:
    """Returns the share of the models' worth that few labels recover, with its 95 % interval."""
    values = np.column_stack([none - few, none - full])
    mean, resampled = values.mean(axis=0), resampled_means(values, groups=groups, n_boot=2000, seed=0)
    return asdict(interval(mean[0] / mean[1], resampled[:, 0] / resampled[:, 1]))


def _difference(gained: FloatArray, groups: IntArray) -> dict[str, float]:
    resampled = resampled_means(gained[:, None], groups=groups, n_boot=2000, seed=0)
    return asdict(interval(float(gained.mean()), resampled[:, 0]))


def shown(result: Result) -> str:
    """Returns the figures of a table in words."""
    splits = f"splits of seeds {result.seeds[0]} to {result.seeds[-1]}"
    heading = f"{result.table}: {result.n_models} models left out one by one, {splits}"
    about = (
        f"  {result.n_test_prompts} test prompts; mean regret {result.regret_without:.5f} without the model,"
        f" {result.regret_with_all:.5f} with all its labels ({result.seconds} s)"
    )
    lines = [heading, about]
    for name, share in result.recovered.items():
        lines.append(f"  {name:13} recovers {share['value']:7.1%} [{share['low']:.1%}, {share['high']:.1%}]")
    for k, points in result.chosen_before_random.items():
        spread = f"{points['value']:+.4f} [{points['low']:+.4f}, {points['high']:+.4f}]"
        lines.append(f"  k = {k}: chosen labels before random ones by {spread} of score, summed over the models")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
