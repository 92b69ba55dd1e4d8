"""`fairlead check`: what would run, and a plain no where nothing would."""

import asyncio
import json
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fairlead.artifact import save
from fairlead.cli.check import app
from fairlead.fitting import fit
from fairlead.ledger.sqlite import SqliteLedger
from fairlead.providers.listing import Listing
from fairlead.testing import make_outcomes

POOL = """
[providers.host]
base_url = "http://127.0.0.1:1/v1"
[models."host/strong"]
price = { input_usd_per_mtok = 16, output_usd_per_mtok = 64 }
[models."host/new"]
"""


@pytest.fixture
def check(tmp_path):
    def check(text, *words):
        path = tmp_path / "fairlead.toml"
        path.write_text(text)
        return CliRunner().invoke(app, ["--config", str(path), *words])

    return check


def test_it_prints_what_would_run(check):
    result = check(POOL)
    assert result.exit_code == 0
    assert "host/strong  $16 in, $64 out per million tokens" in result.output
    assert "host/new     price unknown: takes no part in claims on cost" in result.output
    assert "route `auto`, `auto:cost`, `auto:quality`: reference host/strong (assumed, as the dearest" in result.output
    assert "no router is fitted, there is no evidence yet: `host/strong` serves every request" in result.output


def test_a_name_that_the_provider_does_not_have_is_doubted(check, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    result = check('[providers.openai]\n[models."openai/gpt-6.1-soll"]\n')
    assert "Did you mean `openai/gpt-6.1-sol`?" in result.output
    assert "Did you mean" not in check('[providers.openai]\n[models."openai/of-our-own"]\n').output


def test_it_says_what_nobody_knows_of_a_model(check):
    assert (
        "host/new     price unknown: takes no part in claims on cost; not known whether it has tools, "
        in check(POOL).output
    )
    told = POOL + "capabilities = { tools = true, json_schema = false, vision = true }\n"
    assert "capabilities" not in check(told).output.partition("host/new")[2]
    candidates = json.loads(check(told, "--json").output)["candidates"]
    assert [each["unknown"] for each in candidates] == [["tools", "json_schema", "vision"], []]


def test_it_names_what_the_router_has_never_seen(check, tmp_path):
    save(fit(make_outcomes(40)), tmp_path / "mine")
    result = check(POOL + '[routes.auto]\nrouter = "mine"\nreference = "host/strong"\n')
    assert result.exit_code == 0
    assert "never seen: host/new" in result.output
    assert "assumed" not in result.output


def test_a_router_that_was_fitted_on_other_names_is_told_how_to_join_them(check, tmp_path):
    save(fit(make_outcomes(40)), tmp_path / "mine")
    fitted = list(make_outcomes(40).models)
    route = '[routes.auto]\nrouter = "mine"\nreference = "host/strong"\n'
    printed = check(POOL + route).output
    assert all(f"`{name}`" in printed for name in fitted if name != "strong")
    assert '`[models."host/new"]`, `known_as = ["' in printed
    shown = json.loads(check(POOL + route, "--json").output)
    assert shown["routes"][0]["strangers"] == [name for name in fitted if name != "strong"]
    stranger = next(name for name in fitted if name != "strong")
    joined = POOL + f'known_as = ["{stranger}"]\n' + route
    assert "known_as" not in check(joined).output


def test_it_says_in_words_who_serves(check, tmp_path):
    save(fit(make_outcomes(40)), tmp_path / "mine")
    result = check(POOL + '[routes.auto]\nrouter = "mine"\nreference = "host/strong"\n')
    assert f"router {tmp_path / 'mine'}: `host/strong` serves every request" in result.output
    assert "HullGuard(" not in result.output


def test_the_json_says_the_same(check):
    shown = json.loads(check(POOL, "--json").output)
    assert shown["schema"] == "fairlead.check/1"
    assert [candidate["name"] for candidate in shown["candidates"]] == ["host/strong", "host/new"]
    assert shown["candidates"][1]["input_usd_per_mtok"] is None
    assert {route["name"]: route["assumed"] for route in shown["routes"]}["auto"] is True


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (POOL + "[routes.auto]\ncontrol_share = 1.7", "`routes.auto.control_share` is 1.7"),
        (POOL + '[routes.auto]\nreference = "host/none"', "`routes.auto.reference` is `host/none`"),
        (POOL + '[routes.auto]\nrouter = "none"', "none"),
        (POOL + '[ledger]\npath = "/no/such/folder/fairlead.db"', "`ledger.path` is `/no/such/folder/fairlead.db`"),
        ("[providers.openai]", "`OPENAI_API_KEY`, which is not set"),
    ],
)
def test_what_would_not_start_is_one_message_and_exit_1(check, monkeypatch, text, message):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    result = check(text)
    assert result.exit_code == 1
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_it_leaves_nothing_behind(check, tmp_path):
    check(POOL)
    assert [path.name for path in tmp_path.iterdir()] == ["fairlead.toml"]


def test_it_says_which_prices_change_and_where_sources_differ(check, monkeypatch):
    monkeypatch.setenv("DEEPSEEK_API_KEY", "x")
    result = check('[providers.deepseek]\n[models."deepseek/deepseek-v4-pro"]\n')
    assert "$1.32 in, $3.96 out per million tokens at the dearest hour; sources differ" in result.output


@pytest.mark.parametrize(
    ("found", "printed", "code"),
    [
        (
            Listing(verdict="taken", says="it takes the key", models=frozenset({"strong", "other"})),
            "not among its models: `new`",
            0,
        ),
        (
            Listing(verdict="refused", says="the provider answered 401: no"),
            "the key is refused: the provider answered 401",
            1,
        ),
    ],
)
def test_it_tries_the_keys_where_that_is_asked_for(check, monkeypatch, found, printed, code):
    async def listing(_host):
        return found

    assert "provider host" not in check(POOL).output
    monkeypatch.setattr("fairlead.cli.keys_tried.listing", listing)
    result = check(POOL, "--keys")
    assert result.exit_code == code
    assert f"provider host: {found.says}" in result.output or "the key is refused" in result.output
    assert printed in result.output
    (shown,) = json.loads(check(POOL, "--keys", "--json").output)["keys"]
    assert (shown["provider"], shown["verdict"]) == ("host", found.verdict)


def test_it_prints_the_schema_of_the_file(check, tmp_path):
    result = check(POOL, "--schema")
    assert json.loads(result.stdout)["properties"]["routes"]
    assert check(POOL, "--schema", "--out", str(tmp_path / "schema.json")).exit_code == 0
    assert json.loads((tmp_path / "schema.json").read_text()) == json.loads(result.stdout)


def test_it_says_where_on_the_road_the_installation_is_and_leaves_the_ledger_alone(check, tmp_path):
    text = POOL + f'[ledger]\npath = "{tmp_path / "fairlead.db"}"\n'
    assert "the road" not in check(text).output
    assert not (tmp_path / "fairlead.db").exists()
    asyncio.run(SqliteLedger.open(tmp_path / "fairlead.db").close())
    assert "the road from day 0: No request was served yet" in check(text).output
    oldest = (Path(__file__).parents[1] / "ledger" / "oldest.sql").read_text(encoding="utf-8")
    (tmp_path / "fairlead.db").unlink()
    connection = sqlite3.connect(tmp_path / "fairlead.db")
    connection.executescript(oldest)
    connection.close()
    result = check(text, "--json")
    assert json.loads(result.output)["road"] is None
    connection = sqlite3.connect(tmp_path / "fairlead.db")
    assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)
    connection.close()
