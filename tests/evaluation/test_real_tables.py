import os
from pathlib import Path

import pytest

from fairlead.evaluation import baselines, evaluate
from fairlead.outcomes import Outcomes

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
