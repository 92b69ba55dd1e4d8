"""The ledger beside a provider's own bill: matched by day and model, the gaps listed."""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from fairlead.errors import TableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from fairlead.ledger.base import Entry, Ledger

DAY = ("day", "date", "usage_date_utc", "start_time_iso", "start_time")
MODEL = ("model", "line_item")
COST = ("cost_usd", "amount_value", "cost", "amount", "amount_usd")
"""Names that columns bear in exports, our own first. OpenAI's `line_item` is the model and what was counted."""

Key = tuple[date, str]
"""Day in UTC, and model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A day and a model for which the two do not say the same."""

    day: date
    model: str
    rule: str
    """One word of `RULES`."""
    billed_usd: Decimal | None
    """What the provider asks; `None` where it asks nothing."""
    kept_usd: Decimal | None
    """What the ledger holds; `None` where it holds nothing."""
    n_unknown: int = 0
    """Attempts of unknown cost, which are not in the ledger's sum."""

    @property
    def difference_usd(self) -> Decimal:
        """How much more the provider asks than the ledger knows of."""
        return (self.billed_usd or Decimal(0)) - (self.kept_usd or Decimal(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """What `reconcile` found."""

    n_matched: int
    billed_usd: Decimal
    kept_usd: Decimal
    """Of the days of the bill."""
    gaps: tuple[Gap, ...]
    """By day and model."""


RULES = {
    "not_in_ledger": "the provider bills calls that the ledger does not hold",
    "not_billed": "the ledger holds calls that the provider does not bill",
    "differs": "the sums differ by more than the tolerance",
    "cost_unknown": "the ledger's sum leaves out calls of unknown cost",
}
"""Why a day and a model are listed."""


def reconcile(
    ledger: Ledger,
    bill: Mapping[Key, Decimal],
    *,
    provider: str | None = None,
    tolerance_usd: Decimal = Decimal("0.01"),
) -> Reconciliation:
    """Compares a bill with what the ledger holds of its days.

    Args:
        ledger: read from the first to the last day of the bill.
        bill: (day, model) -> USD.
        provider: whose bill it is; only its candidates, `provider/model`, are compared. `None` takes all.
        tolerance_usd: how far a day's sum may be off; providers round.
    """
    kept, unknown = _kept(ledger, {day for day, _ in bill}, provider, {model for _, model in bill})
    keys = sorted({*bill, *kept, *unknown})
    compared = [_compared(key, bill.get(key), kept.get(key), unknown[key], tolerance_usd) for key in keys]
    gaps = tuple(gap for gap in compared if gap is not None)
    return Reconciliation(
        n_matched=len(compared) - len(gaps),
        billed_usd=sum(bill.values(), Decimal(0)),
        kept_usd=sum(kept.values(), Decimal(0)),
        gaps=gaps,
    )


def read_bill(path: Path, columns: Mapping[str, str] | None = None) -> dict[Key, Decimal]:
    """Returns (day, model) -> USD of a provider's export; rows of one day and model are added up.

    Args:
        path: CSV with a header.
        columns: `day`, `model` or `cost` -> its name in the file, where it is none of those that are known.

    Raises:
        TableError: a column is missing, or a cell is no day or no sum.
    """
    bill: defaultdict[Key, Decimal] = defaultdict(Decimal)
    for number, (day, model, cost) in enumerate(_cells(path, columns or {}), start=2):
        if not (day or model or cost):
            continue
        try:
            bill[_day(day), model.partition(",")[0].strip()] += Decimal(cost)
        except (ValueError, InvalidOperation, OverflowError) as error:
            raise TableError(
                f"`{path}`, line {number}: `{day}`, `{cost}`; expected a day and USD. Export the bill anew."
            ) from error
    return dict(bill)


def _cells(path: Path, columns: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            header = reader.fieldnames or []
            names = [_column(path, header, what, columns.get(what)) for what in ("day", "model", "cost")]
            for row in reader:
                day, model, cost = ((row[name] or "").strip() for name in names)
                yield day, model, cost
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TableError(f"cannot read `{path}`: {error}. Give a CSV file in UTF-8.") from error


_KNOWN = {"day": DAY, "model": MODEL, "cost": COST}


def _column(path: Path, header: Sequence[str], what: str, given: str | None) -> str:
    wanted = (given,) if given else _KNOWN[what]
    found = next((name for name in wanted if name in header), None)
    if found is None:
        raise TableError(
            f"`{path}` has no column {' or '.join(f'`{name}`' for name in wanted)}; it has "
            f"{', '.join(f'`{name}`' for name in header) or 'none'}. Name it with `--{what}-column`."
        )
    return found


def _day(text: str) -> date:
    """Returns the day of a date, of a moment (in UTC), or of Unix seconds."""
    if text.isdecimal() and len(text) > len("20261101"):
        return datetime.fromtimestamp(int(text), UTC).date()
    moment = datetime.fromisoformat(text)
    return (moment.astimezone(UTC) if moment.tzinfo else moment).date()


def _kept(
    ledger: Ledger, days: set[date], provider: str | None, models: set[str]
) -> tuple[dict[Key, Decimal], defaultdict[Key, int]]:
    """Returns (day, model) -> sum of the known costs, and -> number of unknown ones."""
    kept: defaultdict[Key, Decimal] = defaultdict(Decimal)
    unknown: defaultdict[Key, int] = defaultdict(int)
    for entry in _entries(ledger, days):
        for attempt in entry.attempts:
            host, _, model = attempt.candidate.partition("/")
            names = (attempt.model_served, attempt.model_asked, model)
            named = next((name for name in names if name in models), attempt.model_served or attempt.model_asked)
            key = (attempt.started_at.date(), named)
            if key[0] not in days or provider not in {None, host}:
                continue
            if attempt.cost_usd is None:
                unknown[key] += 1
            elif attempt.cost_usd:
                kept[key] += attempt.cost_usd
    return dict(kept), unknown


def _entries(ledger: Ledger, days: set[date]) -> Iterator[Entry]:
    """Yields the requests that may have called on one of the days; one may call long after it came in."""
    if not days:
        return
    begin = datetime.combine(min(days), datetime.min.time(), UTC) - timedelta(days=1)
    end = datetime.combine(max(days), datetime.max.time(), UTC)
    for entry in ledger.entries(begin):
        if entry.at > end:
            return
        yield entry


def _compared(
    key: Key, billed: Decimal | None, kept: Decimal | None, n_unknown: int, tolerance_usd: Decimal
) -> Gap | None:
    off = abs((billed or Decimal(0)) - (kept or Decimal(0))) > tolerance_usd
    if n_unknown:
        rule = "cost_unknown"
    elif not off:
        return None
    elif kept is None:
        rule = "not_in_ledger"
    else:
        rule = "not_billed" if billed is None else "differs"
    return Gap(day=key[0], model=key[1], rule=rule, billed_usd=billed, kept_usd=kept, n_unknown=n_unknown)
