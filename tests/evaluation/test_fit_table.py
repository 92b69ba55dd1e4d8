from dataclasses import replace

import numpy as np
import pytest

from fairlead.evaluation.fit_table import fit_table, task_kinds
from fairlead.evaluation.metrics import Resampling


def test_a_cell_for_each_kind_and_model_is_the_mean_there(table):
    cells = fit_table(table, Resampling(n_boot=50))
    assert [(cell.kind, cell.model) for cell in cells] == [
        (kind, model) for kind in ("made-up / easy", "made-up / hard") for model in table.models
    ]
    hard = np.array(table.subset) == "hard"
    last = cells[-1]
    assert last.n == hard.sum()
    assert last.score.value == pytest.approx(table.score[hard, -1].mean())
    assert last.cost_usd.value == pytest.approx(table.cost_usd[hard, -1].mean())
    assert last.score.low < last.score.value < last.score.high


def test_a_kind_is_named_once(table):
    alike = replace(table, subset=("made-up",) * len(table))
    assert set(task_kinds(alike)) == {"made-up"}
    assert set(task_kinds(replace(table, subset=("",) * len(table)))) == {"made-up"}
