import json
from functools import partial

import msgspec
import pytest

from fairlead.cli.benchmark_result import BenchmarkResult
from fairlead.testing import make_outcomes
from tests import commands


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    make_outcomes(80, models=("strong", "weak"), seed=1).write(folder / "mine")
    return folder


run = partial(commands.run, "benchmark")


def test_one_command_writes_page_report_and_json_and_goes_on_where_it_was(data, tmp_path, capsys):
    assert run("--data", data, "--out", tmp_path, "--seeds", 1, "--jobs", 1, "--json") == 0
    printed = capsys.readouterr()
    result = msgspec.json.decode(printed.out, type=BenchmarkResult)
    assert printed.err == ""  # no progress in a pipe
    assert json.loads(msgspec.json.encode(result)) == json.loads(printed.out)  # what is described, and no more
    assert [part.name for part in result.parts] == ["mine"]
    assert result.ranking
    assert result.parts[0].methods[0].main.value is not None
    assert json.loads(printed.out)["parts"][0]["methods"][-1]["versus"]["p_holm"] is None
    assert msgspec.json.decode((tmp_path / "results.json").read_bytes(), type=BenchmarkResult) == result
    assert "## mine" in (tmp_path / "RESULTS.md").read_text()
    assert "<svg" in (tmp_path / "results.html").read_text()
    (tmp_path / "NOTES.md").write_text("## What to know\n\nMade up.\n")
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "cells").iterdir()}
    assert run("--data", data, "--out", tmp_path, "--seeds", 1, "--jobs", 1) == 0
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "cells").iterdir()} == kept
    assert "Made up." in (tmp_path / "RESULTS.md").read_text()
    assert "never worse than no router" in capsys.readouterr().out


def test_a_folder_without_a_table_is_refused(tmp_path, capsys):
    assert run("--data", tmp_path) == 2
    assert "has no table to judge" in capsys.readouterr().err
