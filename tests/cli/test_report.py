"""`fairlead report` against a small ledger on disk."""

from __future__ import annotations

import asyncio
import json
import time
from functools import partial

import pytest
from msgspec import structs

from fairlead.ledger.export import export
from fairlead.ledger.sqlite import SqliteLedger
from fairlead.proof.statement import statement
from tests import commands
from tests.proof.test_promises import alarm, issued, make_certificate

CERTIFICATE = make_certificate()


def certified(intent):
    return structs.replace(intent, decision=structs.replace(intent.decision, certificate=CERTIFICATE.id))


@pytest.fixture
def path(tmp_path, records):
    async def fill():
        ledger = SqliteLedger.open(tmp_path / "fairlead.db")
        await ledger.register([records.price])
        await asyncio.gather(*(ledger.intent(certified(records.intent(n))) for n in range(1, 4)))
        await asyncio.gather(*(ledger.settle(records.settlement(n)) for n in range(1, 3)))
        await ledger.certificate(issued(CERTIFICATE))
        await ledger.certificate(alarm(CERTIFICATE, 1))
        await ledger.close()

    asyncio.run(fill())
    return tmp_path / "fairlead.db"


run = partial(commands.run, "report")


def test_json_states_what_the_entries_say(path, tmp_path, capsys):
    assert run("--ledger", path, "--json", "--out", tmp_path / "report.json") == 0
    printed = capsys.readouterr().out
    result = json.loads(printed)
    stated = statement(SqliteLedger.open(path).entries())
    assert result["schema"] == "fairlead.report/3"
    assert result["statement"]["paid_usd"] == str(stated.paid_usd)
    assert result["statement"]["unknown"] == {"n_requests": 1, "by_status": {"unsettled": 1}, "bound_usd": "0.0500"}
    assert result["statement"]["saving"] is None
    assert (tmp_path / "report.json").read_text(encoding="utf-8") == printed


def test_certificates_and_their_alarms_are_stated(path, capsys):
    assert run("--ledger", path, "--json") == 0
    (promise,) = json.loads(capsys.readouterr().out)["statement"]["certificates"]
    assert (promise["certificate"], promise["state"], promise["n_requests"]) == (CERTIFICATE.id, "stepped_back", 3)
    assert run("--ledger", path) == 0
    assert "Alarm 1 at" in capsys.readouterr().out


def test_people_see_the_verdict_and_what_is_unknown(path, monkeypatch, capsys):
    monkeypatch.chdir(path.parent)  # the default ledger is `fairlead.db` in the working folder
    assert run() == 0
    shown = capsys.readouterr().out
    assert "No saving can be shown" in shown
    assert "1  of unknown cost, in no sum: together at most 0.0500" in shown.replace("\n", " ")


def test_without_requests_there_is_nothing_to_state(path, capsys):
    assert run("--ledger", path, "--since", "2030-01-01") == 0
    said = (
        "No requests since 2030-01-01 00:00 UTC: there is nothing to state yet. Send some through `fairlead serve`.\n"
    )
    assert capsys.readouterr().out == said


def test_since_leaves_out_what_came_before(path, capsys):
    assert run("--ledger", path, "--since", "2026-11-01T12:00:02", "--json") == 0
    assert json.loads(capsys.readouterr().out)["statement"]["n_requests"] == 2


def test_the_page_is_written_whole_and_named(path, tmp_path, capsys):
    page = tmp_path / "statement.html"
    assert run("--ledger", path, "--html", page) == 0
    assert f"page: {page}" in capsys.readouterr().out
    assert page.read_text(encoding="utf-8").rstrip().endswith("</html>")
    assert not list(tmp_path.glob("*.partial"))


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/New_York"])
def test_another_time_zone_gives_the_same_bytes(path, tmp_path, monkeypatch, capsys, zone):
    given = ("--ledger", path, "--since", "2026-11-01T12:00:01", "--html", tmp_path / "page.html")
    said = []
    for name in ("UTC", zone):
        monkeypatch.setenv("TZ", name)
        time.tzset()
        assert run(*given, "--json") == 0
        said.append((capsys.readouterr().out, (tmp_path / "page.html").read_bytes()))
    monkeypatch.undo()
    time.tzset()
    assert said[0] == said[1]


@pytest.mark.parametrize("since", ["2026-11-01T12:00:01", "2026-11-01T17:30:01+05:30", "2031-01-01"])
@pytest.mark.parametrize("suffix", [".parquet", ".jsonl", ".db"])
def test_an_export_gives_the_same_bytes(path, tmp_path, suffix, since):
    ledger = SqliteLedger.open(path)
    export(ledger, tmp_path / f"rows{suffix}")
    asyncio.run(ledger.close())
    for name, source in (("ledger", ("--ledger", path)), ("export", ("--from", tmp_path / f"rows{suffix}"))):
        page, result = tmp_path / f"{name}.html", tmp_path / f"{name}.json"
        assert run(*source, "--html", page, "--out", result, "--since", since) == 0
    for ending in ("html", "json"):
        assert (tmp_path / f"ledger.{ending}").read_bytes() == (tmp_path / f"export.{ending}").read_bytes()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("rows.csv", b"", "expected a name"),
        ("rows.jsonl", b"{}\n", "is no export"),
        ("rows.parquet", b"x", "is no export"),
    ],
)
def test_what_is_no_export_is_refused(tmp_path, capsys, name, content, said):
    (tmp_path / name).write_bytes(content)
    assert run("--from", tmp_path / name) in {1, 2}
    assert said in capsys.readouterr().err


def test_a_missing_ledger_is_an_answer_and_none_is_made(tmp_path, capsys):
    assert run("--ledger", tmp_path / "none.db") == 1
    assert "there is no ledger at" in capsys.readouterr().err
    assert not (tmp_path / "none.db").exists()
