"""Scores from a file: every row is kept, passed over or refused, and said so; nothing is half written."""

import asyncio
import json
from datetime import UTC, datetime
from functools import partial

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fairlead.errors import TableError
from fairlead.learning.importing import import_scores
from fairlead.ledger.sqlite import SqliteLedger
from tests import commands

NOW = datetime(2026, 11, 2, tzinfo=UTC)
CSV = "decision_id,score,source,reference_score,note\ndec_0001,1,human:ann,0.5,fine\ndec_0002,0.25,,,\n"


@pytest.fixture
async def ledger(tmp_path, records):
    ledger = SqliteLedger.open(tmp_path / "fairlead.db")
    for n in range(1, 4):
        await ledger.intent(records.intent(n))
    yield ledger
    await ledger.close()


def scores(ledger):
    return {e.decision_id: [(f.score, f.source, f.reference_score) for f in e.feedback] for e in ledger.entries()}


def written(path, content):
    path.write_text(content)
    return path


async def test_a_file_is_kept_whole_with_what_each_row_says(ledger, tmp_path):
    found = await import_scores(ledger, written(tmp_path / "scores.csv", CSV), now=NOW)
    assert (found.n_rows, found.n_kept, found.duplicates, found.problems) == (2, 2, (), ())
    assert scores(ledger) == {
        "dec_0001": [(1.0, "human:ann", 0.5)],
        "dec_0002": [(0.25, "human", None)],
        "dec_0003": [],
    }


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
async def test_the_other_forms_say_the_same(ledger, tmp_path, form):
    rows = [
        {"decision_id": "dec_0001", "score": 1, "source": "human:ann", "reference_score": 0.5},
        {"decision_id": "dec_0002", "score": 0.25, "source": None, "reference_score": None},
    ]
    path = tmp_path / f"scores.{form}"
    if form == "jsonl":
        path.write_text("\n".join(map(json.dumps, rows)) + "\n\n")
    else:
        pq.write_table(pa.Table.from_pylist(rows), path)
    assert (await import_scores(ledger, path, now=NOW)).n_kept == 2
    assert scores(ledger)["dec_0001"] == [(1.0, "human:ann", 0.5)]


async def test_a_file_can_be_imported_twice(ledger, tmp_path):
    path = written(tmp_path / "scores.csv", CSV)
    await import_scores(ledger, path, now=NOW)
    again = await import_scores(ledger, path, now=NOW)
    assert (again.n_kept, [row.place for row in again.duplicates]) == (0, ["line 2", "line 3"])
    assert len(scores(ledger)["dec_0001"]) == 1


async def test_a_newer_judgement_is_none_of_the_earlier_ones(ledger, tmp_path):
    for score in ("1", "0", "1"):  # the last is what the first said, and not what counts
        content = f"decision_id,score\ndec_0001,{score}\n"
        assert (await import_scores(ledger, written(tmp_path / "s.csv", content), now=NOW)).n_kept == 1
    assert [score for score, *_ in scores(ledger)["dec_0001"]] == [1.0, 0.0, 1.0]


PROBLEMS = {
    "dec_0099,1,": "no decision `dec_0099` is in the ledger",
    "dec_0002,1.5,": "`score` is '1.5'; expected a number from 0 to 1",
    "dec_0002,good,": "`score` is 'good'; expected a number from 0 to 1",
    "dec_0002,,": "`score` is missing; expected a number from 0 to 1",
    ",1,": "`decision_id` is missing; expected 1 to 128 characters",
    "dec_0002,nan,": "`score` is 'nan'; expected a number from 0 to 1",
    "dec_0001,0,human": "`dec_0001` has another score by `human` in line 2",
    "dec_0002,1,gut": "`source` is 'gut'; expected one of human, verifier, judge, implicit",
}


@pytest.mark.parametrize("row", PROBLEMS)
async def test_a_row_that_cannot_be_kept_keeps_all_out_and_is_named(ledger, tmp_path, row):
    path = written(tmp_path / "scores.csv", f"decision_id,score,source\ndec_0001,1,human\n{row}\ndec_0003,1,\n")
    found = await import_scores(ledger, path, now=NOW)
    assert [problem.place for problem in found.problems] == ["line 3"]
    assert PROBLEMS[row] in found.problems[0].detail
    assert found.n_kept == 0
    assert not any(scores(ledger).values())


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("s.csv", b"id,score\n1,1\n", "no column `decision_id`, only `id`, `score`"),
        ("s.csv", b"", "no column `decision_id`, only none"),
        ("s.csv", b"decision_id,score\nd\xff,1\n", "not UTF-8"),
        ("s.parquet", b"PAR1", "cannot be read as Parquet"),
        ("s.xlsx", b"", "expected a name that ends in .csv"),
    ],
)
async def test_a_file_that_is_none_is_refused(ledger, tmp_path, name, content, complaint):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TableError, match=complaint):
        await import_scores(ledger, tmp_path / name, now=NOW)


async def test_a_line_that_is_no_json_is_a_problem_of_its_own(ledger, tmp_path):
    path = written(tmp_path / "s.jsonl", '{"decision_id": "dec_0001", "score": 1}\n[1]\n{"decision_id": \n')
    assert [problem.place for problem in (await import_scores(ledger, path, now=NOW)).problems] == ["line 2", "line 3"]


run = partial(commands.run, "feedback")


def test_the_command_names_each_row_and_says_no_by_its_exit_code(tmp_path, records, capsys):
    async def fill():
        ledger = SqliteLedger.open(tmp_path / "fairlead.db")
        await ledger.intent(records.intent(1))
        await ledger.close()

    asyncio.run(fill())
    path = written(tmp_path / "s.csv", "decision_id,score\ndec_0001,1\ndec_0099,1\n")
    assert run("import", path, "--ledger", tmp_path / "fairlead.db") == 1
    shown = capsys.readouterr().out
    assert "problem: line 3: no decision `dec_0099`" in shown
    assert "nothing was" in shown
    path.write_text("decision_id,score\ndec_0001,1\n")
    assert run("import", path, "--ledger", tmp_path / "fairlead.db", "--source", "verifier:lint") == 0
    assert run("sources", "--ledger", tmp_path / "fairlead.db") == 0
    assert "verifier:lint" in capsys.readouterr().out
    assert run("import", path, "--ledger", tmp_path / "fairlead.db", "--source", "gut") == 2
