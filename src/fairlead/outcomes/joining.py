"""Several tables as one: prompts below one another, models of one name in one column."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fairlead.errors import TableError
from fairlead.outcomes.table import Outcomes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.types import FloatArray, KeptFeatures, Price

_UNKNOWN = {
    "score": np.nan,
    "input_tokens": np.nan,
    "output_tokens": np.nan,
    "output_chars": np.nan,
    "tokens_estimated": False,
    "answer": None,
    "latency_s": np.nan,
}
"""Grid -> what stands in it where a table did not measure a model."""


def join(tables: Sequence[Outcomes]) -> Outcomes:
    """Returns all prompts of `tables`, under `<table>/<prompt_id>`, by all of their models.

    Models of one name count as one model, although two tables may have run it under different protocols: join tables
    only where that is what their names mean. A single table is returned as it is.

    Raises:
        TableError: there is no table, two have one name, or they price a model differently.
    """
    if not tables:
        raise TableError("no outcome table is given; expected at least one.")
    if len(tables) == 1:
        return tables[0]
    _refuse_equal_names(tables)
    models = tuple(dict.fromkeys(model for table in tables for model in table.models))
    grids: dict[str, Any] = {grid: np.vstack([_widened(table, grid, models) for table in tables]) for grid in _UNKNOWN}
    return Outcomes(
        name="+".join(table.name for table in tables),
        prompt_ids=tuple(f"{table.name}/{prompt_id}" for table in tables for prompt_id in table.prompt_ids),
        prompts=tuple(prompt for table in tables for prompt in table.prompts),
        models=models,
        prices=_prices(tables),
        benchmark=tuple(name for table in tables for name in table.benchmark),
        subset=tuple(name for table in tables for name in table.subset),
        kept=_kept(tables),
        **grids,
    )


def _kept(tables: Sequence[Outcomes]) -> tuple[KeptFeatures, ...] | None:
    """Returns what was kept in place of words, one a prompt; a router reads either that or words."""
    kept = [table.kept for table in tables if table.kept is not None]
    if 0 < len(kept) < len(tables):
        raise TableError("some of the tables hold prompts and some only features. Join those that hold the same.")
    return tuple(features for table in kept for features in table) or None


def with_model(
    table: Outcomes,
    model: str,
    *,
    score: FloatArray,
    input_tokens: FloatArray,
    output_tokens: FloatArray,
    price: Price | None = None,
) -> Outcomes:
    """Returns the table with one more model, or with this column in the place of the one it had.

    Args:
        table: n prompts.
        model: its name.
        score: (n,) NaN where not measured.
        input_tokens: (n,) NaN where not known.
        output_tokens: (n,) NaN where not known.
        price: of its tokens; no cost is claimed of it where not given.
    """
    others = table.only([name for name in table.models if name != model])
    given = {"score": score, "input_tokens": input_tokens, "output_tokens": output_tokens}
    grids: dict[str, Any] = {
        grid: np.column_stack([getattr(others, grid), given.get(grid, np.full(len(table), unknown))])
        for grid, unknown in _UNKNOWN.items()
    }
    prices = {**others.prices} | ({} if price is None else {model: price})
    return replace(others, models=(*others.models, model), prices=prices, **grids)


def _refuse_equal_names(tables: Sequence[Outcomes]) -> None:
    names = [table.name for table in tables]
    for name in names:
        if names.count(name) > 1:
            raise TableError(f"two of the tables are named `{name}`; expected names that differ. Rename one folder.")


def _widened(table: Outcomes, grid: str, models: tuple[str, ...]) -> Any:
    narrow = getattr(table, grid)
    wide = np.full((len(table), len(models)), _UNKNOWN[grid], dtype=narrow.dtype)
    wide[:, [models.index(model) for model in table.models]] = narrow
    return wide


def _prices(tables: Sequence[Outcomes]) -> dict[str, Price]:
    prices: dict[str, Price] = {}
    for table in tables:
        for model, price in table.prices.items():
            earlier = prices.setdefault(model, price)
            if (earlier.input, earlier.output) != (price.input, price.output):
                raise TableError(
                    f"table `{table.name}` prices `{model}` differently than a table before it; expected one price."
                    " Use one `prices.csv` for both."
                )
    return prices
