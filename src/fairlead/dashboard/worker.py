"""The child process: frames in, pages out, until its input ends. Nothing else may be printed to standard output."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from fairlead.dashboard.pages import Pages
from fairlead.dashboard.question import HEAD_BYTES, Installation, Question, decoded, framed

if TYPE_CHECKING:
    from typing import BinaryIO

NICENESS = 10


def main() -> None:
    """Answers questions."""
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    answer(sys.stdin.buffer, sys.stdout.buffer)


def answer(questions: BinaryIO, pages: BinaryIO) -> None:
    """Answers each question with a page; the first frame is the installation."""
    first = _frame(questions)
    if first is None:
        return
    with Pages(decoded(first, Installation)) as made:
        while (body := _frame(questions)) is not None:
            pages.write(framed(made.page(decoded(body, Question))))
            pages.flush()


def _frame(file: BinaryIO) -> bytes | None:
    head = file.read(HEAD_BYTES)
    if len(head) < HEAD_BYTES:
        return None
    size = int.from_bytes(head, "big")
    body = file.read(size)
    return body if len(body) == size else None


if __name__ == "__main__":
    main()
