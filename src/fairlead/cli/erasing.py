"""`fairlead ledger erase`: features and prompts that are kept no longer."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from fairlead.cli.output import JsonOption, OutOption, Result, emit
from fairlead.cli.places import DEFAULT, LedgerOption
from fairlead.cli.since import moment

if TYPE_CHECKING:
    from rich.console import Console

    from fairlead.ledger.base import Erasure

TeamOption = Annotated[str | None, typer.Option("--team", help="Only what this team's requests left.")]
BeforeOption = Annotated[
    str | None, typer.Option("--before", help="Only of requests before: an age such as `30d`, or a date (UTC).")
]
AllOption = Annotated[bool, typer.Option("--all", help="Everything, of everybody.")]


class LedgerEraseResult(Result, kw_only=True, frozen=True):
    """What `fairlead ledger erase` erased."""

    schema: str = "fairlead.ledger.erase/1"
    ledger: str
    """The ledger's file, or the address of its database."""
    team: str | None
    """`null` is everybody's."""
    before: datetime
    n_erased: int
    """Features and prompts that were there."""
    erasure: str
    """Id of the row that says so, in the hash chain."""


def erase(
    team: TeamOption = None,
    before: BeforeOption = None,
    everything: AllOption = False,
    ledger: LedgerOption = DEFAULT,
    as_json: JsonOption = False,
    out: OutOption = None,
) -> None:
    """Erases features and prompts that were kept of requests, and keeps in the hash chain that it was done.

    Decisions, bills and scores stay: `fairlead ledger verify` still follows every chain.
    """
    if not (team or before or everything):
        raise typer.BadParameter("nothing is named; expected `--team`, `--before` or `--all`.")
    now = datetime.now(UTC)
    done = asyncio.run(_erased(ledger, moment(before, now) or now, team))
    result = LedgerEraseResult(ledger=ledger, team=team, before=done.before, n_erased=done.n_erased, erasure=done.id)
    emit(result, partial(_show, result), as_json=as_json, out=out)


async def _erased(place: str, before: datetime, team: str | None) -> Erasure:
    from fairlead.ledger.opening import open_ledger  # noqa: PLC0415 - heavy, loaded when called

    ledger = await asyncio.to_thread(open_ledger, place, create=False)
    try:
        return await ledger.erase(before, team=team, reason="asked_for")
    finally:
        await ledger.close()


def _show(result: LedgerEraseResult, console: Console) -> None:
    whose = "everybody" if result.team is None else f"team `{result.team}`"
    before = f"{result.before:%Y-%m-%d %H:%M:%S} UTC"
    console.print(
        f"{result.ledger}: {result.n_erased:,} features and prompts of {whose} from before {before} are erased",
        soft_wrap=True,
    )
