"""Clients that others write, each in its own environment, against a running gateway over hosts of each dialect.

`make test-clients` makes the environments and runs this; without them it is skipped.
"""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ENVIRONMENTS = HERE.parents[1] / ".clients"
FAMILIES = tomllib.loads((HERE / "families.toml").read_text(encoding="utf-8"))
SCRIPTS = [(name, script) for name, family in FAMILIES.items() for script in family["scripts"]]
VERDICT = {"faster": "word", "knots": 1}

pytestmark = pytest.mark.clients


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """Where the gateway is, what its routes are, a virtual key that opens it and one that does so no more."""
    command = [sys.executable, HERE / "gateway.py", tmp_path_factory.mktemp("gateway")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.kill()


def command_of(name, script):
    """Returns what runs a script in its family's environment."""
    folder = ENVIRONMENTS / name
    done = folder / "installed.json"
    if not done.exists() or json.loads(done.read_text(encoding="utf-8")) != FAMILIES[name]["packages"]:
        pytest.skip(f"the clients of {name} are not installed: run `make test-clients`")
    if FAMILIES[name]["language"] == "python":
        return [folder / "bin" / "python", HERE / "python" / f"{script}.py"]
    for path in (HERE / "node").glob("*.mjs"):  # node looks for packages beside the script
        (folder / path.name).write_bytes(path.read_bytes())
    return ["node", folder / f"{script}.mjs"]


def checked(step, result, others):
    """Returns what is wrong with the result of a step, `None` where nothing is."""
    match step:
        case "chat":
            right = isinstance(result, str) and len(result) > 20 and "Error" not in result
        case "stream":
            right = result == others["chat"]
        case "tools":
            right = result["calls"] == [["get_weather", {"city": "word"}]] if isinstance(result, dict) else False
            right = right and len(result["answer"]) > 20
        case "usage" | "golden":
            right = isinstance(result, int) and result > 0
        case "revoked key":
            right = result == 401
        case _:
            right = result == VERDICT
    return None if right else result


@pytest.mark.parametrize(("name", "script"), SCRIPTS)
def test_a_client_chats_streams_calls_tools_and_keeps_to_a_schema(places, name, script, tmp_path):
    command = command_of(name, script)
    environment = {**os.environ, **places, "PYTHONPATH": "", "NO_PROXY": "*"}
    done = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    results = json.loads(done.stdout.splitlines()[-1])
    assert all(by_route.keys() == set(places["ROUTES"].split()) for by_route in results.values())
    wrong = {
        f"{client} {route} {step}": found
        for client, by_route in results.items()
        for route, steps in by_route.items()
        for step, result in steps.items()
        if (found := checked(step, result, steps)) is not None
    }
    assert wrong == {}
