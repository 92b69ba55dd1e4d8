"""A table says the same in every format, and a folder that is none says what it holds."""

import csv
import json

import numpy as np
import pytest

from fairlead.errors import TableError
from fairlead.evaluation.benchmark.tables import parts_of
from fairlead.outcomes import Outcomes

PROMPTS = [
    {"prompt_id": "1", "prompt": 'Say "hi",\nthen go', "subset": None},
    {"prompt_id": "2", "prompt": "2024-01-01", "subset": "dates"},
]
CELLS = [
    {"prompt_id": "1", "model": "7", "score": 1, "output_tokens": 5, "answer": "12", "latency_s": 0.5},
    {"prompt_id": "2", "model": "7", "score": 0.25, "output_tokens": None, "answer": None, "latency_s": None},
]


def write_csv(path, rows):
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def write_jsonl(path, rows):
    path.write_text("".join(json.dumps({k: v for k, v in row.items() if v is not None}) + "\n" for row in rows))


@pytest.mark.parametrize(("suffix", "write"), [("csv", write_csv), ("jsonl", write_jsonl)])
def test_text_says_what_parquet_says(tmp_path, suffix, write):
    write(tmp_path / f"prompts.{suffix}", PROMPTS)
    write(tmp_path / f"outcomes.{suffix}", CELLS)
    table = Outcomes.read(tmp_path)
    assert (table.prompts, table.models, table.subset) == (('Say "hi",\nthen go', "2024-01-01"), ("7",), ("", "dates"))
    np.testing.assert_array_equal(table.score, [[1], [0.25]])
    np.testing.assert_array_equal(table.output_tokens, [[5], [np.nan]])
    np.testing.assert_array_equal(table.latency_s, [[0.5], [np.nan]])
    assert table.answer.tolist() == [["12"], [None]]
    table.write(tmp_path / "written")
    assert Outcomes.read(tmp_path / "written").data_hash == table.data_hash


def test_a_benchmark_finds_a_table_of_text(tmp_path):
    (tmp_path / "mine").mkdir()
    write_csv(tmp_path / "mine" / "prompts.csv", PROMPTS)
    assert [part.folder for part in parts_of(tmp_path)[0]] == ["mine"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("outcomes.csv", b"prompt_id;model;score\n1;7;1\n", "no column `prompt_id`, only `prompt_id;model;score`"),
        ("outcomes.csv", b"prompt_id,model,score\n1,7,good\n", "column `score` holds string; expected numbers"),
        ("outcomes.csv", b"prompt_id,model,score\n1,7,\n", "row 1, column `score` is None"),
        ("outcomes.csv", b"prompt_id,model,score\n1,\xe9,1\n", "cannot be read as CSV .*invalid UTF8"),
        ("outcomes.csv", b"", "cannot be read as CSV"),
        ("outcomes.csv", b"prompt_id,model,score\n", "has no rows"),
        ("outcomes.jsonl", b"", "has no rows"),
        ("outcomes.jsonl", b"[1]\n", "cannot be read as lines of JSON"),
        ("outcomes.jsonl", b'{"prompt_id": "1", "model": "\xe9", "score": 1}\n', "cannot be read as lines of JSON"),
        ("outcomes.jsonl", b'{"prompt_id": 1, "model": "7", "score": 1}\n', "`prompt_id` holds int64; expected text"),
        ("outcomes.jsonl", b'{"prompt_id": "1", "model": "7"}\n', "no column `score`"),
        ("outcomes.xlsx", b"", r"holds `outcomes\.xlsx`, `prompts\.csv`; expected `outcomes\.parquet`"),
    ],
)
def test_a_bad_file_is_refused_with_its_place(tmp_path, name, content, message):
    write_csv(tmp_path / "prompts.csv", PROMPTS)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TableError, match=message):
        Outcomes.read(tmp_path)


def test_what_is_no_folder_is_refused_as_what_it_is(tmp_path):
    write_csv(tmp_path / "outcomes.csv", CELLS)
    with pytest.raises(TableError, match=r"outcomes\.csv` is a file; expected a folder"):
        Outcomes.read(tmp_path / "outcomes.csv")
    with pytest.raises(TableError, match="none` does not exist; expected a folder"):
        Outcomes.read(tmp_path / "none")
