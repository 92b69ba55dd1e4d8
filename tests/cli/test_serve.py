"""`fairlead serve`, as a process: starts, says what it serves, answers, stops, and keeps what happened."""

import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime

import openai
import pytest

from fairlead.ledger.budget import KeyTerms
from fairlead.ledger.keys import new_key
from fairlead.ledger.sqlite import SqliteLedger

FAIRLEAD = (sys.executable, "-c", "from fairlead.cli.main import main; main()", "serve")
SIMULATED = '[providers.sim]\ndialect = "simulated"\ntime_scale = 0\n'
MESSAGES = [{"role": "user", "content": "Hello."}]


def command(folder, *words):
    return [*FAIRLEAD, "--config", str(folder / "fairlead.toml"), *words]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "fairlead.toml").write_text(SIMULATED)
    return tmp_path


@contextmanager
def serving(folder, *words, host="127.0.0.1"):
    """Yields the process and its base URL, once it listens."""
    with subprocess.Popen(command(folder, *words), stdout=subprocess.PIPE, text=True) as process:
        try:
            first = process.stdout.readline()
            assert first.startswith(f"fairlead listens on http://{host}:")
            yield process, first.split()[3].rstrip(";") + "/v1"
        finally:
            process.kill()


def wait_until(condition):
    """Returns as soon as the condition holds; fails where it does not within ten seconds."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def ask(url, key="any"):
    with openai.OpenAI(base_url=url, api_key=key, max_retries=0) as client:
        return client.chat.completions.create(model="auto", messages=MESSAGES)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_answers_until_it_is_stopped_and_keeps_what_happened(folder, number):
    with serving(folder, "--port", "0") as (process, url):
        reply = ask(url)
        process.send_signal(number)
        rest = process.stdout.read()
        assert process.wait(timeout=10) == 0
    (entry,) = SqliteLedger.open(folder / "fairlead.db", create=False).entries()
    assert reply.model == entry.served == "sim/albatross"
    assert "sim/wren" in rest
    assert "reference sim/albatross (assumed" in rest
    assert "no router is fitted" in rest


def test_a_request_in_flight_is_settled_when_it_stops(folder):
    slow = SIMULATED.replace("time_scale = 0", "time_scale = 100")
    (folder / "fairlead.toml").write_text(slow + "[server]\ndrain_s = 0.1\n")
    with serving(folder, "--port", "0") as (process, url), ThreadPoolExecutor() as pool:
        asked = pool.submit(ask, url)
        wait_until(lambda: list(SqliteLedger.open(folder / "fairlead.db", create=False).entries()))
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
        assert isinstance(asked.exception(), openai.APIError)
    (entry,) = SqliteLedger.open(folder / "fairlead.db", create=False).entries()
    assert entry.status == "cancelled"


def test_what_was_answered_survives_a_kill(folder):
    with serving(folder, "--port", "0") as (process, url):
        ask(url)
        process.kill()
        process.wait()
    (entry,) = SqliteLedger.open(folder / "fairlead.db", create=False).entries()
    assert entry.status == "delivered"


def test_flags_win_over_the_file(folder):
    with serving(folder, "--port", "0", "--ledger", str(folder / "other.db"), "--host", "127.0.0.1") as (_, url):
        ask(url)
    assert (folder / "other.db").exists()
    assert not (folder / "fairlead.db").exists()


def test_a_port_in_use_is_one_message_and_exit_1(folder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(command(folder, "--port", port), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: cannot listen on `127.0.0.1:{port}`: Address already in use. ")
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_bad_setting_is_one_message_and_exit_2(folder):
    (folder / "fairlead.toml").write_text(SIMULATED + "[server]\nport = 70000")
    done = subprocess.run(command(folder), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: `server.port` is 70000; expected a whole number in [0, 65535].")


def test_without_keys_and_file_it_says_what_it_looked_for(tmp_path):
    environ = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    done = subprocess.run(FAIRLEAD, capture_output=True, text=True, check=False, env=environ, cwd=tmp_path)
    assert done.returncode == 2
    assert "`OPENAI_API_KEY`" in done.stderr
    assert "`fairlead demo`" in done.stderr


def test_it_loads_nothing_that_serving_does_not_need(folder):
    heavy = ["pyarrow", "rich", "pandas", "torch", "sklearn", "openai"]
    code = (
        "import sys, os; from fairlead.cli.check import checked; from pathlib import Path; "
        "import fairlead.gateway.server; checked(Path(sys.argv[1])); "
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder / "fairlead.toml")], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_hangup_reads_the_configuration_anew(folder):
    with serving(folder, "--port", "0") as (process, url):
        assert ask(url).model.startswith("sim/")
        (folder / "fairlead.toml").write_text(SIMULATED.replace("providers.sim", "providers.other"))
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: ask(url).model.startswith("other/"))


def test_without_a_key_only_this_machine_is_served_and_that_is_said(folder):
    with serving(folder, "--port", "0", "--host", "0.0.0.0") as (process, url):
        assert url.startswith("http://127.0.0.1:")
        said = process.stdout.readline()
        assert said.startswith("no key is configured: only this machine is served, at 127.0.0.1 and not at 0.0.0.0.")
        assert "`fairlead keys create NAME`" in said


def test_with_a_key_it_listens_where_it_is_told_and_asks_for_it(folder):
    secret, key = new_key("test", KeyTerms(), datetime.now(UTC))
    SqliteLedger.open(folder / "fairlead.db").keys.add(key)
    with serving(folder, "--port", "0", "--host", "0.0.0.0", host="0.0.0.0") as (_, url):
        with pytest.raises(openai.AuthenticationError):
            ask(url)
        assert ask(url, secret).model == "sim/albatross"
