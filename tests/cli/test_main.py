"""The command line as a whole: verbs, exit codes, one message for each failure."""

import os
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from fairlead import __version__
from fairlead.cli.main import VERBS, _add, _exit_code, build, main
from fairlead.errors import ArtifactError, ConfigError, LedgerError, TableError, UnavailableError

FAIRLEAD = (sys.executable, "-c", "from fairlead.cli.main import main; main()")


def run(*words, **options):
    return subprocess.run([*FAIRLEAD, *words], capture_output=True, text=True, check=False, **options)


def raising(error):
    def command():
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("bad setting"), 2),
        (TableError("bad table"), 2),
        (ArtifactError("bad router"), 2),
        (LedgerError("rows do not add up"), 1),
        (UnavailableError("provider is away", model="p/m"), 1),
        (OSError(28, "No space left on device", "/full/file"), 1),
    ],
)
def test_a_failure_is_one_message_and_a_code(error, code, capsys):
    assert _exit_code(raising(error)) == code
    printed = capsys.readouterr()
    assert printed.err == f"error: {error}\n"
    assert printed.out == ""


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["check", "mine.toml"], "check --config mine.toml"),
        (["serve", "my files/mine.toml"], "serve --config 'my files/mine.toml'"),
        (["report", "mine.db"], "report --ledger mine.db"),
        (["ledger", "verify", "postgresql://me@host/db"], "ledger verify --ledger postgresql://me@host/db"),
        (["report", "last-year.parquet"], "report --from last-year.parquet"),
        (["replay", "other.toml"], "replay --policy other.toml"),
    ],
)
def test_a_file_without_its_option_is_told_where_it_belongs(words, command, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 2
    assert f" {command}`?" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["check", "mine.json"], ["check", "one", "two"], ["demo", "mine.toml"]])
def test_what_belongs_nowhere_is_told_nothing_of_the_kind(words, capsys):
    with pytest.raises(SystemExit):
        main(words)
    assert "Did you mean" not in capsys.readouterr().err


def test_a_bug_is_not_swallowed():
    with pytest.raises(ZeroDivisionError):
        _exit_code(lambda: 1 / 0)


def test_ctrl_c_while_a_verb_is_loaded_leaves_no_traceback(monkeypatch, capsys):
    def interrupted(_verbs):
        raise KeyboardInterrupt

    monkeypatch.setattr("fairlead.cli.main.build", interrupted)
    with pytest.raises(SystemExit) as stopped:
        main(["fit"])
    assert stopped.value.code == 130
    assert capsys.readouterr() == ("", "")


def test_the_version_is_told():
    assert run("--version").stdout == f"fairlead {__version__}\n"


def test_no_help_is_cut_in_a_narrow_terminal():
    for words in (["--help"], ["ledger", "--help"]):
        assert "..." not in run(*words, env=os.environ | {"COLUMNS": "80"}).stdout.partition("\n")[2]


def test_help_names_every_verb():
    printed = run("--help").stdout
    assert all(verb in printed for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb):
    result = CliRunner().invoke(build([verb]), [verb, "--help"])
    assert result.exit_code == 0
    assert result.output.startswith("Usage: ")
    assert f" {verb} " in result.output


def test_an_unknown_verb_is_misuse():
    result = run("rout")
    assert result.returncode == 2
    assert "No such command 'rout'" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_verb_loads_no_other_verb():
    show = (
        "import sys; from fairlead.cli.main import main\n"
        "try: main(['fit', '--help'])\n"
        "finally: print([m for m in sys.modules if m.startswith('fairlead.cli.')], file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", show], capture_output=True, text=True, check=True)
    assert "fairlead.cli.fit" in result.stderr
    assert "fairlead.cli.serve" not in result.stderr


@pytest.mark.parametrize("words", [["--help"], ["ledger", "--help"]])
def test_a_reader_that_leaves_is_no_failure(words):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        result = subprocess.run([*FAIRLEAD, *words], stdout=pipe, stderr=subprocess.PIPE, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


def test_a_verb_with_one_command_takes_options_behind_its_arguments():
    part = typer.Typer()

    @part.command()
    def only(names: list[str], out: str = typer.Option()) -> None:
        typer.echo(f"{names} {out}")

    app = typer.Typer()
    app.callback()(lambda: None)
    _add(app, "fit", part)
    assert CliRunner().invoke(app, ["fit", "a", "--out", "x", "b"]).output == "['a', 'b'] x\n"


def test_the_package_runs_as_a_module():
    told = subprocess.run((sys.executable, "-m", "fairlead", "--version"), capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout) == (0, f"fairlead {__version__}\n")
