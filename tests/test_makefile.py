"""The Makefile: what a machine lacks is said at once, and nothing half-made is left for the next run to stumble on."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="`make` is not installed")


def make_environment(folder, python):
    words = ["make", "--no-print-directory", f"{folder}/bin/python", f"VENV={folder}", f"PYTHON={python}"]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture
def broken(tmp_path):
    """A Python that is new enough and cannot make an environment, as Debian's without `python3-venv`."""
    path = tmp_path / "python"
    path.write_text('#!/bin/sh\nif [ "$1" = -m ]; then mkdir -p "$3/bin"; touch "$3/bin/python"; exit 1; fi\n')
    path.chmod(0o755)
    return path


@needs_make
@pytest.mark.parametrize("python", ["", "false", "/nowhere/python3.11"])
def test_a_python_that_will_not_do_is_named(tmp_path, python):
    result = make_environment(tmp_path / "venv", python)
    assert result.returncode == 2
    assert result.stderr.startswith(f"error: PYTHON is '{python}'; expected Python 3.11 or newer")
    assert not (tmp_path / "venv").exists()


@needs_make
def test_an_environment_that_failed_is_not_taken_for_one(tmp_path, broken):
    assert make_environment(tmp_path / "venv", broken).returncode == 2
    assert not (tmp_path / "venv").exists()
