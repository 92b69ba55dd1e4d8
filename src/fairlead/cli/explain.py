"""`fairlead explain`: a decision that was made, in words."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from fairlead.cli.output import JsonOption, OutOption, Result, emit, table
from fairlead.cli.places import DEFAULT, LedgerOption
from fairlead.errors import LedgerError
from fairlead.ledger.export import EntryRow, entry_row
from fairlead.types import Stage  # noqa: TC001 - msgspec reads the annotations

if TYPE_CHECKING:
    from rich.console import Console

    from fairlead.proof.explanation import Considered, Explanation

app = typer.Typer()


class ExplainResult(Result, kw_only=True, frozen=True):
    """What `fairlead explain` tells of a decision."""

    schema: str = "fairlead.explain/1"
    lines: dict[str, str]
    """Topic (`asked`, `excluded`, `expected`, `chosen`, `chance`, `plan`, `calls`, `outcome`, `score`) -> the words."""
    plan: tuple[Stage, ...]
    """Stages of steps, each with what it takes to stop there."""
    chances: dict[str, float] | None
    """Candidate -> chance to have been called first; `null` in rows from before it was kept."""
    entry: EntryRow
    """The request, as `fairlead ledger export` writes it."""


@app.command()
def explain(
    decision: Annotated[
        str, typer.Argument(metavar="DECISION_ID", help="Id of the decision, or of its request, as the headers say it.")
    ],
    ledger: LedgerOption = DEFAULT,
    as_json: JsonOption = False,
    out: OutOption = None,
) -> None:
    """Tells why a request went where it went: candidates, predictions, policy, chance, calls and costs."""
    from fairlead.ledger.opening import reading  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.proof.explanation import explanation  # noqa: PLC0415

    with reading(ledger) as opened:
        entry = opened.entry(decision)
        if entry is None:
            raise LedgerError(
                f"no decision or request `{decision}` is in `{ledger}`. Its id stands in the header "
                "`x-fairlead-decision-id` of the reply; give another ledger with `--ledger`."
            )
        explained, row = explanation(entry), entry_row(entry, opened.prices())
    result = ExplainResult(
        lines={line.topic: line.text for line in explained.lines},
        plan=entry.plan,
        chances=None if entry.chances is None else dict(entry.chances),
        entry=row,
    )
    emit(result, partial(_show, explained), as_json=as_json, out=out)


def _show(explained: Explanation, console: Console) -> None:
    for line in explained.lines:
        console.print(line.text, soft_wrap=True)
    if len(explained.candidates) > 1:
        rows = table("candidate", "called", "chance", "P(success)", "tokens out", "cost, USD", "p95, s")
        for considered in explained.candidates:
            rows.add_row(*_row(considered))
        console.print(rows)


def _row(considered: Considered) -> tuple[str, ...]:
    places = ", ".join(f"{place}." for place in considered.places)
    chance = _number(considered.chance, ".4g")
    if (prediction := considered.prediction) is None:
        return considered.candidate, places, chance, "", "", "", ""
    return (
        considered.candidate,
        "excluded" if considered.excluded else places,
        chance,
        _number(prediction.p_success, ".3f"),
        _number(prediction.output_tokens, ",.0f"),
        _number(prediction.cost_usd, ".6f"),
        _number(prediction.latency_p95_s, ".1f"),
    )


def _number(value: float | None, spec: str) -> str:
    return "unknown" if value is None else format(value, spec)
