"""What is left of routing when the benchmark was never seen: RouteLLM's pair, each of its benchmarks held out in turn.

    python benchmarks/transfer.py DATA [--out FILE]

For MMLU, GSM8K and MT-Bench each, predictors are fitted on outcome tables from which that benchmark is gone: under its
own name, under another (`mmlu_pro` is MMLU, `mgsm` is GSM8K), and with it every prompt whose question stem matches one
of the benchmark's, options, numbering and figures aside. How strong and weak model differ is learned from the other
benchmarks. Prompts that RouteLLM leaves out of its own figures are left out.

The rule is that of the policy `Threshold`: the strong model where the weak one's predicted success is low, here by item
response with its default settings. Beside it, the difference of the two predictions, and what a fit uses by default.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from fairlead.features import PromptFeatures
from fairlead.outcomes import Outcomes
from fairlead.outcomes.questions import question_key, stem_key
from fairlead.predictors import ItemResponse
from fairlead.predictors.composed import quick
from fairlead.prior import plain_name, stacked
from fairlead.statistics.bootstrap import interval, resampled_means
from fairlead.statistics.strong_weak import apgr, calls_to_strong, cpt

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fairlead.predictors.base import Predictor
    from fairlead.types import FloatArray

TABLES = ("routellm", "mmlu_pro", "zeroeval", "llmrouter9")
STRONG, WEAK = "gpt-4-1106-preview", "mistralai/Mixtral-8x7B-Instruct-v0.1"
ALSO_CALLED = {"mmlu": ("mmlu",), "gsm8k": ("gsm",), "mt_bench": ("mt_bench", "mt-bench")}
"""Benchmark -> what a name of it in any table contains."""
PUBLISHED = {"mmlu": 0.51, "gsm8k": 0.46, "mt_bench": 0.58}
"""APGR of RouteLLM's matrix factorisation trained on Arena battles alone, as reported for it (arXiv:2406.18665)."""
N_BOOT = 2000


@dataclass(frozen=True, kw_only=True)
class Row:
    """A method on a benchmark that nothing it learned from holds; each figure with its 95 % interval."""

    benchmark: str
    method: str
    n_prompts: int
    n_training_prompts: int
    apgr: dict[str, float]
    cpt50: dict[str, float]
    cpt80: dict[str, float]
    published_arena_only_apgr: float


def main() -> None:
    """Runs the benchmark and prints its table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    tables = [Outcomes.read(given.data / name, keep_excluded=False) for name in TABLES]
    rows = []
    for benchmark in ALSO_CALLED:
        for row in judged(tables, benchmark):
            rows.append(row)
            print(shown(row), flush=True)
    if given.out is not None:
        given.out.write_bytes(msgspec.json.format(msgspec.json.encode(rows), indent=2) + b"\n")


def target_of(tables: Sequence[Outcomes], benchmark: str) -> Outcomes:
    """Returns the prompts of the benchmark in RouteLLM's table."""
    table = next(table for table in tables if table.name == "routellm")
    return table.rows([i for i, name in enumerate(table.benchmark) if name == benchmark])


def without(table: Outcomes, benchmark: str, target: Outcomes) -> Outcomes | None:
    """Returns what is left of a table when a benchmark and all that resembles it are gone; `None` for nothing."""
    stems = {stem_key(prompt) for prompt in target.prompts}
    kept = [
        i
        for i, (name, prompt) in enumerate(zip(table.benchmark, table.prompts, strict=True))
        if not any(part in name.lower() for part in ALSO_CALLED[benchmark]) and stem_key(prompt) not in stems
    ]
    return table.rows(kept) if kept else None


def judged(tables: Sequence[Outcomes], benchmark: str) -> Iterator[Row]:
    """Yields one row a method."""
    target = target_of(tables, benchmark)
    train = [left for table in tables if (left := without(table, benchmark, target)) is not None]
    requests, score, names = stacked(train)
    features = PromptFeatures()
    x, x_target = features.fit_transform(requests), features.transform(target.requests)
    strong, weak = names.index(plain_name(STRONG)), names.index(plain_name(WEAK))
    methods: dict[str, Predictor] = {"item response": ItemResponse(), "default of a fit": quick(0)}
    for name, predictor in methods.items():
        p = predictor.fit(x, score).predict_mean(x_target)
        rates = {f"{name}, Threshold": -p[:, weak], f"{name}, difference": p[:, strong] - p[:, weak]}
        for rule, win_rate in rates.items():
            yield _row(target, benchmark, rule, win_rate, len(requests))


def _row(target: Outcomes, benchmark: str, method: str, win_rate: FloatArray, n_training: int) -> Row:
    strong, weak = (target.score[:, target.column_of[model]] for model in (STRONG, WEAK))
    calls = calls_to_strong(win_rate)
    values = np.vstack([calls, np.where(calls, strong, weak), weak, strong]).astype(np.float64).T
    groups = np.unique([question_key(prompt) for prompt in target.prompts], return_inverse=True)[1]
    means = np.vstack([values.mean(axis=0), resampled_means(values, groups=groups, n_boot=N_BOOT, seed=0)])
    n = len(calls)
    share, quality, weak_mean, strong_mean = means[:, :n], means[:, n : 2 * n], means[:, -2], means[:, -1]
    figures = {
        "apgr": apgr(share, quality, weak_mean, strong_mean),
        "cpt50": cpt(share, quality, weak_mean, strong_mean, recovered=0.5),
        "cpt80": cpt(share, quality, weak_mean, strong_mean, recovered=0.8),
    }
    return Row(
        benchmark=benchmark,
        method=method,
        n_prompts=len(target),
        n_training_prompts=n_training,
        published_arena_only_apgr=PUBLISHED[benchmark],
        **{name: asdict(interval(values[0], values[1:])) for name, values in figures.items()},
    )


def shown(row: Row) -> str:
    """Returns the row in words."""
    figures = (f"{f['value']:.3f} [{f['low']:.3f}, {f['high']:.3f}]" for f in (row.apgr, row.cpt50, row.cpt80))
    apgr_, cpt50, cpt80 = figures
    return (
        f"{row.benchmark:9} {row.method:28} n = {row.n_prompts:6,}  APGR {apgr_} (published, Arena only:"
        f" {row.published_arena_only_apgr})  CPT50 {cpt50}  CPT80 {cpt80}"
    )


if __name__ == "__main__":
    main()
