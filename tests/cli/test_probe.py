"""`fairlead probe`: what it prints, and when the answer is no."""

import json

import pytest
from typer.testing import CliRunner

from fairlead.cli import models
from fairlead.cli.probe import app

SIMULATED = '[providers.sim]\ndialect = "simulated"\ntime_scale = 0\n'


@pytest.fixture
def probed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def probed(*words, configuration=SIMULATED):
        (tmp_path / "fairlead.toml").write_text(configuration)
        return CliRunner().invoke(app, ["--config", "fairlead.toml", *words])

    return probed


def test_figures_have_n_and_an_interval(probed, tmp_path):
    result = probed("--calls", "6", "--max-usd", "1", "--json", "--out", "found.json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert found == json.loads((tmp_path / "found.json").read_text())
    assert len(found["hosts"]) == 5
    for host in found["hosts"]:
        assert (host["host"], host["n_calls"], host["n_errors"], host["stopped"]) == ("simulated", 6, 0, None)
        for name in ("ttft_s", "tokens_per_s"):
            assert host[name]["n"] == 6
            assert 0 < host[name]["low"] <= host[name]["value"] <= host[name]["high"]
        assert host["error_share"]["low"] == 0.0 < host["error_share"]["high"] < 0.5


def test_a_small_sum_and_few_calls(probed):
    found = json.loads(probed("--calls", "2", "--max-usd", "0.001", "--json").stdout)
    assert float(found["at_most_usd"]) <= 0.001
    assert "max_usd" in {host["stopped"] for host in found["hosts"]}
    assert {host["ttft_s"]["low"] for host in found["hosts"] if host["ttft_s"]} == {None}


def test_what_was_measured_is_shown_with_the_models(probed):
    few = probed("--calls", "2", "--max-usd", "1")
    assert "starts from these figures where 20 calls were answered" in " ".join(few.stdout.split())
    assert "not yet" not in probed("--calls", "18", "--max-usd", "1", "--json").stdout
    result = CliRunner().invoke(models.app, ["--config", "fairlead.toml", "--json"])
    for model in json.loads(result.stdout)["models"]:
        measured = model["measured"]
        assert (measured["n_streams"], measured["n_answers"], measured["latency_p95_s"]) == (20, 0, None)
        assert measured["ttft_p95_s"] > 0 < measured["tokens_per_s"]
    assert "n=20" in CliRunner().invoke(models.app, ["--config", "fairlead.toml"], env={"COLUMNS": "300"}).stdout


def test_a_host_that_nobody_reaches(probed):
    lost = '[providers.lost]\nbase_url = "http://127.0.0.1:1/v1"\n[models."lost/m"]\n'
    priced = lost + "price = { input_usd_per_mtok = 1, output_usd_per_mtok = 2 }\n"
    result = probed("--calls", "2", configuration=priced)
    assert result.exit_code == 1
    assert "UnavailableError 2x: no connection (" in " ".join(result.stdout.split())
    unpriced = probed("--calls", "2", configuration=lost)
    assert unpriced.exit_code == 0
    assert "what a call may cost is not known" in unpriced.stdout


@pytest.mark.parametrize("usd", ["0", "-1", "nan", "much"])
def test_a_sum_that_is_none(probed, usd):
    result = probed("--max-usd", usd)
    assert "`--max-usd`" in str(result.exception)
