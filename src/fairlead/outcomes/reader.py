"""Reads the prompts and the outcomes of a table: rows in, a grid of prompts by models out, all of it checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairlead.errors import TableError
from fairlead.outcomes.columns import Columns, ObjectArray
from fairlead.outcomes.prices import hides_reasoning
from fairlead.types import CHARS_PER_TOKEN, BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompts:
    """The rows of the prompts, (n_prompts,) each."""

    ids: tuple[str, ...]
    texts: tuple[str, ...]
    benchmark: tuple[str, ...]
    subset: tuple[str, ...]
    n_chars: FloatArray
    """Characters that the models saw: `n_full_prompt_chars` where given, else `n_prompt_chars`, else the text's."""
    excluded: BoolArray
    """The table's authors left the prompt out of their own figures (`excluded_by_source`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """The rows of the outcomes as grids, (n_prompts, n_models) each; NaN or `None` where nothing is known."""

    models: tuple[str, ...]
    score: FloatArray
    input_tokens: FloatArray
    output_tokens: FloatArray
    output_chars: FloatArray
    tokens_estimated: BoolArray
    answer: ObjectArray
    latency_s: FloatArray


def read_prompts(path: Path) -> Prompts:
    """Reads and checks the prompts.

    Raises:
        TableError: see `Columns`; also a `prompt_id` that occurs twice.
    """
    columns = Columns(
        path,
        required=("prompt_id", "prompt"),
        optional=("benchmark", "subset", "n_prompt_chars", "n_full_prompt_chars", "excluded_by_source"),
    )
    ids, texts = columns.names("prompt_id"), columns.texts("prompt")
    columns.refuse(_repeats(ids), "prompt_id", "each id once")
    return Prompts(
        ids=tuple(ids),
        texts=tuple(texts),
        benchmark=tuple(text or "" for text in columns.texts_or_none("benchmark")),
        subset=tuple(text or "" for text in columns.texts_or_none("subset")),
        n_chars=_first_known(
            columns.counts("n_full_prompt_chars"),
            columns.counts("n_prompt_chars"),
            np.array([len(text) for text in texts], dtype=np.float64),
        ),
        excluded=columns.flags("excluded_by_source", absent=False),
    )


def read_cells(path: Path, prompts: Prompts) -> Cells:
    """Reads and checks the outcomes of `prompts`; models come in the order of their first row.

    Raises:
        TableError: see `Columns`; also a score outside [0, 1], an unknown prompt, or a repeated (prompt, model).
    """
    columns = Columns(
        path,
        required=("prompt_id", "model", "score"),
        optional=(
            *("input_tokens", "output_tokens", "output_chars", "tokens_estimated"),
            *("answer", "answer_in_text", "latency_s"),
        ),
    )
    models, column = _numbered(columns.names("model"))
    hidden = np.array([hides_reasoning(model) for model in models])[column]
    row = _prompt_rows(columns, prompts)
    _refuse_repeated_cells(columns, row, column, len(models))
    given_input, given_output = columns.counts("input_tokens"), columns.counts("output_tokens")
    output_chars = columns.counts("output_chars")
    estimated = np.isnan(given_input) | np.isnan(given_output) | columns.flags("tokens_estimated", absent=False)
    grid = _Grid(row=row, column=column, shape=(len(prompts.ids), len(models)))
    return Cells(
        models=models,
        score=grid.of(_scores(columns)),
        input_tokens=grid.of(_first_known(given_input, _tokens(prompts.n_chars[row]))),
        output_tokens=grid.of(_first_known(given_output, np.where(hidden, np.nan, _tokens(output_chars)))),
        output_chars=grid.of(output_chars),
        tokens_estimated=grid.of(estimated.astype(np.float64)) == 1,
        answer=grid.of_objects(_answers(columns)),
        latency_s=grid.of(_latencies(columns)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grid:
    """Where the rows of a long table stand in the grid."""

    row: IntArray
    column: IntArray
    shape: tuple[int, int]

    def of(self, values: FloatArray) -> FloatArray:
        grid = np.full(self.shape, np.nan)
        grid[self.row, self.column] = values
        return grid

    def of_objects(self, values: ObjectArray) -> ObjectArray:
        grid = np.full(self.shape, None, dtype=np.object_)
        grid[self.row, self.column] = values
        return grid


def _numbered(names: ObjectArray) -> tuple[tuple[str, ...], IntArray]:
    numbers: dict[str, int] = {}
    column = np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.int64)
    return tuple(numbers), column


def _prompt_rows(columns: Columns, prompts: Prompts) -> IntArray:
    number = {prompt_id: i for i, prompt_id in enumerate(prompts.ids)}
    rows = np.array([number.get(prompt_id, -1) for prompt_id in columns.texts("prompt_id")], dtype=np.int64)
    columns.refuse(rows < 0, "prompt_id", "the id of a prompt of the table")
    return rows


def _refuse_repeated_cells(columns: Columns, row: IntArray, column: IntArray, n_models: int) -> None:
    repeated = _repeats(row * n_models + column)
    if repeated.any():
        i = int(np.argmax(repeated))
        key = f"prompt_id {columns.texts('prompt_id')[i]!r}, model {columns.texts('model')[i]!r}"
        raise TableError(f"`{columns.path}`, row {i + 1}: ({key}) occurs twice; expected once. Remove one of the rows.")


def _scores(columns: Columns) -> FloatArray:
    score = columns.numbers("score")
    columns.refuse(~((score >= 0) & (score <= 1)), "score", "a number in [0, 1]; leave out what was not measured")
    return score


def _latencies(columns: Columns) -> FloatArray:
    latency_s = columns.numbers("latency_s")
    columns.refuse((latency_s < 0) | np.isinf(latency_s), "latency_s", "seconds, or nothing where it is unknown")
    return latency_s


def _answers(columns: Columns) -> ObjectArray:
    answers = columns.texts_or_none("answer")
    # A source may fill in a letter where its model gave none: that is no answer.
    answers[~columns.flags("answer_in_text", absent=True)] = None
    return answers


def _repeats(keys: ObjectArray | IntArray) -> BoolArray:
    repeated = np.ones(len(keys), dtype=np.bool_)
    repeated[np.unique(keys, return_index=True)[1]] = False
    return repeated


def _first_known(*columns: FloatArray) -> FloatArray:
    known = columns[0]
    for column in columns[1:]:
        known = np.where(np.isnan(known), column, known)
    return known


def _tokens(n_chars: FloatArray) -> FloatArray:
    """Returns `types.estimated_tokens` of a whole column; NaN stays NaN."""
    return np.asarray(np.ceil(n_chars / CHARS_PER_TOKEN))
