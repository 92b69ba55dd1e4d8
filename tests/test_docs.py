"""The pages say what the code does: generated ones are fresh, written ones name what exists, examples run."""

import inspect
import re
import shlex
import tomllib
from pathlib import Path

import msgspec
import pytest
import typer

from docs import generate, plot, results
from fairlead import errors
from fairlead.cli.evaluate import EvaluateResult, Spread
from fairlead.cli.main import VERBS, build, main
from fairlead.config import load
from fairlead.eligibility import EXCLUSIONS
from fairlead.gateway import headers
from fairlead.gateway.app import CODECS, application
from fairlead.policies.base import REASONS
from fairlead.testing import make_outcomes

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "fairlead"
README = (ROOT / "README.md").read_text(encoding="utf-8")
WRITTEN = [
    ROOT / "README.md",
    ROOT / "ARCHITECTURE.md",
    *(ROOT / "docs").glob("*.md"),
    *(ROOT / "docs").glob("[cg]*/*.md"),
]
PAGES = [*WRITTEN, *(ROOT / "docs" / "reference").glob("*.md")]


def page(name):
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def blocks(text, language=""):
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def test_generated_pages_are_fresh():
    assert generate.stale_pages() == []


@pytest.mark.parametrize("table", generate.configuration_tables(), ids=lambda table: table.__name__)
def test_every_setting_says_what_it_means(table):
    meanings = generate.field_docs(table)
    assert all(meanings.get(field) for field in table.__struct_fields__)
    assert all(f"| `{field}` |" in page("reference/configuration.md") for field in table.__struct_fields__)


@pytest.mark.parametrize("name", generate.documents())
def test_every_json_document_has_a_name_with_a_version_and_an_about(name):
    document = generate.documents()[name]
    assert re.fullmatch(r"fairlead(\.[a-z]+)+/\d+", name)
    assert document.__doc__
    assert f"## `{name}`" in page("reference/json.md")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_described(verb):
    assert f"### `fairlead {verb}`" in page("reference/cli.md")


@pytest.mark.parametrize("word", [*REASONS, *EXCLUSIONS])
def test_every_reason_is_described(word):
    assert f"| `{word}` |" in page("reference/reasons.md")


def test_every_error_is_described():
    named = {
        thing.__name__
        for thing in vars(errors).values()
        if inspect.isclass(thing) and thing.__module__ == errors.__name__
    }
    assert all(re.search(rf"\b{name}\b", page("reference/reasons.md")) for name in named)


def test_every_header_is_described():
    told = set(re.findall(r'^ +"(\w+)":', inspect.getsource(headers), flags=re.MULTILINE))
    assert len(told) == 14
    for name in told:
        assert f"`x-fairlead-{name.replace('_', '-')}`" in page("guides/serve.md")


def test_every_path_of_the_gateway_is_described():
    paths = re.findall(r'Route\("([^"{]+)"', inspect.getsource(application))
    assert len(paths) == 9
    for path in [*paths, *CODECS]:
        assert f"`{path}`" in page("guides/serve.md")


def test_the_readme_is_short():
    assert len(README.splitlines()) < 150


def test_the_readme_names_every_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = [*project["dependencies"], *project["optional-dependencies"]["tables"]]
    for requirement in needed:
        assert f"`{re.match(r'[a-z0-9-]+', requirement).group()}`" in README


def test_the_lines_of_the_readme_run_without_a_key(capsys, monkeypatch):
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    (lines,) = blocks(README, "python")
    exec(compile(lines, "README.md", "exec"), {})
    assert "cheapest" in capsys.readouterr().out


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
        assert target.startswith("http") or (path.parent / target).exists(), target


def test_the_architecture_names_files_that_exist():
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z_]+(?:/[a-z_]*)*(?:\.py|/))`", text))
    listed = set(re.findall(r"^        ([a-z_]+(?:\.py|/))", text, flags=re.MULTILINE))
    assert len(named | listed) > 40
    assert [name for name in named | listed if not any((root / name).exists() for root in (ROOT, PACKAGE))] == []
    assert {path.name for path in PACKAGE.iterdir() if path.suffix == ".py"} - {"__init__.py", "testing.py"} <= set(
        re.findall(r"[a-z_]+\.py", text)
    )


def commands():
    for path in WRITTEN:
        for block in blocks(path.read_text(encoding="utf-8")):
            yield from (line for line in block.splitlines() if line.startswith("fairlead "))


@pytest.mark.parametrize("line", sorted(set(commands())))
def test_commands_in_the_pages_exist_with_their_options(line):
    command = typer.main.get_command(build(list(VERBS)))
    words = shlex.split(re.sub(r"\[(.*?)\]", r"\1", line), comments=True)[1:]
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known
    assert not hasattr(command, "commands")


def test_the_example_configuration_is_one():
    config = load(ROOT / "docs" / "fairlead.toml", {"OPENAI_API_KEY": "x"})
    assert config.routes["auto"].reference == "openai/gpt-6.1-sol"


def test_configurations_in_the_pages_are_some(tmp_path):
    for path in WRITTEN:
        for block in blocks(path.read_text(encoding="utf-8"), "toml"):
            (tmp_path / "fairlead.toml").write_text(block)
            keys = dict.fromkeys(["OPENAI_API_KEY", "AZURE_OPENAI_API_KEY"], "x")
            assert load(tmp_path / "fairlead.toml", keys).providers


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.001, 0.02, "**Yes**"), (-0.02, -0.001, "**No**"), (-0.01, 0.02, "**Not shown**"), (None, None, "Not known")],
)
def test_the_readme_answers_only_where_the_whole_interval_does(low, high, expected):
    assert results.answer(Spread(value=low, low=low, high=high)) == expected


def test_every_result_of_the_readme_is_filled_in():
    rows = re.findall(r"^\| [^|]+\? \|([^|]*)\|", README, flags=re.MULTILINE)
    assert len(rows) >= 5
    assert all(len(result.strip()) > 20 for result in rows)


def test_row_and_plot_of_the_readme_come_from_what_evaluate_writes(tmp_path):
    make_outcomes(80, seed=1).write(tmp_path / "mmlu_pro")
    with pytest.raises(SystemExit):
        main(["evaluate", str(tmp_path / "mmlu_pro"), "--seeds", "1", "--out", str(tmp_path / "found.json")])
    (judgement,) = msgspec.json.decode((tmp_path / "found.json").read_bytes(), type=EvaluateResult).judgements
    assert results.row(judgement).startswith("| On MMLU-Pro? | **")
    drawn = plot.plot(judgement)
    assert ">Fairlead<" in drawn
    assert "plot-curve" in re.sub(r"<style>.*?</style>", "", drawn)


def test_each_word_of_the_glossary_stands_once_and_in_order():
    words = [
        word.lower() for word in re.findall(r"^\| \*\*(.+?)\*\*", page("concepts/glossary.md"), flags=re.MULTILINE)
    ]
    assert len(words) > 60
    assert words == sorted(set(words))
