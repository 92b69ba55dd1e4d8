"""The prices of a table: `prices.csv`, USD per million tokens, read as written and never through a float."""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from fairlead.errors import TableError
from fairlead.types import Price, Rate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE_NAME = "prices.csv"
INPUT, OUTPUT = "input_usd_per_mtok", "output_usd_per_mtok"


def table_price(input_usd_per_mtok: Decimal, output_usd_per_mtok: Decimal, *, source: str) -> Price:
    """Returns the price row of a table: marked estimated, its `id` a hash of its content."""
    content = f"{input_usd_per_mtok.normalize():f} {output_usd_per_mtok.normalize():f} {source}"
    return Price(
        id="price_" + hashlib.sha256(content.encode()).hexdigest()[:16],
        input=Rate(base=input_usd_per_mtok),
        output=Rate(base=output_usd_per_mtok),
        source=source,
        estimated=True,
    )


def read_prices(folder: Path) -> dict[str, Price]:
    """Returns model -> price from `prices.csv` in the folder, else in its parent, else nothing.

    Models that hide their reasoning tokens (`o1-*`) are left out: their visible answer does not tell their cost.

    Raises:
        TableError: a column is missing, a model occurs twice, or a price is not a number of at least 0.
    """
    path = next((place / FILE_NAME for place in (folder, folder.parent) if (place / FILE_NAME).is_file()), None)
    if path is None:
        return {}
    prices: dict[str, Price] = {}
    for row, cells in enumerate(_rows(path), start=1):
        model = cells["model"]
        if model in prices:
            raise TableError(
                f"`{path}`, row {row}: `{model}` has a price already; expected one row a model. Remove one."
            )
        prices[model] = table_price(
            _rate(path, row, INPUT, cells[INPUT]), _rate(path, row, OUTPUT, cells[OUTPUT]), source=cells["source"]
        )
    return {model: price for model, price in prices.items() if not hides_reasoning(model)}


def hides_reasoning(model: str) -> bool:
    """Tells whether a model bills output tokens that its answer does not show."""
    return model.startswith("o1-")


def write_prices(folder: Path, prices: Mapping[str, Price]) -> None:
    """Writes `prices.csv`.

    Raises:
        TableError: a price has tiers or rates of other buckets, which the file cannot hold.
    """
    for model, price in prices.items():
        plain = table_price(price.input.base, price.output.base, source=price.source)
        if replace(price, id=plain.id, estimated=True) != plain:
            raise TableError(f"the price of `{model}` has tiers or other rates; `{FILE_NAME}` holds two plain rates.")
    with (folder / FILE_NAME).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["model", INPUT, OUTPUT, "source"])
        writer.writerows([model, p.input.base, p.output.base, p.source] for model, p in prices.items())


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise TableError(f"`{path}` is not UTF-8 ({error}). Save it as UTF-8.") from error
    reader = csv.DictReader(io.StringIO(text, newline=""), restval="")
    present = reader.fieldnames or ()
    for name in ("model", INPUT, OUTPUT):
        if name not in present:
            raise TableError(f"`{path}` has no column `{name}`; expected `model,{INPUT},{OUTPUT},source`. Add it.")
    return [{"source": "", **row} for row in reader]


def _rate(path: Path, row: int, column: str, text: str) -> Decimal:
    try:
        rate = Decimal(text)
    except InvalidOperation:
        rate = Decimal("NaN")
    if not (rate.is_finite() and rate >= 0):
        place = f"`{path}`, row {row}, column `{column}`"
        raise TableError(
            f"{place} is {text!r}; expected USD per million tokens, at least 0. Correct or remove this row."
        )
    return rate
