"""The file in which labels travel: JSON lines, one prompt each; a prompt without a score is a question.

The same file goes out and comes back: `fairlead onboard` writes it with the next prompts and no scores, whoever judges
the answers fills the scores in, and the next call reads it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
import numpy as np

from fairlead.errors import TableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from fairlead.outcomes import Outcomes
    from fairlead.types import FloatArray

Score = Annotated[float, msgspec.Meta(ge=0, le=1)]
Count = Annotated[int, msgspec.Meta(ge=0)]


class Label(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What a candidate's answer to one prompt of a table was worth, or the question what it is."""

    prompt_id: str
    prompt: str = ""
    """For whoever answers and judges; it is not read back."""
    score: Score | None = None
    """In [0, 1]; `null` is not judged yet."""
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    """As the provider counted them; they teach what a call costs."""


def read_labels(path: Path) -> tuple[Label, ...]:
    """Reads a file that `written` wrote, and someone filled in.

    Raises:
        TableError: a line is no label, or a prompt occurs twice; says which.
    """
    labels: dict[str, Label] = {}
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        if not line.strip():
            continue
        try:
            label = msgspec.json.decode(line, type=Label)
        except msgspec.DecodeError as error:
            expected = 'expected {"prompt_id": "...", "score": 0.0 to 1.0 or null}'
            raise TableError(f"`{path}`, line {number}: {error}; {expected}. Correct this line.") from error
        if label.prompt_id in labels:
            raise TableError(
                f"`{path}`, line {number}: prompt {label.prompt_id!r} occurs twice. Remove one of the lines."
            )
        labels[label.prompt_id] = label
    return tuple(labels.values())


def written(labels: Iterable[Label]) -> bytes:
    """Returns the content of the file."""
    return b"".join(msgspec.json.encode(label) + b"\n" for label in labels)


def labels_on(table: Outcomes, labels: Sequence[Label], field: str = "score") -> FloatArray:
    """Returns (n_prompts,) one field of the labels, NaN where a prompt has none.

    Raises:
        TableError: a label is of a prompt that the table does not have.
    """
    values = np.full(len(table), np.nan)
    for label in labels:
        if label.prompt_id not in table.row_of:
            raise TableError(f"table `{table.name}` has no prompt {label.prompt_id!r}; expected one of its prompt ids.")
        value = getattr(label, field)
        if value is not None:
            values[table.row_of[label.prompt_id]] = value
    return values
