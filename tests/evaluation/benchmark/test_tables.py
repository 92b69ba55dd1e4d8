from dataclasses import replace

import numpy as np
import pytest

from fairlead.evaluation.benchmark.tables import PARTS, Part, judged, parts_of, read_parts
from fairlead.testing import make_outcomes


def test_names_of_parts_differ():
    assert len({part.name for part in PARTS}) == len(PARTS)
    assert Part(folder="a", cost="usd", benchmark="b", n_labels=1500).name == "a/b, 1,500 labels"


def test_a_folder_has_known_tables_and_ones_own(tmp_path):
    for name in ("mmlu_pro", "mine"):
        make_outcomes(20).write(tmp_path / name)
    (tmp_path / "notes").mkdir()
    parts, lacking = parts_of(tmp_path)
    assert [part.name for part in parts] == ["mmlu_pro", "mine"]
    assert "zeroeval" in lacking
    assert [part.outcomes.name for part in read_parts(tmp_path, parts)] == ["mmlu_pro", "mine"]
    assert parts_of(tmp_path / "nowhere")[0] == []


def test_nothing_is_missing_between_prompts_and_models():
    holes = make_outcomes(80, models=("o1-deep", "strong", "weak"), seed=1)
    holes.score[:10, 1] = np.nan
    found = judged(Part(folder="x", cost="usd"), holes)
    assert found.models_left_out == ("o1-deep",)  # it hides what it bills
    assert found.n_prompts_left_out == 10
    assert np.isfinite(found.outcomes.score).all()
    assert np.isfinite(found.outcomes.cost_usd).all()


def test_a_call_to_the_strong_model_costs_one_where_shares_count():
    table = replace(make_outcomes(60, models=("strong", "weak"), seed=1), prices={})
    table.output_tokens[:] = np.nan
    found = judged(Part(folder="x", cost="strong share"), table).outcomes
    np.testing.assert_allclose(found.cost_usd, np.tile([1.0, 0.0], (60, 1)))


def test_quality_alone_needs_no_price():
    found = judged(Part(folder="x", cost="none"), make_outcomes(30))
    assert np.isnan(found.outcomes.cost_usd).all()
    assert len(found.outcomes.models) == 3


def test_only_the_prompts_of_one_origin_are_judged():
    table = make_outcomes(40, seed=1)
    mixed = replace(table, benchmark=tuple("a" if i % 4 else "b" for i in range(40)))
    assert len(judged(Part(folder="x", cost="usd", benchmark="b"), mixed).outcomes) == 10


@pytest.mark.parametrize("seed", [0, 1])
def test_few_labels_are_drawn_anew_and_all_others_judge(seed):
    part = judged(Part(folder="x", cost="usd", n_labels=30), make_outcomes(100, seed=1))
    train, test = part.split(seed)
    assert (len(train), len(test)) == (30, 70)
    assert set(train.prompt_ids) != set(part.split(seed + 1)[0].prompt_ids)
