"""`fairlead doctor`: each thing that is wrong is named; the drills are run for users as they are in tests."""

import json
import socket

import pytest
from typer.testing import CliRunner

from fairlead import drills
from fairlead.cli.doctor import app

CONFIGURATION = """
[server]
port = {port}
[providers.host]
base_url = "http://127.0.0.1:{host_port}/v1"
[models."host/unpriced"]
"""


@pytest.fixture
def listening():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def doctor(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def doctor(*words, **ports):
        path = tmp_path / "fairlead.toml"
        path.write_text(CONFIGURATION.format(**{"port": 0, "host_port": 1} | ports))
        return CliRunner().invoke(app, ["--config", str(path), *words])

    return doctor


def statuses(result):
    return {finding["about"]: finding["status"] for finding in json.loads(result.output)["findings"]}


def test_a_well_installation(doctor, listening):
    result = doctor("--json", host_port=listening)
    assert result.exit_code == 0
    found = statuses(result)
    assert (found["configuration"], found["provider host"], found["ledger"], found["port"]) == ("ok",) * 4
    assert found["models"] == "note"  # no price


def test_a_host_that_cannot_be_reached(doctor):
    result = doctor("--json")
    assert (result.exit_code, statuses(result)["provider host"]) == (1, "wrong")


def test_a_port_in_use(doctor, listening):
    assert statuses(doctor("--json", port=listening, host_port=listening))["port"] == "note"


def test_a_damaged_ledger(doctor, listening, tmp_path):
    (tmp_path / "fairlead.db").write_bytes(b"no database at all, but long enough to be taken for one" * 100)
    result = doctor("--json", host_port=listening)
    assert (result.exit_code, statuses(result)["ledger"]) == (1, "wrong")


def test_a_configuration_that_would_not_run(tmp_path):
    path = tmp_path / "fairlead.toml"
    path.write_text("[providers.host]\nbase_url = 'nowhere'\n")
    result = CliRunner().invoke(app, ["--config", str(path)])
    assert result.exit_code == 1
    assert "base_url" in result.output


def test_the_drills(doctor, monkeypatch):
    chosen = [scenario for scenario in drills.SCENARIOS if scenario.id in {"S03", "S10"}]
    monkeypatch.setattr(drills, "SCENARIOS", chosen)
    monkeypatch.setattr(drills, "BEYOND", ())
    result = doctor("--faults", "--json")
    assert result.exit_code == 0
    shown = json.loads(result.output)["drills"]
    assert [drill["grade"] for drill in shown] == ["pass"] * 6 + ["pass", "safe"] * 3
    printed = doctor("--faults").output
    assert "failed: 0 of 12" in printed
    assert "S03" in printed


def test_real_time_goes_with_faults(doctor):
    assert doctor("--real-time").exit_code == 2
