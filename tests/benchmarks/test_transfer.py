"""The transfer benchmark keeps the benchmark out of what is learned: by name, and by question stem."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.transfer import ALSO_CALLED, TABLES, target_of, without
from fairlead.outcomes import Outcomes
from fairlead.outcomes.questions import stem_key
from fairlead.testing import make_outcomes

DATA = os.environ.get("FAIRLEAD_DATA")


def named(table, name, benchmark, prompts=None):
    prompts = table.prompts if prompts is None else prompts
    return replace(table, name=name, benchmark=tuple(benchmark), prompts=tuple(prompts))


def test_the_benchmark_is_out_under_each_of_its_names():
    table = make_outcomes(4)
    target = named(make_outcomes(2), "routellm", ["mmlu"] * 2, ["Who wrote Faust?", "Who wrote Emma?"])
    left = without(named(table, "other", ["MMLU", "mmlu_pro", "gsm8k", "cmmlu"]), "mmlu", target)
    assert left.benchmark == ("gsm8k",)
    assert without(named(table, "other", ["mmlu"] * 4), "mmlu", target) is None


def test_a_question_is_out_whatever_its_number_options_and_figures():
    target = named(make_outcomes(1), "routellm", ["gsm8k"], ["Tom buys 12 pens at 3 dollars. What does he pay?"])
    same = [
        "Question 4: Tom buys 12 pens at 3 dollars. What does he pay?\nA. 36\nB. 15",
        "tom buys 5 pens at 70 dollars; what does he pay",
        "7. Tom buys 12 pens at 3 dollars. What does he pay?",
        "Ann sells 12 pens. What does she get?",
    ]
    left = without(named(make_outcomes(4), "other", ["math"] * 4, same), "gsm8k", target)
    assert left.prompts == (same[-1],)


@pytest.fixture(scope="module")
def tables():
    if DATA is None:
        pytest.skip("FAIRLEAD_DATA names no folder of outcome tables")
    return [Outcomes.read(Path(DATA) / name, keep_excluded=False) for name in TABLES]


@pytest.fixture(scope="module")
def stems(tables):
    return {table.name: [stem_key(prompt) for prompt in table.prompts] for table in tables}


@pytest.mark.parametrize("benchmark", ALSO_CALLED)
def test_no_stem_of_the_benchmark_is_left_in_any_real_table(tables, stems, benchmark):
    target = target_of(tables, benchmark)
    held_out = {stems["routellm"][i] for i, name in enumerate(tables[0].benchmark) if name == benchmark}
    for table in tables:
        left = without(table, benchmark, target)
        if left is not None:
            assert not held_out & {stems[table.name][table.row_of[prompt_id]] for prompt_id in left.prompt_ids}
            assert not any(name.lower() in {benchmark, f"{benchmark}_pro"} for name in left.benchmark)
