"""The parts of the benchmark: which prompts and models of a table are judged, and what counts as a cost there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

import numpy as np

from fairlead.evaluation.trials import complete_rows, measured_models
from fairlead.outcomes import Outcomes, table_price
from fairlead.outcomes.files import is_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

Cost = Literal["usd", "strong share", "none"]

HIDDEN_REASONING = "o1-"
"""Models of this name bill tokens that no table shows: they take no part in cost claims."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One line of the table of results."""

    folder: str
    cost: Cost
    """`usd`: tokens times list prices; `strong share`: 1 for a call to the better of two models, 0 for the other."""
    benchmark: str | None = None
    """Only prompts of this origin; all of them where `None`."""
    n_labels: int | None = None
    """Fitted on so many prompts, drawn anew for each seed, and judged on all others; else on 70 %."""
    n_draws: int | None = None
    """Number of seeds, where it is not that of the run."""

    @property
    def name(self) -> str:
        """What it is called in the results."""
        name = self.folder if self.benchmark is None else f"{self.folder}/{self.benchmark}"
        return name if self.n_labels is None else f"{name}, {self.n_labels:,} labels"


PARTS = (
    Part(folder="zeroeval", cost="usd"),
    Part(folder="zeroeval", cost="usd", benchmark="gsm8k"),
    Part(folder="zeroeval", cost="usd", benchmark="math_level5"),
    Part(folder="zeroeval", cost="usd", benchmark="cruxeval_output"),
    Part(folder="mmlu_pro", cost="usd"),
    Part(folder="bfcl", cost="usd"),
    Part(folder="alpaca_eval2", cost="usd"),
    Part(folder="routellm", cost="strong share"),
    Part(folder="llmrouter9", cost="none"),
    Part(folder="routerdc7", cost="none"),
    Part(folder="routellm", cost="strong share", benchmark="mmlu", n_labels=1500, n_draws=20),
    Part(folder="routellm", cost="strong share", benchmark="gsm8k", n_labels=660, n_draws=20),
)
"""The published protocol of the tables we know."""


def parts_of(data: Path) -> tuple[list[Part], list[str]]:
    """Returns the parts to judge in a folder of tables, and the known tables that it lacks.

    A table that is not known is judged as a whole, in USD where it has prices.
    """
    folders = {path.name for path in data.iterdir() if is_table(path)} if data.is_dir() else set()
    known = [part for part in PARTS if part.folder in folders]
    others = sorted(folders - {part.folder for part in PARTS} - _NOT_JUDGED)
    lacking = sorted({part.folder for part in PARTS} - folders)
    return [*known, *(Part(folder=folder, cost="usd") for folder in others)], lacking


_NOT_JUDGED = {"alpaca_eval1"}  # the prompts of alpaca_eval2 under an older judge: no second piece of evidence


@dataclass(frozen=True, kw_only=True, eq=False)
class Judged:
    """A part with its outcomes: nothing is missing between its prompts and its models."""

    part: Part
    outcomes: Outcomes
    n_prompts_left_out: int
    models_left_out: tuple[str, ...]

    def split(self, seed: int, fraction: float = 0.7) -> tuple[Outcomes, Outcomes]:
        """Returns what is fitted on and what is judged."""
        if self.part.n_labels is None:
            return self.outcomes.split(fraction, seed)
        return self.outcomes.split(self.part.n_labels / len(self.outcomes), seed)


def read_parts(data: Path, parts: Sequence[Part]) -> Iterator[Judged]:
    """Yields each part with its outcomes; a folder is read once."""
    read: dict[str, Outcomes] = {}
    for part in parts:
        if part.folder not in read:
            read = {part.folder: Outcomes.read(data / part.folder, keep_excluded=False)}
        yield judged(part, read[part.folder])


def judged(part: Part, table: Outcomes) -> Judged:
    """Returns the complete sub-grid of a part.

    Raises:
        TableError: no prompt of it was measured.
    """
    asked = table.rows([i for i, origin in enumerate(table.benchmark) if part.benchmark in {None, origin}])
    priced = _PRICED[part.cost](asked)
    whole = complete_rows(priced.only(measured_models(priced)))
    return Judged(
        part=part,
        outcomes=replace(whole, name=part.name),
        n_prompts_left_out=len(asked) - len(whole),
        models_left_out=tuple(model for model in table.models if model not in whole.models),
    )


def _in_usd(table: Outcomes) -> Outcomes:
    return table.only([model for model in table.models if not model.startswith(HIDDEN_REASONING)])


def _by_quality(table: Outcomes) -> Outcomes:
    return replace(table, prices={})


def _by_strong_share(table: Outcomes) -> Outcomes:
    """Returns the table with a price of one for each call to the better model, and of nothing for the other."""
    mean = np.nanmean(table.score, axis=0)
    strong = table.models[int(mean.argmax())]
    one = table_price(Decimal(0), Decimal(1), source="a call to the strong model counts as one")
    none = table_price(Decimal(0), Decimal(0), source="a call to the weak model counts as nothing")
    prices = {model: one if model == strong else none for model in table.models}
    output_tokens = np.where(np.isnan(table.score), np.nan, 1e6)
    return replace(table, prices=prices, output_tokens=output_tokens, input_tokens=np.zeros_like(table.input_tokens))


_PRICED: Mapping[Cost, Callable[[Outcomes], Outcomes]] = {
    "usd": _in_usd,
    "none": _by_quality,
    "strong share": _by_strong_share,
}
