"""Decisions for a file of prompts: the same as one by one, in order, whole, and resumable."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fairlead import Request, bulk, fit
from fairlead.errors import TableError
from fairlead.testing import make_outcomes

N = 100


@pytest.fixture(scope="module")
def router():
    return fit(make_outcomes(80), seed=0)


@pytest.fixture
def prompts(tmp_path):
    """A file whose row groups are no multiple of the batches."""
    path = tmp_path / "prompts.parquet"
    texts = make_outcomes(N, seed=1).prompts
    pq.write_table(pa.table({"prompt_id": [f"q{i}" for i in range(N)], "prompt": texts}), path, row_group_size=37)
    return path


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(bulk, "ROWS_PER_BATCH", 8)
    monkeypatch.setattr(bulk, "BATCHES_PER_PART", 2)


def stop_after(rows):
    def on_progress(done, _total):
        if done >= rows:
            raise KeyboardInterrupt

    return on_progress


def rows_of(path):
    return pq.read_table(path).to_pylist()


def test_each_row_is_what_the_router_decides_for_that_prompt_alone(router, prompts, tmp_path):
    bulk.decide_file(router, prompts, tmp_path / "out.parquet")
    rows = rows_of(tmp_path / "out.parquet")
    assert [row["prompt_id"] for row in rows] == [f"q{i}" for i in range(N)]
    for row, text in zip(rows, make_outcomes(N, seed=1).prompts, strict=True):
        decision = router.route(Request.from_prompt(text))
        assert (row["model"], row["reason"], row["propensity"]) == (
            decision.model,
            decision.reason,
            decision.propensity,
        )
        for candidate, prediction in zip(row["candidates"], decision.predictions, strict=True):
            assert candidate["candidate"] == prediction.candidate
            assert candidate["p_success"] == pytest.approx(prediction.p_success, abs=1e-5)
            assert candidate["cost_usd"] == pytest.approx(prediction.cost_usd, rel=1e-5)
            assert candidate["excluded_because"] is None


def test_the_result_counts_what_was_chosen(router, prompts, tmp_path):
    result = bulk.decide_file(router, prompts, tmp_path / "out.parquet")
    models = [row["model"] for row in rows_of(tmp_path / "out.parquet")]
    assert result.rows == N
    assert result.chosen == {model: models.count(model) for model in result.chosen}
    assert sum(result.chosen.values()) == N


def test_the_file_names_its_schema_and_its_router(router, prompts, tmp_path):
    bulk.decide_file(router, prompts, tmp_path / "out.parquet")
    metadata = pq.read_schema(tmp_path / "out.parquet").metadata
    assert metadata[b"fairlead.schema"] == b"fairlead.decisions/1"
    assert metadata[b"fairlead.router"] == router.version.encode()


def test_a_run_that_was_stopped_goes_on_and_ends_the_same(router, prompts, tmp_path):
    bulk.decide_file(router, prompts, tmp_path / "whole.parquet")
    with pytest.raises(KeyboardInterrupt):
        bulk.decide_file(router, prompts, tmp_path / "out.parquet", on_progress=stop_after(60))
    assert not (tmp_path / "out.parquet").exists()
    result = bulk.decide_file(router, prompts, tmp_path / "out.parquet")
    assert 40 <= result.rows_resumed <= 64
    assert result.discarded is None
    assert rows_of(tmp_path / "out.parquet") == rows_of(tmp_path / "whole.parquet")


def test_what_was_decided_is_not_decided_again(router, prompts, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        bulk.decide_file(router, prompts, tmp_path / "out.parquet", on_progress=stop_after(60))
    seen = []
    result = bulk.decide_file(
        router, prompts, tmp_path / "out.parquet", on_progress=lambda done, total: seen.append((done, total))
    )
    assert min(seen)[0] > result.rows_resumed
    assert seen[-1] == (N, N)


def test_nothing_is_left_beside_the_result(router, prompts, tmp_path):
    bulk.decide_file(router, prompts, tmp_path / "out.parquet")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.parquet", "prompts.parquet"]


def test_a_run_that_was_stopped_while_it_cleaned_up_leaves_nothing_to_build_on(router, prompts, tmp_path, monkeypatch):
    def stopped(folder):
        (folder / "part-000000.parquet").unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(bulk.shutil, "rmtree", stopped)
        with pytest.raises(KeyboardInterrupt):
            bulk.decide_file(router, prompts, tmp_path / "out.parquet")
    result = bulk.decide_file(router, prompts, tmp_path / "out.parquet")
    assert result.rows_resumed == 0
    assert [row["prompt_id"] for row in rows_of(tmp_path / "out.parquet")] == [f"q{i}" for i in range(N)]


def test_parts_of_other_prompts_are_thrown_away_and_it_is_said(router, prompts, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        bulk.decide_file(router, prompts, tmp_path / "out.parquet", on_progress=stop_after(60))
    pq.write_table(pa.table({"prompt_id": ["x"], "prompt": ["Another prompt."]}), prompts)
    result = bulk.decide_file(router, prompts, tmp_path / "out.parquet")
    assert (result.rows, result.rows_resumed) == (1, 0)
    assert result.discarded == "they were made from other prompts"


def test_parts_of_another_router_are_thrown_away_and_it_is_said(router, prompts, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        bulk.decide_file(router, prompts, tmp_path / "out.parquet", on_progress=stop_after(60))
    other = fit(make_outcomes(80, seed=5), seed=0)
    result = bulk.decide_file(other, prompts, tmp_path / "out.parquet")
    assert (result.rows, result.rows_resumed) == (N, 0)
    assert result.discarded == "they were made by another router"


def test_memory_holds_one_batch_of_prompts(router, prompts, tmp_path, monkeypatch):
    sizes = []
    decide = type(router).decide
    monkeypatch.setattr(
        type(router),
        "decide",
        lambda self, requests, *rest: sizes.append(len(requests)) or decide(self, requests, *rest),
    )
    bulk.decide_file(router, prompts, tmp_path / "out.parquet")
    assert max(sizes) <= 8
    assert sum(sizes) == N


def test_ids_keep_their_type(router, tmp_path):
    pq.write_table(pa.table({"prompt_id": [7, 8], "prompt": ["a", "b"]}), tmp_path / "prompts.parquet")
    bulk.decide_file(router, tmp_path, tmp_path / "out.parquet")
    assert [row["prompt_id"] for row in rows_of(tmp_path / "out.parquet")] == [7, 8]


def test_no_prompts_make_no_decisions(router, tmp_path):
    pq.write_table(
        pa.table({"prompt_id": pa.array([], pa.string()), "prompt": pa.array([], pa.string())}), tmp_path / "p"
    )
    assert bulk.decide_file(router, tmp_path / "p", tmp_path / "out.parquet").rows == 0
    assert rows_of(tmp_path / "out.parquet") == []


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"prompt_id": ["a"], "text": ["b"]}, "no column `prompt`; found `prompt_id`, `text`"),
        ({"prompt_id": ["a"], "prompt": [1]}, "column `prompt` is `int64`; expected text"),
        ({"prompt_id": ["a", "b"], "prompt": ["text", None]}, r"prompts\.parquet`, row 2: `prompt` is null"),
    ],
)
def test_a_file_that_holds_no_prompts_is_refused(router, tmp_path, columns, message):
    pq.write_table(pa.table(columns), tmp_path / "prompts.parquet")
    with pytest.raises(TableError, match=message):
        bulk.decide_file(router, tmp_path / "prompts.parquet", tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists()


@pytest.mark.parametrize("content", [b"", b"PAR1 and then nothing", b"prompt_id,prompt\na,b\n"])
def test_a_file_that_is_no_parquet_is_refused(router, tmp_path, content):
    (tmp_path / "prompts.parquet").write_bytes(content)
    with pytest.raises(TableError, match=r"cannot be read as Parquet .*anew, as Parquet"):
        bulk.decide_file(router, tmp_path / "prompts.parquet", tmp_path / "out.parquet")


def test_a_file_that_is_not_there_is_refused(router, tmp_path):
    with pytest.raises(TableError, match=r"does not exist; .*Outcomes\.read"):
        bulk.decide_file(router, tmp_path / "prompts.parquet", tmp_path / "out.parquet")
