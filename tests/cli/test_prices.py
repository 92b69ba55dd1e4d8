"""`fairlead prices`: what people and programs are told, and the exit codes."""

import json

import pytest
from typer.testing import CliRunner

from fairlead.cli.prices import app

POOL = """
[providers.host]
base_url = "http://127.0.0.1:1/v1"
[providers.openai]
[models."openai/gpt-4o"]
[models."host/own"]
price = { input_usd_per_mtok = 1, output_usd_per_mtok = 2 }
"""
TABLE = """{"gpt-4o": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 2.5e-06,
"output_cost_per_token": 1.2e-05}}"""


@pytest.fixture
def prices(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    config = tmp_path / "fairlead.toml"

    def prices(*words, text=POOL):
        config.write_text(text)
        return CliRunner().invoke(app, [*words, "--config", str(config)])

    return prices


def test_a_price_is_shown_with_its_hours_and_its_source():
    result = CliRunner().invoke(app, ["show", "deepseek/deepseek-v4-pro", "--at", "2026-11-25T02:00", "--json"])
    assert result.exit_code == 0
    (shown,) = json.loads(result.stdout)["prices"]
    assert [term["when"] for term in shown["terms"]] == ["always", "daily 01:00-04:00, 06:00-10:00"]
    assert shown["terms"][1]["price_id"] == shown["now"]
    assert shown["terms"][1]["rates"]["input"] == [[0, "1.32"]]
    assert shown["verdict"] == "differs"
    assert "Sat-Sun" in shown["second"][1]["when"]


def test_a_misspelt_name_is_told_the_close_ones():
    result = CliRunner().invoke(app, ["show", "openai/gpt-6.1-soll"])
    assert "no price is known of `openai/gpt-6.1-soll`. Did you mean `openai/gpt-6.1-sol` or" in result.output
    result = CliRunner().invoke(app, ["show", "openai/gpt-6.1-soll", "--json"])
    assert json.loads(result.stdout)["prices"][0]["meant"][0] == "openai/gpt-6.1-sol"
    result = CliRunner().invoke(app, ["verify", "openai/gpt-6.1-soll"])
    assert "Did you mean `openai/gpt-6.1-sol`" in result.output
    assert "Did you mean `openai/gpt-6.1-sol`" in str(CliRunner().invoke(app, ["show", "gpt-6.1-soll"]).exception)
    assert "Did you mean" not in CliRunner().invoke(app, ["show", "openai/of-our-own"]).output


def test_people_see_the_same(prices):
    result = prices("show")
    assert "openai/gpt-4o" in result.output
    assert "verified" in result.output
    assert 'models."host/own".price' in result.output.replace("\n", "")


def test_all_is_well_where_every_price_is_verified_or_given(prices):
    result = prices("verify")
    assert result.exit_code == 0
    assert "2 models: 1 given, 1 verified" in result.output


def test_the_answer_is_no_where_one_is_not(prices):
    unknown = POOL + '[models."host/other"]\n'
    result = prices("verify", text=unknown)
    assert result.exit_code == 1
    assert "host/other: unknown, no source knows it" in result.output


def test_an_imported_table_is_the_second_source(prices, tmp_path):
    (tmp_path / "table.json").write_text(TABLE)
    words = ["import", str(tmp_path / "table.json"), "--out", str(tmp_path / "snapshot.json"), "--taken", "2026-11-01"]
    made = CliRunner().invoke(app, [*words, "--json"])
    assert json.loads(made.stdout)["n_models"] == 1
    result = prices("diff", "--json", text=POOL + '[prices]\nsecond_source = "snapshot.json"\n')
    assert result.exit_code == 1
    (difference,) = json.loads(result.stdout)["differences"]
    assert (difference["name"], difference["rate"], difference["when"]) == ("openai/gpt-4o", "output", "always")
    assert (difference["first"], difference["second"]) == ([[0, "10"]], [[0, "12"]])
    assert "litellm of 2026-11-01: gpt-4o" in difference["sources"]


def test_where_nothing_differs_the_answer_is_yes(prices):
    assert prices("diff").exit_code == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["show", "nobody/x"], "is no model that is known"),
        (["show", "openai/gpt-4o", "--at", "noon"], "expected a moment"),
    ],
)
def test_misuse_is_told(words, message):
    result = CliRunner().invoke(app, words)
    assert message in str(result.exception)
