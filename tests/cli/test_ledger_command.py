import asyncio
import json
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import typer

from fairlead.cli.since import moment
from fairlead.ledger.postgres import PostgresLedger
from fairlead.ledger.sqlite import SqliteLedger
from tests import commands


@pytest.fixture
def path(tmp_path, records):
    asyncio.run(fill(SqliteLedger.open(tmp_path / "fairlead.db"), records))
    return tmp_path / "fairlead.db"


async def fill(ledger, records):
    await ledger.register([records.price])
    await ledger.intent(records.intent(1))
    await ledger.settle(records.settlement(1))
    await ledger.intent(records.intent(2))
    await ledger.close()


run = partial(commands.run, "ledger")


def test_verify_says_that_all_adds_up(path, monkeypatch, capsys):
    monkeypatch.chdir(path.parent)  # the default ledger is `fairlead.db` in the working folder
    assert run("verify") == 0
    shown = capsys.readouterr().out
    assert "fairlead.db: 5 rows, 2 requests, 1 attempts, 0.0004848 USD" in shown
    assert "req_0002, at most 0.0500 USD" in shown
    assert "everything is as it was written and adds up" in shown


def test_verify_exits_with_1_where_something_does_not(path, capsys, tamper):
    tamper(path, "UPDATE settlements SET cost_usd = '7'")
    assert run("verify", "--ledger", path, "--json") == 1
    result = json.loads(capsys.readouterr().out)
    assert (result["schema"], result["ok"]) == ("fairlead.ledger.verify/1", False)
    assert [fault["rule"] for fault in result["faults"]] == ["row_changed", "total_differs"]
    assert result["faults"][0]["row"] == "settlements req_0001"
    assert result["unsettled"] == [
        {"request_id": "req_0002", "at": "2026-11-01T12:00:02.123456Z", "reserved_usd": "0.0500"}
    ]


def test_every_command_takes_the_address_of_a_database(postgres, records, tmp_path, capsys):
    url = postgres.ledger()
    asyncio.run(fill(PostgresLedger.open(url), records))
    for command in (["verify"], ["rebuild"], ["export", "--out", tmp_path / "rows.jsonl"]):
        assert run(*command, "--ledger", url) == 0
    assert "ledger_" in capsys.readouterr().out


def test_verify_of_nothing_is_an_answer_without_a_traceback(tmp_path, capsys):
    assert run("verify", "--ledger", tmp_path / "none.db") == 1
    assert "there is no ledger at" in capsys.readouterr().err


def test_an_end_that_was_noted_shows_a_chain_that_was_written_anew(path, tmp_path, capsys, tamper, records):
    assert run("verify", "--ledger", path, "--json", "--out", tmp_path / "noted.json") == 0
    assert run("verify", "--ledger", path, "--noted", tmp_path / "noted.json") == 0
    path.unlink()
    asyncio.run(forge(path, records))
    assert run("verify", "--ledger", path) == 0
    assert run("verify", "--ledger", path, "--noted", tmp_path / "noted.json") == 1
    assert "end_lost" in capsys.readouterr().out


async def forge(path, records):
    ledger = SqliteLedger.open(path)
    await ledger.intent(records.intent(1))
    await ledger.close()


def test_a_file_that_notes_no_end_is_misuse(path, tmp_path, capsys):
    (tmp_path / "noted.json").write_text("{}")
    assert run("verify", "--ledger", path, "--noted", tmp_path / "noted.json") == 2
    assert "expected what `verify --json` printed" in capsys.readouterr().err


def test_rebuild_shows_both_sums_by_candidate(path, capsys):
    assert run("rebuild", "--ledger", path) == 0
    shown = capsys.readouterr().out
    assert "a/cheap  kept 0.0004848 USD, rebuilt 0.0004848 USD (1 attempts)" in shown
    assert "the same to the last digit" in shown


def test_rebuild_exits_with_1_and_names_the_bill_that_differs(path, capsys, tamper):
    tamper(path, "UPDATE attempts SET cost_usd = '0.0004847'")
    assert run("rebuild", "--ledger", path, "--json") == 1
    result = json.loads(capsys.readouterr().out)
    assert (result["ok"], result["kept_usd"], result["rebuilt_usd"]) == (False, "0.0004847", "0.0004848")
    assert [(d["row"], d["rule"]) for d in result["differences"]] == [
        ("attempts req_0001/1", "cost_differs"),
        ("settlements req_0001", "total_differs"),
    ]


def test_reconcile_lists_the_gaps_of_a_bill(path, tmp_path, capsys):
    bill = tmp_path / "bill.csv"
    bill.write_text("date,model,cost\n2026-11-01,cheap-2026,0.05\n2026-11-01,unknown,1.00\n")
    assert run("reconcile", bill, "--ledger", path, "--json") == 1
    gaps = json.loads(capsys.readouterr().out)["gaps"]
    assert [(gap["model"], gap["rule"], gap["difference_usd"]) for gap in gaps] == [
        ("cheap-2026", "differs", "0.0495152"),
        ("unknown", "not_in_ledger", "1.00"),
    ]
    bill.write_text("date,model,cost\n2026-11-01,cheap-2026,0.0004848\n")
    assert run("reconcile", bill, "--ledger", path, "--tolerance-usd", "0") == 0
    assert "they agree" in capsys.readouterr().out


def test_reconcile_refuses_a_tolerance_that_is_no_number(path, tmp_path, capsys):
    (tmp_path / "bill.csv").write_text("date,model,cost\n")
    assert run("reconcile", tmp_path / "bill.csv", "--ledger", path, "--tolerance-usd", "much") == 2
    assert "expected USD" in capsys.readouterr().err


def test_export_writes_rows_and_says_how_many(path, tmp_path, capsys):
    out = tmp_path / "rows.jsonl"
    assert run("export", "--ledger", path, "--out", out, "--since", "2026-11-01T12:00:02", "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["schema"], result["n_rows"]) == ("fairlead.ledger.export/1", 1)
    assert json.loads(out.read_text(encoding="utf-8"))["request_id"] == "req_0002"


def test_export_refuses_a_moment_that_is_none(path, tmp_path, capsys):
    assert run("export", "--ledger", path, "--out", tmp_path / "rows.jsonl", "--since", "soon") == 2
    assert "expected an age such as" in capsys.readouterr().err
    assert not (tmp_path / "rows.jsonl").exists()


NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("90m", NOW - timedelta(minutes=90)),
        ("12h", NOW - timedelta(hours=12)),
        ("30d", NOW - timedelta(days=30)),
        ("2w", NOW - timedelta(weeks=2)),
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01T02:00+02:00", datetime(2026, 11, 1, tzinfo=UTC)),
    ],
)
def test_a_moment_is_an_age_or_a_date(text, expected):
    assert moment(text, NOW) == expected


@pytest.mark.parametrize("text", ["", "d", "-3d", "3 d", "999999w", "2026-13-01", "yesterday"])
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(typer.BadParameter, match="expected an age"):
        moment(text, NOW)
