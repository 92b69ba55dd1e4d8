"""`fairlead onboard` on tables on disk: the file goes out with questions and comes back with scores."""

import json

import pytest

from fairlead import load
from fairlead.cli.main import main
from fairlead.testing import make_outcomes

MODELS = ("strong", "middle", "weak", "new")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data")
    table = make_outcomes(160, models=MODELS, seed=2)
    table.write(path / "whole")
    table.only(MODELS[:3]).write(path / "tasks")
    with pytest.raises(SystemExit):
        main(["fit", str(path / "tasks"), "--out", str(path / "router"), "--margin", "0.05"])
    return path


@pytest.fixture
def run(data, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def run(*arguments, table="tasks", code=0):
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main(["onboard", *arguments, "--router", str(data / "router"), "--table", str(data / table)])
        assert stopped.value.code == code
        return capsys.readouterr()

    return run


def fill_in(file):
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    for i, line in enumerate(lines):
        line["score"] = line["score"] if line["score"] is not None else float(i % 3 > 0)
    file.write_text("\n".join(map(json.dumps, lines)))


def test_the_file_goes_out_and_comes_back(run, tmp_path):
    first = json.loads(run("lab/new", "--n", "8", "--json").out)
    file = tmp_path / "onboard-lab-new.jsonl"
    assert (first["n_labels"], first["n_proposed"], first["labels"]) == (0, 8, file.name)
    questions = [json.loads(line) for line in file.read_text().splitlines()]
    assert all(line["score"] is None and line["prompt"] for line in questions)
    fill_in(file)
    second = json.loads(run("lab/new", "--n", "4", "--json").out)
    assert (second["n_labels"], second["n_proposed"]) == (8, 4)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["prompt_id"] for line in lines[:8]] == [line["prompt_id"] for line in questions]
    assert [line["score"] is None for line in lines] == 8 * [False] + 4 * [True]
    assert second["score"]["high"] - second["score"]["low"] < first["score"]["high"] - first["score"]["low"]


def test_the_router_is_saved_with_the_candidate(run, tmp_path):
    run("new", "--n", "20")
    fill_in(tmp_path / "onboard-new.jsonl")
    said = json.loads(run("new", "--save", "joined", "--price", "0.01,0.02", "--json").out)
    router = load(tmp_path / "joined")
    assert said["new_router"] == router.version
    assert router.models[-1] == "new"
    assert str(router.candidates[-1].price.output.base) == "0.02"
    assert 0 <= said["calls"] <= 1
    assert said["serves"]


def test_nothing_is_saved_without_a_label(run, tmp_path):
    printed = run("new", "--save", "joined").out
    assert "Nothing saved: without a label a candidate is never chosen for its quality." in printed
    assert not (tmp_path / "joined").exists()


def test_people_are_told_where_it_stands_and_what_to_do(run):
    printed = run("new", "--n", "5", "--worth-usd", "0.1").out
    assert "new after 0 labels on tasks" in printed
    assert "The next label is expected to add" in printed
    assert "(USD " in printed
    assert "5 prompts to label are in onboard-new.jsonl: fill in `score`, and call this again." in printed


def test_a_replay_takes_the_record_and_writes_no_questions(run, tmp_path):
    said = json.loads(run("new", "--replay", "--n", "12", "--json", table="whole").out)
    assert (said["n_labels"], said["labels"]) == (12, None)
    assert 0 <= said["actual"] <= 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "table", "message"),
    [
        (("new",), "whole", "has outcomes of `new` already"),
        (("new", "--replay"), "tasks", "no outcomes of `new` to replay"),
        (("new", "--price", "cheap"), "tasks", "`--price` is 'cheap'; expected two prices"),
        (("new", "--worth-usd", "0"), "tasks", "`--worth-usd` is 0.0; expected a sum above 0"),
    ],
)
def test_misuse_is_told(run, tmp_path, arguments, table, message):
    assert message in run(*arguments, table=table, code=2).err
    assert list(tmp_path.iterdir()) == []
