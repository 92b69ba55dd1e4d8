"""Bad input through the real command line: one clear message, exit code 1 or 2, no traceback, nothing half-written."""

import json
import os
import re
import resource
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fairlead import fit, save
from fairlead.testing import make_outcomes

FAIRLEAD = (sys.executable, "-c", "from fairlead.cli.main import main; main()")
WITHOUT_KEYS = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
SIMULATED = '[providers.sim]\ndialect = "simulated"\ntime_scale = 0\n'


def run(*words, largest_file=None, environ=None, **options):
    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

    return subprocess.run(
        [*FAIRLEAD, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        env=WITHOUT_KEYS | (environ or {}),
        preexec_fn=limited if largest_file else None,
        **options,
    )


def assert_refused(result, code, *parts):
    assert result.returncode == code, result.stderr
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.stderr
    for part in parts:
        assert part in result.stderr


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def table(tmp_path):
    make_outcomes(60, seed=1).write(tmp_path / "table")
    return tmp_path / "table"


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("routers") / "router"
    save(fit(make_outcomes(60, seed=1), seed=0), path)
    return path


@pytest.fixture
def router(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "router")


@pytest.fixture
def config(tmp_path):
    (tmp_path / "fairlead.toml").write_text(SIMULATED)
    return tmp_path / "fairlead.toml"


# Configurations ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("verb", "code"), [("check", 1), ("serve", 2), ("route", 2)])
def test_no_key_and_no_file(verb, code, tmp_path):
    words = [verb, "Hello"] if verb == "route" else [verb]
    assert_refused(run(*words, cwd=tmp_path), code, "no provider is configured", "`OPENAI_API_KEY`", "`fairlead demo`")
    assert names_in(tmp_path) == []


@pytest.mark.parametrize(
    ("variable", "value", "parts"),
    [
        ("OPENAI_API_KEY", " ", ("`OPENAI_API_KEY` is empty",)),
        ("OPENAI_KEY", "x", ("`OPENAI_KEY` is set, and `OPENAI_API_KEY` is not",)),
        ("GOOGLE_API_KEY", "x", ("`GOOGLE_API_KEY` is set, and `GEMINI_API_KEY` is not",)),
    ],
)
def test_a_key_by_another_name(variable, value, parts, tmp_path):
    assert_refused(run("check", cwd=tmp_path, environ={variable: value}), 1, *parts)


def test_a_file_that_nobody_named_is_not_read_and_that_is_said(config, tmp_path):
    result = run("check", cwd=tmp_path)
    assert result.returncode == 1
    assert "`fairlead.toml` lies here and is not read: give it by `--config fairlead.toml`" in result.stderr


def test_a_folder_that_is_none(tmp_path, config):
    refused = run("serve", "--config", config, "--ledger", tmp_path / "none" / "x.db")
    assert_refused(refused, 1, "`ledger.path`", "is no folder")


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        ("[server]\nprot = 1", ("`server.prot`", "`port`")),
        ("[server]\nport = 99999", ("`server.port`", "99999", "65535")),
        ("[limits]\nttft_s = -1", ("`limits.ttft_s`", "-1")),
        ('[routes.auto]\ncontrol_share = "half"', ("`routes.auto.control_share`", "half")),
        ('[routes.auto]\nreference = "sim/nobody"', ("`routes.auto.reference`", "`sim/nobody`")),
        ('[routes.auto]\nrouter = "nowhere"', ("`routes.auto.router`", "nowhere")),
        ('[routes.auto]\nreference = "nobody"', ("`nobody`", "Expected `PROVIDER/MODEL`")),
        ("[routes.auto", ("is not TOML",)),
    ],
)
def test_a_configuration_that_cannot_be(config, tmp_path, settings, parts):
    config.write_text(SIMULATED + settings + "\n")
    assert_refused(run("serve", "--config", config, "--port", "0"), 2, *parts)
    assert names_in(tmp_path) == ["fairlead.toml"]


def test_a_configuration_that_is_not_there(tmp_path):
    assert_refused(run("serve", "--config", tmp_path / "fairlead.toml"), 2, "fairlead.toml", "No such file")


def test_a_port_in_use(config):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("serve", "--config", config, "--port", port)
    assert_refused(result, 1, f"`127.0.0.1:{port}`", "Address already in use", "`--port`")


# Outcome tables ------------------------------------------------------------------------------------------------------


def rewritten(table, file, change):
    path = table / file
    columns = pq.read_table(path).to_pydict()
    change(columns)
    pq.write_table(pa.table(columns), path)


def without_score(columns):
    del columns["score"]


def a_score_of_7(columns):
    columns["score"][3] = 7.0


def a_pair_twice(columns):
    for values in columns.values():
        values.append(values[0])


@pytest.mark.parametrize(
    ("file", "change", "parts"),
    [
        ("outcomes.parquet", without_score, ("outcomes.parquet", "no column `score`")),
        ("outcomes.parquet", a_score_of_7, ("outcomes.parquet", "row 4", "`score`", "7.0", "[0, 1]")),
        ("outcomes.parquet", a_pair_twice, ("outcomes.parquet", "occurs twice", "row 181")),
        ("prompts.parquet", a_pair_twice, ("prompts.parquet", "row 61", "`prompt_id`")),
    ],
)
@pytest.mark.parametrize("verb", ["fit", "evaluate"])
def test_a_table_that_cannot_be_read(table, tmp_path, verb, file, change, parts):
    rewritten(table, file, change)
    words = ("--out", tmp_path / "result") if verb == "fit" else ()
    assert_refused(run(verb, table, *words), 2, *parts)
    assert names_in(tmp_path) == ["table"]


def test_a_table_that_was_cut(table, tmp_path):
    content = (table / "outcomes.parquet").read_bytes()
    (table / "outcomes.parquet").write_bytes(content[: len(content) // 2])
    assert_refused(run("fit", table, "--out", tmp_path / "r"), 2, "outcomes.parquet", "cannot be read as Parquet")
    assert names_in(tmp_path) == ["table"]


# Routers -------------------------------------------------------------------------------------------------------------


def newer(router):
    manifest = json.loads((router / "manifest.json").read_text())
    (router / "manifest.json").write_text(json.dumps(manifest | {"format": 99}))


def cut_in_half(name):
    def change(router):
        content = (router / name).read_bytes()
        (router / name).write_bytes(content[: len(content) // 2])

    return change


def altered(router):
    content = bytearray((router / "arrays.npz").read_bytes())
    content[len(content) // 2] ^= 0xFF
    (router / "arrays.npz").write_bytes(bytes(content))


def emptied(router):
    shutil.rmtree(router)
    router.mkdir()


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (newer, ("manifest.json", "99")),
        (cut_in_half("manifest.json"), ("manifest.json",)),
        (cut_in_half("arrays.npz"), ("arrays.npz",)),
        (altered, ("arrays.npz",)),
        (emptied, ("manifest.json",)),
    ],
    ids=["newer", "manifest cut", "arrays cut", "altered", "empty"],
)
def test_a_router_that_cannot_be_read(router, change, parts):
    change(router)
    assert_refused(run("route", "Hello", "--router", router), 2, *parts)


# A full disk ---------------------------------------------------------------------------------------------------------


def test_no_room_for_a_router(table, tmp_path):
    result = run("fit", table, "--out", tmp_path / "router", largest_file=2_000)
    assert_refused(result, 1, f"cannot write `{tmp_path / 'router'}`", "File too large")
    assert names_in(tmp_path) == ["table"]


def test_no_room_for_a_new_router_leaves_the_old_one(table, router, tmp_path):
    before = {path.name: path.read_bytes() for path in router.iterdir()}
    assert_refused(run("fit", table, "--out", router, largest_file=2_000), 1, "cannot write", "File too large")
    assert {path.name: path.read_bytes() for path in router.iterdir()} == before
    assert names_in(tmp_path) == ["router", "table"]


def test_no_room_for_decisions(router, tmp_path):
    n = 500
    texts = [f"Tell me about the number {i}." for i in range(n)]
    pq.write_table(pa.table({"prompt_id": range(n), "prompt": texts}), tmp_path / "prompts.parquet")
    words = ("route", "--router", router, "--batch", tmp_path / "prompts.parquet", "--out", tmp_path / "out.parquet")
    assert_refused(run(*words, largest_file=2_000), 1, f"cannot write `{tmp_path / 'out.parquet'}`", "File too large")
    assert not (tmp_path / "out.parquet").exists()
    assert json.loads(run(*words, "--json").stdout)["rows"] == n
    assert pq.read_metadata(tmp_path / "out.parquet").num_rows == n


@pytest.mark.parametrize("option", ["--out", "--html"])
def test_no_room_for_an_evaluation(table, tmp_path, option):
    result = run("evaluate", table, "--seeds", "1", option, tmp_path / "result", largest_file=1_000)
    assert_refused(result, 1, f"cannot write `{tmp_path / 'result'}`", "File too large")
    assert names_in(tmp_path) == ["table"]


def test_no_room_for_a_ledger(config, tmp_path):
    result = run("serve", "--config", config, "--port", "0", largest_file=4_096)
    assert_refused(result, 1, "fairlead.db")


def no_ledger(path):
    path.write_text("model,input_usd_per_mtok\n")


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (no_ledger, ("not a database", "Give the path of a ledger")),
        (lambda path: path.mkdir(), ("is a folder", "Give the path")),
        (lambda _path: None, ("there is no ledger", "`--ledger`")),
    ],
    ids=["not SQLite", "folder", "missing"],
)
def test_a_ledger_that_cannot_be_read(tmp_path, make, parts):
    make(tmp_path / "ledger")
    for verb in (["report"], ["ledger", "verify"]):
        assert_refused(run(*verb, "--ledger", tmp_path / "ledger"), 1, str(tmp_path / "ledger"), *parts)


# Requests ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def address(config):
    command = [*FAIRLEAD, "serve", "--config", str(config), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield re.search(r"http://[\d.:]+", process.stdout.readline()).group()
        finally:
            process.terminate()


@pytest.mark.parametrize(
    ("body", "status", "part"),
    [
        (b'{"model": "auto", "messages": [{', 400, "JSON"),
        (b'{"model": "auto"}', 400, "messages"),
        (b'{"model": "nobody", "messages": [{"role": "user", "content": "Hi"}]}', 404, "`nobody`"),
    ],
)
def test_a_request_that_cannot_be_served(address, body, status, part):
    request = urllib.request.Request(f"{address}/v1/chat/completions", body, {"content-type": "application/json"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    with refused.value as reply:
        error = json.load(reply)["error"]
    assert refused.value.code == status
    assert set(error) == {"message", "type", "param", "code"}
    assert part in error["message"]
