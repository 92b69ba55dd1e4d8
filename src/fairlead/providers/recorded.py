"""Answers from an outcome table as if the host ran its models: the same prompt, the same answer, the same bill."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fairlead.errors import RequestError
from fairlead.providers.upstream.reply import Reply
from fairlead.types import CHARS_PER_TOKEN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.outcomes import Outcomes
    from fairlead.providers.faults import FaultRule


class Recorded:
    """A `Responder` that answers from `outcomes`.

    A prompt is named by its id, else by its text where only one prompt of the table has it. The text of a reply is the
    recorded answer where there is one, padded with spaces to the recorded length; its usage is the table's, so the bill
    equals `outcomes.bill` in every digit. Where `faults` says so, a call goes wrong.
    """

    label = "recorded"

    def __init__(self, outcomes: Outcomes, faults: FaultRule | None = None) -> None:
        self.outcomes = outcomes
        self.faults = faults
        self._row_of_text = _unique_texts(outcomes.prompts)

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the table's models."""
        return self.outcomes.models

    def respond(self, model: str, prompt: str, prompt_id: str | None, attempt: int) -> Reply:
        """Returns the recorded reply.

        Raises:
            RequestError: 404 where the table has no such model, prompt or outcome; 400 where the text is ambiguous.
        """
        i, j = self._row(prompt, prompt_id), self._column(model)
        usage = self.outcomes.usage(i, j)
        if usage is None:
            message = f"`{model}` was not measured on prompt `{self.outcomes.prompt_ids[i]}`, or its tokens are unknown"
            raise RequestError(message, status_code=404, code="not_recorded")
        fault = self.faults(self.outcomes.prompt_ids[i], model, attempt) if self.faults else None
        return Reply(text=self._text(i, j), usage=usage, fault=fault)

    def _column(self, model: str) -> int:
        if model not in self.outcomes.column_of:
            message = f"table `{self.outcomes.name}` has no model `{model}`; ask for one of `GET /v1/models`"
            raise RequestError(message, status_code=404, param="model", code="model_not_found")
        return self.outcomes.column_of[model]

    def _row(self, prompt: str, prompt_id: str | None) -> int:
        table = f"table `{self.outcomes.name}`"
        row = self._row_of_text.get(prompt) if prompt_id is None else self.outcomes.row_of.get(prompt_id)
        if row is None:
            named = "with this text" if prompt_id is None else f"`{prompt_id}`"
            raise RequestError(f"{table} has no prompt {named}", status_code=404, code="prompt_not_recorded")
        if row == _AMBIGUOUS:
            message = f"several prompts of {table} have this text; name one by `metadata.prompt_id`"
            raise RequestError(message, status_code=400, param="metadata.prompt_id", code="ambiguous_prompt")
        return row

    def _text(self, i: int, j: int) -> str:
        answer: str | None = self.outcomes.answer[i, j]
        n_chars = self.outcomes.output_chars[i, j]
        if np.isnan(n_chars):
            n_chars = self.outcomes.output_tokens[i, j] * CHARS_PER_TOKEN
        return (answer or "").ljust(int(n_chars))


_AMBIGUOUS = -1


def _unique_texts(prompts: tuple[str, ...]) -> Mapping[str, int]:
    rows: dict[str, int] = {}
    for i, prompt in enumerate(prompts):
        rows[prompt] = _AMBIGUOUS if prompt in rows else i
    return rows
