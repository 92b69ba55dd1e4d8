"""Outcomes: what every model scored and used on every prompt of a table."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import msgspec
import numpy as np

from fairlead.errors import TableError
from fairlead.outcomes.columns import ObjectArray, write_parquet
from fairlead.outcomes.files import table_file
from fairlead.outcomes.prices import read_prices, write_prices
from fairlead.outcomes.questions import first_side
from fairlead.outcomes.reader import read_cells, read_prompts
from fairlead.types import TOKENS_PER_MTOK, BoolArray, Candidate, FloatArray, IntArray, Price, Rate, Request, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from fairlead.types import KeptFeatures


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcomes:
    """Prompts by models; grids have the shape (n_prompts, n_models), NaN or `None` where nothing is known.

    Raises:
        TableError: shapes disagree, a name occurs twice, or a score lies outside [0, 1].
    """

    name: str
    prompt_ids: tuple[str, ...]
    prompts: tuple[str, ...]
    """What a router reads."""
    models: tuple[str, ...]
    score: FloatArray
    """In [0, 1]; NaN was not measured."""
    input_tokens: FloatArray
    output_tokens: FloatArray
    output_chars: FloatArray
    tokens_estimated: BoolArray
    """Tokens were counted from characters (`types.estimated_tokens`), not reported by the provider."""
    answer: ObjectArray
    """The final answer as text, one spelling; `None` where the model gave none or it is not known."""
    latency_s: FloatArray
    """From the call to the complete answer."""
    prices: Mapping[str, Price]
    """Model -> price; a model that is not in it takes no part in cost claims."""
    benchmark: tuple[str, ...]
    subset: tuple[str, ...]
    """Origin and category of each prompt, for reports only: a router never sees them."""
    kept: tuple[KeptFeatures, ...] | None = None
    """What a ledger kept of each request in place of its words; `prompts` then only tell them apart."""

    def __post_init__(self) -> None:
        shape = (len(self.prompt_ids), len(self.models))
        for name in GRIDS:
            if getattr(self, name).shape != shape:
                raise TableError(f"`{name}` of table `{self.name}` is {getattr(self, name).shape}; expected {shape}.")
        for name in ("prompts", "benchmark", "subset"):
            if len(getattr(self, name)) != shape[0]:
                raise TableError(
                    f"`{name}` of table `{self.name}` has {len(getattr(self, name))} rows, not {shape[0]}."
                )
        for name in ("prompt_ids", "models"):
            if len(set(getattr(self, name))) < len(getattr(self, name)):
                raise TableError(f"`{name}` of table `{self.name}` name something twice; expected each once.")
        if not np.all(np.isnan(self.score) | ((self.score >= 0) & (self.score <= 1))):
            raise TableError(f"a score of table `{self.name}` lies outside [0, 1]. Rescale it.")

    # Reading and writing

    @classmethod
    def read(cls, path: str | Path, *, keep_excluded: bool = True) -> Self:
        """Reads a folder with `prompts`, `outcomes` and (in it or beside it) `prices.csv`.

        The first two may be Parquet, CSV or lines of JSON: `.parquet`, `.csv`, `.jsonl`, the first that is there.

        Tokens that are not given are a quarter of the characters, rounded up. The table's own `cost_usd` is not used:
        every cost is tokens times a named price.

        Args:
            path: the folder.
            keep_excluded: keep the prompts that its column `excluded_by_source` marks: those that the table's authors
                left out of their own figures.

        Raises:
            TableError: something is missing, of the wrong type, repeated or out of range; says where.
            MissingExtraError: `pyarrow` is not installed.
        """
        folder = Path(path)
        prompts = read_prompts(table_file(folder, "prompts"))
        cells = read_cells(table_file(folder, "outcomes"), prompts)
        prices = read_prices(folder)
        table = cls(
            name=folder.resolve().name,
            prompt_ids=prompts.ids,
            prompts=prompts.texts,
            models=cells.models,
            score=cells.score,
            input_tokens=cells.input_tokens,
            output_tokens=cells.output_tokens,
            output_chars=cells.output_chars,
            tokens_estimated=cells.tokens_estimated,
            answer=cells.answer,
            latency_s=cells.latency_s,
            prices={model: prices[model] for model in cells.models if model in prices},
            benchmark=prompts.benchmark,
            subset=prompts.subset,
        )
        return table if keep_excluded or not prompts.excluded.any() else table.rows(~prompts.excluded)

    def write(self, path: str | Path) -> None:
        """Writes the table as a new folder that `read` takes, whole or not at all.

        Raises:
            TableError: the folder exists already, or a price is more than two plain rates.
            MissingExtraError: `pyarrow` is not installed.
        """
        folder = Path(path)
        if folder.exists():
            raise TableError(f"`{folder}` exists already; expected a new folder. Choose another name or remove it.")
        partial = folder.with_name(folder.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        try:
            write_parquet(partial / "prompts.parquet", self._prompt_columns())
            write_parquet(partial / "outcomes.parquet", self._cell_columns())
            write_prices(partial, self.prices)
            partial.rename(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _prompt_columns(self) -> dict[str, ObjectArray]:
        columns = {
            "prompt_id": self.prompt_ids,
            "benchmark": self.benchmark,
            "subset": self.subset,
            "prompt": self.prompts,
            "n_prompt_chars": tuple(len(prompt) for prompt in self.prompts),
        }
        return {name: np.array(values, dtype=np.object_) for name, values in columns.items()}

    def _cell_columns(self) -> dict[str, FloatArray | BoolArray | ObjectArray]:
        i, j = np.nonzero(~np.isnan(self.score))
        return {
            "prompt_id": np.array(self.prompt_ids, dtype=np.object_)[i],
            "model": np.array(self.models, dtype=np.object_)[j],
            "score": self.score[i, j],
            "input_tokens": self.input_tokens[i, j],
            "output_tokens": self.output_tokens[i, j],
            "output_chars": self.output_chars[i, j],
            "tokens_estimated": self.tokens_estimated[i, j],
            "answer": self.answer[i, j],
            "latency_s": self.latency_s[i, j],
        }

    # What a router and its judges read

    def __len__(self) -> int:
        return len(self.prompt_ids)

    @cached_property
    def requests(self) -> tuple[Request, ...]:
        """One request a prompt."""
        if self.kept is not None:
            return tuple(Request(messages=(), kept=kept) for kept in self.kept)
        return tuple(Request.from_prompt(prompt) for prompt in self.prompts)

    @cached_property
    def row_of(self) -> Mapping[str, int]:
        """Prompt id -> row."""
        return {prompt_id: i for i, prompt_id in enumerate(self.prompt_ids)}

    @cached_property
    def column_of(self) -> Mapping[str, int]:
        """Model -> column."""
        return {model: j for j, model in enumerate(self.models)}

    def candidates(self) -> tuple[Candidate, ...]:
        """Returns one candidate a model, with the table's price."""
        return tuple(
            Candidate(name=model, model=model, weights=model, price=self.prices.get(model)) for model in self.models
        )

    def usage(self, i: int, j: int) -> Usage | None:
        """Returns the tokens of prompt `i` at model `j`; `None` where it was not measured or they are not known."""
        if np.isnan(self.score[i, j] + self.input_tokens[i, j] + self.output_tokens[i, j]):
            return None
        return Usage(
            input_tokens=int(self.input_tokens[i, j]),
            output_tokens=int(self.output_tokens[i, j]),
            estimated=bool(self.tokens_estimated[i, j]),
        )

    def bill(self, i: int, j: int) -> Decimal | None:
        """Returns what prompt `i` cost at model `j`, exact, USD; `None` where usage or price is not known."""
        usage, price = self.usage(i, j), self.prices.get(self.models[j])
        return None if usage is None or price is None else price.cost_usd(usage)

    @cached_property
    def cost_usd(self) -> FloatArray:
        """(n_prompts, n_models) `bill` in floats (equal up to their rounding), NaN where it is `None`."""
        cost = np.full(self.score.shape, np.nan)
        for j, model in enumerate(self.models):
            if price := self.prices.get(model):
                cost[:, j] = _cost_usd(price, self.input_tokens[:, j], self.output_tokens[:, j])
        cost[np.isnan(self.score)] = np.nan
        return cost

    @cached_property
    def data_hash(self) -> str:
        """SHA-256 over the content, whatever the order of prompts and models."""
        by_id, by_model = np.argsort(self.prompt_ids), np.argsort(self.models)
        table = self.rows(by_id).only([self.models[j] for j in by_model])
        digest = hashlib.sha256()
        prices = sorted((model, price.id) for model, price in table.prices.items())
        digest.update(msgspec.json.encode([table.prompt_ids, table.prompts, table.models, prices]))
        for grid in (table.score, table.input_tokens, table.output_tokens, table.output_chars):
            digest.update(np.where(np.isnan(grid), np.nan, grid + 0.0).astype("<f8").tobytes())
        digest.update(msgspec.json.encode(table.answer.tolist()))
        if not np.isnan(table.latency_s).all():  # a table that has none keeps the hash it had
            digest.update(np.where(np.isnan(table.latency_s), np.nan, table.latency_s).astype("<f8").tobytes())
        return digest.hexdigest()

    # Parts of the table

    def split(self, fraction: float, seed: int) -> tuple[Self, Self]:
        """Returns two tables by prompt: about `fraction` of them, and the rest; see `questions.question_key`.

        Raises:
            TableError: `fraction` does not lie between 0 and 1, or all prompts ask one question.
        """
        if not 0 < fraction < 1:
            raise TableError(f"`fraction` is {fraction}; expected a number between 0 and 1, both excluded.")
        first = first_side(self.prompts, fraction, seed)
        if first.all() or not first.any():
            raise TableError(f"table `{self.name}` has fewer than two different questions: it cannot be split.")
        return self.rows(np.flatnonzero(first)), self.rows(np.flatnonzero(~first))

    def rows(self, index: IntArray | BoolArray | Sequence[int]) -> Self:
        """Returns the prompts at `index` (row numbers, or a truth value a row), in that order."""
        at = np.arange(len(self))[np.asarray(index)]
        parts: dict[str, Any] = {name: getattr(self, name)[at] for name in GRIDS}
        parts |= {name: tuple(getattr(self, name)[i] for i in at) for name in _COLUMNS}
        kept = None if self.kept is None else tuple(self.kept[i] for i in at)
        return replace(self, kept=kept, **parts)

    def only(self, models: Sequence[str]) -> Self:
        """Returns the columns of `models`, in that order.

        Raises:
            TableError: the table has no such model.
        """
        for model in models:
            if model not in self.column_of:
                listed = ", ".join(f"`{known}`" for known in self.models)
                raise TableError(f"table `{self.name}` has no model `{model}`; expected one of {listed}.")
        at = [self.column_of[model] for model in models]
        prices = {model: self.prices[model] for model in models if model in self.prices}
        return replace(
            self, models=tuple(models), prices=prices, **{name: getattr(self, name)[:, at] for name in GRIDS}
        )

    def complete(self) -> Self:
        """Returns the prompts on which every model was measured."""
        return self.rows(np.flatnonzero(~np.isnan(self.score).any(axis=1)))


GRIDS = ("score", "input_tokens", "output_tokens", "output_chars", "tokens_estimated", "answer", "latency_s")
_COLUMNS = ("prompt_ids", "prompts", "benchmark", "subset")


def _cost_usd(price: Price, input_tokens: FloatArray, output_tokens: FloatArray) -> FloatArray:
    cost = input_tokens * _rates(price.input, input_tokens) + output_tokens * _rates(price.output, input_tokens)
    return np.asarray(cost / float(TOKENS_PER_MTOK))


def _rates(rate: Rate, input_tokens: FloatArray) -> FloatArray:
    rates = np.full(input_tokens.shape, float(rate.base))
    for start, reached in rate.tiers:
        rates[input_tokens > start] = float(reached)
    return rates
