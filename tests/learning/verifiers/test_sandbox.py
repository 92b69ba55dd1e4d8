"""Code that nobody vouches for: it is judged, and cannot do harm; each test is something that it would like to do."""

import os
import socket
import time
from pathlib import Path

import pytest

from fairlead.learning.verifiers import Answer, Task
from fairlead.learning.verifiers.code import UnitTest, code_of
from fairlead.learning.verifiers.sandbox import Bounds, isolates, run

pytestmark = pytest.mark.skipif(not isolates(), reason="this system shuts off neither network nor files")

TIGHT = Bounds(time_s=5.0, memory_mb=256, file_mb=1)
NAME = f"run_{os.getpid()}.py"
TESTS = """import unittest, answer
class T(unittest.TestCase):
    def test(self):
        self.assertEqual(answer.f(2), 4)
"""


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "inside"
    made.mkdir()
    return made


def python(folder, code, bounds=TIGHT):
    (folder / NAME).write_text(code)
    return run(["python3", NAME], folder, bounds)


def test_what_ends_well_passes_and_what_fails_does_not(folder):
    assert python(folder, "import json; open('out', 'w').write('x')").passed
    assert not python(folder, "raise SystemExit(3)").passed


def test_it_reads_nothing_of_ours(folder, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("key")
    code = f"try:\n    open({str(secret)!r})\nexcept PermissionError:\n    pass\nelse:\n    raise SystemExit(1)"
    assert python(folder, code).passed


def test_it_writes_nowhere_else(folder, tmp_path):
    python(folder, f"open({str(tmp_path / 'outside.txt')!r}, 'w').write('x')")
    assert [path.name for path in tmp_path.iterdir()] == ["inside"]


def test_it_sees_none_of_our_variables(folder, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    assert python(folder, "import os; raise SystemExit('OPENAI_API_KEY' in os.environ)").passed
    assert not python(folder, f"print(open('/proc/{os.getpid()}/environ').read())").passed


def test_it_reaches_no_network(folder):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert not python(folder, f"import socket; socket.create_connection(('127.0.0.1', {port}), 1)").passed


def test_it_ends_when_its_time_is_over_with_all_that_it_started(folder, tmp_path):
    code = "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(60)\ntime.sleep(60)"
    started = time.monotonic()
    ran = python(folder, code, Bounds(time_s=1.0))
    assert (ran.timed_out, ran.passed) == (True, False)
    assert time.monotonic() - started < 20
    while any(NAME.encode() in command for command in _commands()):  # the system takes a moment
        assert time.monotonic() - started < 20


def _commands():
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield process.read_bytes()
        except OSError:
            continue


@pytest.mark.parametrize("code", ["x = bytearray(2**29)", "open('big', 'wb').write(b'x' * 2**22)"])
def test_it_takes_no_more_than_its_share(folder, code):
    assert not python(folder, code).passed


def test_a_program_that_is_not_there_is_no_verdict(folder):
    assert not run(["no-such-program"], folder, TIGHT).started


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("Like this:\n```python\ndef f(x):\n    return x * x\n```\nDone.", 1.0),
        ("def f(x):\n    return x + x + x", 0.0),
        ("```\ndef f(x:\n```", 0.0),
    ],
)
def test_the_tests_of_a_route_judge_the_code_of_an_answer(tmp_path, text, score):
    (tmp_path / "test_answer.py").write_text(TESTS)
    verifier = UnitTest(command=("python3", "-m", "unittest", "-q"), folder=str(tmp_path), bounds=TIGHT)
    assert verifier.verify(Task(prompt="Write f."), Answer(text=text)) == score
    assert [path.name for path in tmp_path.iterdir()] == ["test_answer.py"]


def test_the_code_is_the_last_fence():
    assert code_of("```sh\nls\n```\nthen\n```python\nx = 1\n```") == "x = 1\n"
    assert code_of("x = 1") == "x = 1"
