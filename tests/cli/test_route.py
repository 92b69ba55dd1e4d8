"""`fairlead route`: one prompt, and a file of them."""

import io
import json
from functools import partial

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fairlead import fit, load, save
from fairlead.testing import make_outcomes
from tests import commands

PROMPT = "Prove a theorem about rivers."


@pytest.fixture(scope="module")
def router(tmp_path_factory):
    path = tmp_path_factory.mktemp("routers") / "mine"
    save(fit(make_outcomes(80, seed=2), seed=0), path)
    return path


@pytest.fixture
def config(tmp_path, router):
    path = tmp_path / "fairlead.toml"
    prices = "price = { input_usd_per_mtok = 1, output_usd_per_mtok = 2 }"
    path.write_text(
        '[providers.local]\nbase_url = "http://127.0.0.1:1/v1"\n'
        f'[models."local/strong"]\n{prices}\n[models."local/weak"]\n{prices}\n'
        f'[routes.auto]\nreference = "local/strong"\nrouter = "{router}"\n'
        '[routes.cautious]\nreference = "local/strong"\n'
    )
    return path


@pytest.fixture
def prompts(tmp_path):
    path = tmp_path / "prompts.parquet"
    pq.write_table(pa.table({"prompt_id": ["a", "b", "c"], "prompt": [PROMPT, "Hello", "x" * 500]}), path)
    return path


run = partial(commands.run, "route")


def test_json_is_the_decision_of_the_router(router, capsys):
    assert run(PROMPT, "--router", router, "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["schema"] == "fairlead.route/1"
    assert said["router_version"] == load(router).version
    assert said["model"] == said["plan"][0]
    assert {prediction["candidate"] for prediction in said["predictions"]} == {"strong", "middle", "weak"}


def test_people_get_the_choice_the_reason_and_every_candidate(router, capsys):
    assert run(PROMPT, "--router", router) == 0
    printed = capsys.readouterr().out
    assert ": guard_" in printed or ": cheapest_within_floor" in printed or ": reference_within_floor" in printed
    assert all(name in printed for name in ("strong", "middle", "weak", "P(success)", "propensity"))


def test_names_stay_whole_in_a_narrow_terminal(tmp_path, monkeypatch, capsys):
    name = "local/an-organisation/a-model-with-a-name-of-many-parts-instruct-2026-11"
    path = tmp_path / "fairlead.toml"
    path.write_text(
        f'[providers.local]\nbase_url = "http://127.0.0.1:1/v1"\n[models."{name}"]\n[models."local/b"]\n'
        "capabilities = { context_tokens = 2 }\n"
    )
    monkeypatch.setattr("fairlead.cli.output.PIPE_WIDTH", 80)
    assert run(PROMPT, "--config", path, "--model", "auto") == 0
    lines = capsys.readouterr().out.splitlines()
    names = "".join(line.split()[0] for line in lines[3:] if line.strip())
    assert name in names
    assert "…" not in "".join(lines)
    assert "local/b is excluded: request and answer may not fit its context window" in lines


def test_a_model_of_a_saved_router_can_be_asked_for(router, capsys):
    assert run(PROMPT, "--router", router, "--model", "weak") == 0
    assert capsys.readouterr().out.splitlines() == [
        "weak: asked_for, the caller named this model",
        "reference none, propensity 1",
    ]


def test_a_long_prompt_comes_from_standard_input(router, monkeypatch, capsys):
    decided = []
    for words, given in (((PROMPT,), ""), (("-",), PROMPT)):
        monkeypatch.setattr("sys.stdin", io.StringIO(given))
        assert run(*words, "--router", router, "--json") == 0
        decided.append(capsys.readouterr().out)
    assert decided[0] == decided[1]


def test_the_decision_goes_to_a_file_as_well(router, tmp_path, capsys):
    assert run(PROMPT, "--router", router, "--json", "--out", tmp_path / "decision.json") == 0
    assert (tmp_path / "decision.json").read_text() == capsys.readouterr().out


def test_a_configuration_decides_as_its_gateway_would(config, capsys):
    assert run(PROMPT, "--config", config, "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert {prediction["candidate"] for prediction in said["predictions"]} == {"local/strong", "local/weak"}
    assert said["route"] == "auto"


@pytest.mark.parametrize(
    ("model", "chosen", "reason"),
    [("cautious", "local/strong", "no_evidence"), ("local/weak", "local/weak", "asked_for")],
)
def test_a_route_or_a_model_can_be_asked_for(config, capsys, model, chosen, reason):
    assert run(PROMPT, "--config", config, "--model", model, "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["model"], said["reason"]) == (chosen, reason)


def test_without_a_router_the_prior_is_shown_and_decides_nothing(config, capsys):
    assert run(PROMPT, "--config", config, "--model", "cautious", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["model"], said["reason"]) == ("local/strong", "no_evidence")
    assert all(prediction["p_success"] is None for prediction in said["predictions"])
    assert [prediction["candidate"] for prediction in said["prior"]] == ["local/strong", "local/weak"]
    assert all(0 < prediction["p_success"] < 1 for prediction in said["prior"])
    run(PROMPT, "--config", config, "--model", "cautious")
    assert "It knows nothing of your tasks, and decides nothing" in capsys.readouterr().out


def test_with_a_router_no_prior_is_shown(config, router, capsys):
    run(PROMPT, "--router", router, "--json")
    assert json.loads(capsys.readouterr().out)["prior"] == []


def test_nothing_is_asked_of_anyone_and_no_ledger_is_made(config, tmp_path):
    run(PROMPT, "--config", config)
    assert [path.name for path in tmp_path.iterdir()] == ["fairlead.toml"]


def test_a_batch_counts_what_it_wrote(router, prompts, tmp_path, capsys):
    out = tmp_path / "decisions.parquet"
    assert run("--router", router, "--batch", prompts, "--out", out, "--json") == 0
    printed = capsys.readouterr()
    said = json.loads(printed.out)
    assert said["schema"] == "fairlead.route.batch/1"
    assert (said["rows"], said["rows_undecided"], said["rows_resumed"], said["discarded"]) == (3, 0, 0, None)
    assert sum(said["chosen"].values()) == pq.read_table(out).num_rows == 3
    assert printed.err == ""  # no progress in a pipe


def test_a_batch_of_a_configuration_has_its_candidates(config, prompts, tmp_path, capsys):
    assert run("--config", config, "--batch", prompts, "--out", tmp_path / "out.parquet") == 0
    assert "3 decisions written to" in capsys.readouterr().out
    row = pq.read_table(tmp_path / "out.parquet").to_pylist()[0]
    assert [candidate["candidate"] for candidate in row["candidates"]] == ["local/strong", "local/weak"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "takes either a prompt or `--batch FILE`"),
        ((PROMPT, "--batch", "p.parquet"), "takes either a prompt or `--batch FILE`"),
        (("--batch", "p.parquet"), "Add `--out decisions.parquet`"),
        (("--batch", "p.parquet", "--out", "d.csv"), "`--out` is `d.csv`. Add `--out decisions.parquet`"),
        ((PROMPT, "--model", "auto:cost"), "The model `auto:cost` does not exist. Did you mean `auto`?"),
        ((PROMPT, "--config", "fairlead.toml"), "both say who decides"),
    ],
)
def test_misuse_is_told(router, capsys, words, message):
    assert run(*words, "--router", router) == 2
    assert message in capsys.readouterr().err


def test_an_unknown_route_is_told_with_what_there_is(config, prompts, tmp_path, capsys):
    assert run("--config", config, "--model", "frugal", "--batch", prompts, "--out", tmp_path / "out.parquet") == 2
    assert "`frugal`, which is no route; expected one of `auto`" in capsys.readouterr().err


def test_a_missing_router_is_told(tmp_path, capsys):
    assert run(PROMPT, "--router", tmp_path / "nothing") == 2
    assert "nothing" in capsys.readouterr().err
