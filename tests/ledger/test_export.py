import json
from dataclasses import replace
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fairlead.errors import ConfigError, LedgerError
from fairlead.ledger import export as module
from fairlead.ledger.export import SCHEMA, export
from fairlead.ledger.exported import exported
from fairlead.ledger.sqlite import SqliteLedger


@pytest.fixture
async def ledger(tmp_path, records):
    ledger = SqliteLedger.open(tmp_path / "ledger.db")
    await ledger.register([records.price])
    await ledger.intent(records.intent(1))
    await ledger.settle(records.settlement(1, records.failed_attempt(1), records.attempt(2)))
    await ledger.intent(records.intent(2))
    yield ledger
    await ledger.close()


def json_rows(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_json_lines_hold_every_request_with_its_attempts(ledger, tmp_path):
    out = tmp_path / "rows.jsonl"
    assert export(ledger, out) == 2
    settled, unsettled = json_rows(out)
    assert [attempt["error"] for attempt in settled["attempts"]] == ["RateLimitError", None]
    assert settled["predictions"][0]["p_success"] == 0.1 + 0.2
    assert [link["row"] for link in settled["links"]] == ["intent", "settlement", "attempt 1", "attempt 2"]
    assert [link["seq"] for link in settled["links"]] == [2, 3, 4, 5]  # the price is the first
    assert (unsettled["status"], unsettled["cost_usd"], unsettled["reserved_usd"]) == ("unsettled", None, "0.0500")


def test_a_bill_can_be_computed_from_an_exported_row_alone(ledger, tmp_path):
    out = tmp_path / "rows.jsonl"
    export(ledger, out)
    row = json_rows(out)[0]
    attempt = row["attempts"][1]
    buckets = ("input", "output", "cache_read", "cache_write")
    products = [attempt[f"{b}_tokens"] * Decimal(attempt[f"{b}_usd_per_mtok"]) for b in buckets]
    assert sum(products) / 1_000_000 == Decimal(attempt["cost_usd"]) == Decimal(row["cost_usd"])
    assert attempt["input_usd_per_mtok"] == "0.30"  # the tier that this call reached
    assert attempt["price_source"] == "made up"


def test_parquet_holds_the_same_rows_typed(ledger, tmp_path, records):
    export(ledger, tmp_path / "rows.jsonl")
    export(ledger, tmp_path / "rows.parquet")
    table = pq.read_table(tmp_path / "rows.parquet")
    rows = table.to_pylist(maps_as_pydicts="strict")
    assert table.schema.field("at").type == pa.timestamp("us", tz="UTC")
    assert table.schema.metadata[b"fairlead.schema"] == SCHEMA.encode()
    assert rows[0]["at"] == records.intent(1).at
    assert json.loads(json.dumps(rows, default=as_json)) == json_rows(tmp_path / "rows.jsonl")


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
async def test_an_export_reads_back_as_the_very_entries(ledger, tmp_path, records, suffix):
    await ledger.intent(records.intent(3, candidates={"a/dear": records.price.id}, kind="code"))
    export(ledger, tmp_path / f"rows{suffix}")
    without = {"plan": (), "context": None, "chances": None, "mix_draw": None, "answer_form": None}
    kept = [replace(entry, **without) for entry in ledger.entries()]
    assert list(exported(tmp_path / f"rows{suffix}")) == kept


def as_json(moment):
    return moment.isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_since_and_chunks(ledger, tmp_path, records, suffix, monkeypatch):
    monkeypatch.setattr(module, "ROWS_PER_WRITE", 1)
    assert export(ledger, tmp_path / f"all{suffix}") == 2
    assert export(ledger, tmp_path / f"late{suffix}", records.intent(2).at) == 1
    assert export(ledger, tmp_path / f"none{suffix}", records.intent(3).at) == 0
    assert (tmp_path / f"none{suffix}").exists()


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_a_file_is_whole_or_what_it_was(ledger, tmp_path, suffix, monkeypatch):
    out = tmp_path / f"rows{suffix}"
    out.write_bytes(b"what was there before")

    def cut_off(_):
        yield next(SqliteLedger.entries(ledger))
        raise LedgerError("the disk went away")

    monkeypatch.setattr(ledger, "entries", cut_off)
    with pytest.raises(LedgerError, match="went away"):
        export(ledger, out)
    assert out.read_bytes() == b"what was there before"
    assert not list(tmp_path.glob("*.partial"))


def test_another_suffix_is_refused_before_anything_is_read(ledger, tmp_path):
    with pytest.raises(ConfigError, match=r"expected a name that ends in `\.parquet`, `\.jsonl`"):
        export(ledger, tmp_path / "rows.csv")


def test_a_folder_that_is_not_there_is_named(ledger, tmp_path):
    with pytest.raises(LedgerError, match=r"cannot write `.*/nowhere/rows\.jsonl`: No such file"):
        export(ledger, tmp_path / "nowhere" / "rows.jsonl")
