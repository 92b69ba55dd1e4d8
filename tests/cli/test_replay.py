"""`fairlead replay` against a small ledger on disk, of routes that a configuration made."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from io import StringIO

import msgspec
import pytest
from msgspec import structs
from rich.console import Console

from docs import generate
from fairlead.cli.main import main
from fairlead.cli.replay_shown import show_what_if
from fairlead.config import load
from fairlead.gateway.setup import prepare
from fairlead.ledger.sqlite import SqliteLedger
from fairlead.policies import Constant
from fairlead.proof.what_if import what_if
from fairlead.types import Context, Request, SessionState
from tests.proof.test_by_copies import BIG, ROUTER, TINY, Weighs, copied_world

ROUTE = """
[providers.sim]
dialect = "simulated"

[routes.auto]
reference = "sim/{reference}"
candidates = ["sim/{first}", "sim/{second}"]
objective = "order"
control_share = 0.5
"""
N_SESSIONS = 120


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    path = tmp_path_factory.mktemp("names") / "fairlead.toml"
    path.write_text('[providers.sim]\ndialect = "simulated"\n')
    return [name.removeprefix("sim/") for name in prepare(load(path, {})).candidates][:2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, records, names):
    path = tmp_path_factory.mktemp("replay")
    dear, cheap = names
    (path / "fairlead.toml").write_text(ROUTE.format(reference=dear, first=cheap, second=dear))
    (path / "dear.toml").write_text(ROUTE.format(reference=dear, first=dear, second=cheap))
    asyncio.run(fill(path, records, f"sim/{dear}"))
    return path


async def fill(path, records, dear):
    """Two requests a session; the dear model costs three times as much."""
    route = next(route for route in prepare(load(path / "fairlead.toml", {})).routes if route.name == "auto")
    ledger = SqliteLedger.open(path / "fairlead.db")
    await ledger.register([records.price])
    for n in range(2 * N_SESSIONS):
        s = n // 2
        session = SessionState(id=f"s{s}", rule="header", control_draw=(s * 0.618) % 1, mix_draw=0.5)
        context = Context(session=session, seed=n)
        decision = route.router.route(Request.from_prompt(f"Question {n}"), context)
        cost = Decimal(3 if decision.model == dear else 1) * (10 + n % 7) / 10000
        attempt = structs.replace(records.attempt(), candidate=decision.model, cost_usd=cost)
        settlement = records.settlement(n, attempt)
        await ledger.intent(
            records.intent(
                n, decision=decision, context=context, session_id=session.id, candidates={}, at=at(records, n)
            )
        )
        await ledger.settle(
            structs.replace(settlement, outcome=structs.replace(settlement.outcome, served=decision.model))
        )
    await ledger.close()


def at(records, n):
    return records.start + timedelta(seconds=n)


def run(folder, monkeypatch, *arguments):
    monkeypatch.chdir(folder)
    with pytest.raises(SystemExit) as stopped:
        main(["replay", *map(str, arguments)])
    return stopped.value.code


def described(printed):
    """Returns a document that is what its published schema describes, to the last field."""
    document = json.loads(printed)
    again = msgspec.json.encode(msgspec.json.decode(printed, type=generate.documents()[document["schema"]]))
    assert json.loads(again) == document
    return document


def test_every_decision_comes_out_again(folder, monkeypatch, capsys):
    assert run(folder, monkeypatch, "--exact", "--config", "fairlead.toml", "--json") == 0
    result = described(capsys.readouterr().out)
    assert (result["n_requests"], result["n_same"], result["n_different"]) == (240, 240, 0)


def test_a_changed_row_is_found_and_the_answer_is_no(folder, monkeypatch, capsys, tmp_path, tamper):
    for name in ("fairlead.db", "fairlead.toml"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    tamper(tmp_path / "fairlead.db", "UPDATE requests SET propensity = 0.75 WHERE request_id = 'req_0007'")
    assert run(tmp_path, monkeypatch, "--exact", "--config", "fairlead.toml") == 1
    shown = capsys.readouterr().out
    assert "239 the same to the last bit" in shown
    assert "dec_0007 propensity: 0.75 was logged, 0.5 comes out" in shown


def test_another_router_cannot_make_them_again(folder, monkeypatch, capsys):
    assert run(folder, monkeypatch, "--exact", "--config", "dear.toml", "--json") == 1
    result = json.loads(capsys.readouterr().out)
    assert result["not_replayed"] == {"other_router": 240}
    assert list(result["other_routers"].values()) == [240]


def test_another_policy_is_estimated_with_its_interval(folder, monkeypatch, capsys):
    assert run(folder, monkeypatch, "--policy", "dear.toml", "--json", "--out", "what.json") == 0
    result = described(capsys.readouterr().out)
    assert (result["n_usable"], result["not_usable"]) == (240, {})
    cost, latency = result["measures"]
    truth = sum(3 * (10 + n % 7) / 10000 for n in range(240)) / 240
    assert cost["once"]["low"] < truth < cost["once"]["high"]
    assert cost["always"]["low"] < cost["once"]["low"]
    assert cost["difference"]["low"] > 0
    assert latency["measure"] == "latency_s"
    assert json.loads((folder / "what.json").read_text()) == result


def test_people_read_the_figures_and_how_much_speaks_for_them(folder, monkeypatch, capsys):
    assert run(folder, monkeypatch, "--policy", "dear.toml") == 0
    shown = capsys.readouterr().out
    assert "240 requests, of which 240 tell of the other policy" in shown
    assert "effective of 120 sessions, largest weight 2, mean weight" in shown


def test_people_read_what_copies_tell_and_of_how_many():
    log, *_ = copied_world(share=1.0)
    for policy in (Constant(candidate=TINY), Weighs(candidate=TINY)):
        written = StringIO()
        found = what_if(log, {"auto": replace(ROUTER, policy=policy)})
        show_what_if(found, Console(file=written, width=200, markup=False))
        shown = written.getvalue()
        assert f"By shadow copies: {found.copied.n_copied:,} requests were copied" in shown
        assert "mean per copied request" in shown
        for said in ("between its first stage alone", "between 0."):
            assert (said in shown) == (found.copied.n_weighed > 0)


def test_what_is_done_anyway_is_called_exact():
    log, *_ = copied_world(share=1.0)
    sure = [replace(entry, propensity=1.0, chances={BIG: 1.0}) for entry in log if entry.chosen == BIG]
    written = StringIO()
    found = what_if(sure, {"auto": replace(ROUTER, policy=Constant(candidate=BIG))})
    show_what_if(found, Console(file=written, width=200, markup=False))
    assert {measured.overlap.n_informative for measured in found.measures} == {0}
    assert "cost_usd: exact, as the other policy does here what the log's did anyway" in written.getvalue()
    assert "effective" not in written.getvalue()


def test_a_period_without_requests_tells_nothing(folder, monkeypatch, capsys):
    assert run(folder, monkeypatch, "--policy", "dear.toml", "--since", "2030-01-01") == 1
    assert "0 requests, of which 0 tell" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments", [(), ("--exact", "--policy", "dear.toml"), ("--policy", "dear.toml", "--config", "dear.toml")]
)
def test_misuse_is_told(folder, monkeypatch, capsys, arguments):
    assert run(folder, monkeypatch, *arguments) == 2
    assert "--exact`" in capsys.readouterr().err
