"""A table is read whole or refused with file, row, column, value and expectation; on real tables too."""

import os
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fairlead.errors import MissingExtraError, TableError
from fairlead.outcomes import Outcomes
from fairlead.outcomes.prices import hides_reasoning

DATA = os.environ.get("FAIRLEAD_DATA")
real = pytest.mark.skipif(DATA is None, reason="FAIRLEAD_DATA does not name the folder with the real tables")

PROMPTS = {
    "prompt_id": ["a", "b"],
    "prompt": ["one", "two words"],
    "n_prompt_chars": [3, 9],
}
CELLS = {
    "prompt_id": ["a", "b", "a"],
    "model": ["x", "x", "y"],
    "score": [1.0, 0.5, 0.0],
    "output_chars": [9, 0, None],
}


def write(folder, prompts=None, cells=None, prices=None):
    folder.mkdir(exist_ok=True)
    pq.write_table(pa.table(PROMPTS | (prompts or {})), folder / "prompts.parquet")
    pq.write_table(pa.table(CELLS | (cells or {})), folder / "outcomes.parquet")
    if prices is not None:
        (folder / "prices.csv").write_text(prices)
    return folder


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "mine"


def test_rows_become_a_grid(folder):
    outcomes = Outcomes.read(write(folder))
    assert outcomes.name == "mine"
    assert outcomes.models == ("x", "y")
    np.testing.assert_array_equal(outcomes.score, [[1, 0], [0.5, np.nan]])
    assert outcomes.benchmark == ("", "")


def test_prompts_that_the_source_left_out_may_be_left_out(folder):
    write(folder, prompts={"excluded_by_source": [False, True]})
    assert len(Outcomes.read(folder)) == 2
    assert Outcomes.read(folder, keep_excluded=False).prompt_ids == ("a",)


def test_an_answer_does_not_tell_the_tokens_of_a_model_that_hides_its_reasoning(folder):
    cells = {"model": ["o1-mini", "o1-mini", "x"], "output_tokens": [None, 700, None], "output_chars": [8, 8, 8]}
    np.testing.assert_array_equal(Outcomes.read(write(folder, cells=cells)).output_tokens, [[np.nan, 2], [700, np.nan]])


def test_tokens_are_a_quarter_of_the_characters_rounded_up(folder):
    outcomes = Outcomes.read(write(folder))
    np.testing.assert_array_equal(outcomes.input_tokens, [[1, 1], [3, np.nan]])
    np.testing.assert_array_equal(outcomes.output_tokens, [[3, np.nan], [0, np.nan]])
    assert outcomes.usage(0, 0).estimated


def test_full_prompt_counts_where_it_is_given(folder):
    outcomes = Outcomes.read(write(folder, {"n_full_prompt_chars": [101, None]}))
    np.testing.assert_array_equal(outcomes.input_tokens[:, 0], [26, 3])


def test_prompt_without_a_length_counts_its_own_characters(folder):
    outcomes = Outcomes.read(write(folder, {"n_prompt_chars": pa.nulls(2)}))
    np.testing.assert_array_equal(outcomes.input_tokens[:, 0], [1, 3])


def test_given_tokens_win_over_characters_and_are_no_estimate(folder):
    outcomes = Outcomes.read(write(folder, cells={"input_tokens": [7, None, 7], "output_tokens": [5, 5, 5]}))
    assert (outcomes.usage(0, 0).input_tokens, outcomes.usage(0, 0).output_tokens) == (7, 5)
    np.testing.assert_array_equal(outcomes.tokens_estimated, [[False, False], [True, False]])


def test_latency_is_read_where_it_is_given(folder):
    assert np.isnan(Outcomes.read(write(folder)).latency_s).all()
    outcomes = Outcomes.read(write(folder, cells={"latency_s": [0.5, None, 2.0]}))
    np.testing.assert_array_equal(outcomes.latency_s, [[0.5, 2.0], [np.nan, np.nan]])


def test_answer_that_is_not_in_the_text_is_no_answer(folder):
    cells = {"answer": ["A", "B", None], "answer_in_text": [True, False, None]}
    outcomes = Outcomes.read(write(folder, cells=cells))
    assert outcomes.answer.tolist() == [["A", None], [None, None]]


BAD = [
    ({"prompt_id": ["a", "a"]}, {}, r"prompts\.parquet`, row 2, column `prompt_id` is 'a'; expected each id once"),
    ({"prompt": ["one", None]}, {}, r"prompts\.parquet`, row 2, column `prompt` is None; expected a text"),
    ({"n_prompt_chars": [3, -9]}, {}, r"row 2, column `n_prompt_chars` is -9; expected a whole number of at least 0"),
    (
        {},
        {"score": [1.0, 1.5, 0.0]},
        r"outcomes\.parquet`, row 2, column `score` is 1\.5; expected a number in \[0, 1\]",
    ),
    ({}, {"score": [1.0, 0.5, float("nan")]}, r"row 3, column `score` is nan; expected a number in \[0, 1\]"),
    ({}, {"score": [1.0, None, 0.0]}, r"row 2, column `score` is None; expected a number in \[0, 1\]; leave out"),
    ({}, {"score": ["good", "bad", "bad"]}, r"column `score` holds string; expected numbers"),
    ({}, {"model": [1, 1, 2]}, r"column `model` holds int64; expected text"),
    ({}, {"model": ["x", "", "y"]}, r"row 2, column `model` is ''; expected a name"),
    ({"prompt_id": ["a", ""]}, {}, r"row 2, column `prompt_id` is ''; expected a name"),
    ({}, {"prompt_id": ["a", "c", "a"]}, r"row 2, column `prompt_id` is 'c'; expected the id of a prompt of the table"),
    ({}, {"model": ["x", "x", "x"]}, r"row 3: \(prompt_id 'a', model 'x'\) occurs twice; expected once"),
    ({}, {"output_tokens": [1, -1, 1]}, r"row 2, column `output_tokens` is -1; expected a whole number of at least 0"),
    ({}, {"output_tokens": [1, 1.5, 1]}, r"row 2, column `output_tokens` is 1\.5; expected a whole number"),
    ({}, {"input_tokens": [1, float("inf"), 1]}, r"row 2, column `input_tokens` is inf; expected a whole number"),
    ({}, {"latency_s": [1.0, -0.5, 1.0]}, r"row 2, column `latency_s` is -0\.5; expected seconds, or nothing"),
    ({}, {"answer_in_text": ["no", "yes", "yes"]}, r"column `answer_in_text` holds string; expected true or false"),
]


@pytest.mark.parametrize(("prompts", "cells", "message"), BAD)
def test_bad_value_is_refused_with_its_place(folder, prompts, cells, message):
    with pytest.raises(TableError, match=message):
        Outcomes.read(write(folder, prompts, cells))


def test_missing_file_is_named(folder):
    with pytest.raises(TableError, match="mine` does not exist; expected a folder"):
        Outcomes.read(folder)


def test_missing_column_is_named_beside_those_there_are(folder):
    write(folder)
    pq.write_table(pa.table({"prompt_id": ["a"], "model": ["x"], "quality": [1.0]}), folder / "outcomes.parquet")
    with pytest.raises(TableError, match="has no column `score`, only `prompt_id`, `model`, `quality`"):
        Outcomes.read(folder)


def test_empty_table_is_refused(folder):
    write(folder)
    pq.write_table(pa.table(CELLS).slice(0, 0), folder / "outcomes.parquet")
    with pytest.raises(TableError, match=r"outcomes\.parquet` has no rows"):
        Outcomes.read(folder)


def test_cut_file_is_refused(folder):
    path = write(folder) / "outcomes.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(TableError, match=r"outcomes\.parquet` cannot be read as Parquet"):
        Outcomes.read(folder)


def test_spoilt_pages_are_refused(folder):
    path = write(folder) / "prompts.parquet"
    content = bytearray(path.read_bytes())
    content[4:60] = bytes(56)
    path.write_bytes(content)
    with pytest.raises(TableError, match=r"prompts\.parquet` cannot be read as Parquet"):
        Outcomes.read(folder)


def test_without_pyarrow_the_extra_is_named(folder, monkeypatch):
    write(folder)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtraError, match=r"fairlead\[tables\]"):
        Outcomes.read(folder)


@real
@pytest.mark.parametrize(("table", "shape"), [("routerdc7", (18_897, 7)), ("mmlu_pro", (8_408, 29))])
def test_large_real_tables_are_read_in_seconds(table, shape):
    started = time.process_time()
    outcomes = Outcomes.read(Path(DATA) / table)
    assert outcomes.score.shape == shape
    assert time.process_time() - started < 4  # measured: 0.3 s and 0.5 s


@real
@pytest.mark.parametrize("table", ["alpaca_eval1", "alpaca_eval2", "bfcl", "llmrouter9", "routellm", "zeroeval"])
def test_every_real_table_is_read_as_its_rows_say(table):
    outcomes = Outcomes.read(Path(DATA) / table)
    rows = pq.read_table(Path(DATA) / table / "outcomes.parquet").to_pylist()
    for row in rows[:: len(rows) // 50]:
        i, j = outcomes.row_of[row["prompt_id"]], outcomes.column_of[row["model"]]
        assert outcomes.score[i, j] == row["score"]
        tokens = row["output_tokens"]
        if tokens is None and row["output_chars"] is not None and not hides_reasoning(row["model"]):
            tokens = -(-row["output_chars"] // 4)
        assert tokens == (None if np.isnan(outcomes.output_tokens[i, j]) else outcomes.output_tokens[i, j])
    assert (~np.isnan(outcomes.score)).sum() == len(rows)
