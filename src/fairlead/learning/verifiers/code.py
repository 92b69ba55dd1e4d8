"""The verifier of code: the route's own tests are run on it, in the sandbox. Off unless a route names a command."""

from __future__ import annotations

import re
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fairlead.learning.verifiers.sandbox import Bounds, run

if TYPE_CHECKING:
    from fairlead.learning.verifiers.base import Answer, Task

_FENCED = re.compile(r"```[^\n]*\n(.*?)```", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitTest:
    """1 where the command ends well with the answer's code in its folder, else 0; not known where it could not start.

    Args:
        command: program and arguments, such as `["python", "-m", "unittest", "-q"]`.
        file: under which name the code is put there: the last fence of the answer, else all of it.
        folder: whose files, the tests, are put there first.
        bounds: what the command may use.
    """

    command: tuple[str, ...]
    file: str = "answer.py"
    folder: str | None = None
    bounds: Bounds = field(default_factory=Bounds)

    def verify(self, task: Task, answer: Answer) -> float | None:
        """See `Verifier.verify`."""
        with tempfile.TemporaryDirectory(prefix="fairlead-") as made:
            place = Path(made).resolve() / "tests"
            if self.folder is None:
                place.mkdir()
            else:
                shutil.copytree(self.folder, place)
            (place / "prompt.txt").write_text(task.prompt, encoding="utf-8", errors="replace")
            (place / self.file).write_text(code_of(answer.text), encoding="utf-8", errors="replace")
            ran = run(self.command, place, self.bounds)
        return float(ran.passed) if ran.started else None


def code_of(text: str) -> str:
    """Returns the last fenced block of an answer, else all of it."""
    fences = _FENCED.findall(text)
    return str(fences[-1]) if fences else text
