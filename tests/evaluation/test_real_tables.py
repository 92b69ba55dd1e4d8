import os
from pathlib import Path

import numpy as np
import pytest

from fairlead.evaluation import baselines, evaluate
from fairlead.evaluation.benchmark.tables import PARTS, read_parts
from fairlead.outcomes import Outcomes
from fairlead.statistics.strong_weak import apgr, calls_to_strong, cpt

DATA = os.environ.get("FAIRLEAD_DATA")
pytestmark = pytest.mark.skipif(DATA is None, reason="FAIRLEAD_DATA names no folder of outcome tables")


@pytest.mark.parametrize(("name", "n_models", "n_prompts"), [("zeroeval", 22, 2840), ("mmlu_pro", 14, 8391)])
def test_marks_of_a_real_table_stand_on_a_grid_without_holes(name, n_models, n_prompts):
    table = Outcomes.read(Path(DATA) / name)
    evaluation = evaluate(baselines(), table, n_boot=100)
    assert (len(evaluation.fixed), evaluation.n_prompts) == (n_models, n_prompts)
    assert {method.n for method in evaluation.methods} == {n_prompts}
    found = {method.name: method for method in evaluation.methods}
    best = found["best single, in hindsight"]
    assert best.score.value == pytest.approx(max(fixed.score.value for fixed in evaluation.fixed))
    assert found["oracle"].score.low > best.score.high
    assert found["random"].gain.high < 0


@pytest.mark.parametrize(
    ("benchmark", "n", "strong", "weak", "figures"),
    [
        ("mmlu", 14037, 0.8059, 0.6809, (1.29, 0.063, 0.100)),
        ("gsm8k", 1307, 0.8577, 0.6373, (1.12, 0.110, 0.177)),
        ("mt_bench", 72, 0.921, 0.828, (0.96, 0.083, 0.181)),
    ],
)
def test_the_oracle_of_routellms_tables_has_the_figures_that_are_known_of_it(benchmark, n, strong, weak, figures):
    table = Outcomes.read(Path(DATA) / "routellm", keep_excluded=False)
    table = table.rows([i for i, origin in enumerate(table.benchmark) if origin == benchmark])
    of_strong, of_weak = table.score[:, 0], table.score[:, 1]
    means = of_weak.mean(), of_strong.mean()
    assert (len(table), round(means[1], 3), round(means[0], 3)) == (n, round(strong, 3), round(weak, 3))
    tied_at_random = 1e-6 * np.random.default_rng(0).random(n)
    calls = calls_to_strong(of_strong - of_weak + tied_at_random, n_parts=100)
    curve = calls.mean(axis=1), np.where(calls, of_strong, of_weak).mean(axis=1)
    found = apgr(*curve, *means), cpt(*curve, *means, recovered=0.5), cpt(*curve, *means, recovered=0.8)
    np.testing.assert_allclose(found, figures, atol=0.011)


def test_the_parts_of_the_benchmark_are_the_sub_grids_that_are_known():
    parts = {part.name: part for part in PARTS if part.n_labels is None}
    shapes = {judged.part.name: judged.outcomes.score.shape for judged in read_parts(Path(DATA), list(parts.values()))}
    assert shapes == {
        "zeroeval": (2840, 22),
        "zeroeval/gsm8k": (1319, 31),
        "zeroeval/math_level5": (721, 30),
        "zeroeval/cruxeval_output": (800, 35),
        "mmlu_pro": (8391, 14),
        "bfcl": (1460, 54),
        "alpaca_eval2": (568, 18),
        "routellm": (15416, 2),
        "llmrouter9": (4514, 9),
        "routerdc7": (18897, 7),
    }
