"""`fairlead keys`: make, list and revoke virtual keys; what budgets hold, and what a crash left behind."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from fairlead.cli.output import JsonOption, OutOption, Result, emit, table
from fairlead.cli.places import DEFAULT, LedgerOption
from fairlead.errors import LedgerError, MissingRowError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from fairlead.ledger.budget import Budget, Limit
    from fairlead.ledger.keys import Held, Key, KeyStore

app = typer.Typer(no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(help="What people call it.")]
TeamOption = Annotated[str | None, typer.Option("--team", help="Whose requests they are: reports tell teams apart.")]
ModelOption = Annotated[
    list[str] | None,
    typer.Option("--model", help="A model that may serve it, `PROVIDER/MODEL` or `PROVIDER/*`; may be given again."),
]
RouteOption = Annotated[
    list[str] | None, typer.Option("--route", help="A route that it may ask for; may be given again. Default: all.")
]
RequestsOption = Annotated[int | None, typer.Option("--requests-per-minute", min=1, help="Requests a minute.")]
TokensOption = Annotated[int | None, typer.Option("--tokens-per-minute", min=1, help="Tokens a minute, in and out.")]
ParallelOption = Annotated[int | None, typer.Option("--parallel", min=1, help="Requests at the same time.")]
BudgetOption = Annotated[
    str | None,
    typer.Option("--budget", help="A hard budget, USD per `hour`, `day`, `week`, `month` or `total`: `50/month`."),
]
ExpiresOption = Annotated[
    str | None, typer.Option("--expires", help="When it ends: in a time such as `12h`, `30d`, `8w`, or a date (UTC).")
]
IdArgument = Annotated[str, typer.Argument(help="Its id, as `fairlead keys list` shows it.")]
ResolveOption = Annotated[
    str | None,
    typer.Option("--resolve", help="A request whose process died: what it holds counts as spent, or `--usd` of it."),
]
UsdOption = Annotated[str | None, typer.Option("--usd", help="What it did cost, by the provider's bill.")]
AllOption = Annotated[bool, typer.Option("--all", help="Those that were revoked or have expired, too.")]

SETTLED_BY_THEN = timedelta(hours=1)
"""No request may take longer: its longest deadline."""
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


class KeyResult(msgspec.Struct, kw_only=True, frozen=True):
    """A virtual key; the key itself is shown once, when it is made."""

    id: str
    name: str
    team: str | None
    state: str
    """`active`, `expired` or `revoked`."""
    models: tuple[str, ...] | None
    """`null` for all."""
    routes: tuple[str, ...] | None
    """`null` for all."""
    requests_per_minute: int | None
    tokens_per_minute: int | None
    parallel: int | None
    budget_usd: Decimal | None
    budget_per: str | None
    """`hour`, `day`, `week`, `month` or `total`."""
    spent_usd: Decimal | None
    """Settled, in the period that runs; `null` without a budget."""
    held_usd: Decimal | None
    """Set aside for requests that are not settled yet."""
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class KeysCreateResult(Result, kw_only=True, frozen=True):
    """What `fairlead keys create` made."""

    schema: str = "fairlead.keys.create/1"
    ledger: str
    """The ledger's file, or the address of its database."""
    secret: str
    """The key itself: it is shown this once, and kept nowhere."""
    key: KeyResult


class KeysListResult(Result, kw_only=True, frozen=True):
    """What `fairlead keys list` found."""

    schema: str = "fairlead.keys.list/1"
    ledger: str
    """The ledger's file, or the address of its database."""
    keys: tuple[KeyResult, ...]
    n_ended: int
    """Further ones that were revoked or have expired: `--all` lists them."""


class KeysRevokeResult(Result, kw_only=True, frozen=True):
    """What `fairlead keys revoke` ended."""

    schema: str = "fairlead.keys.revoke/1"
    ledger: str
    """The ledger's file, or the address of its database."""
    key: KeyResult


class HeldResult(msgspec.Struct, kw_only=True, frozen=True):
    """What one request without a settlement holds of one budget."""

    request_id: str
    account: str
    """Kind, whose budget, and which period, such as `usd/route:auto/2026-11`."""
    usd: Decimal
    at: datetime
    """When it was set aside."""


class KeysHeldResult(Result, kw_only=True, frozen=True):
    """What `fairlead keys held` found."""

    schema: str = "fairlead.keys.held/1"
    ledger: str
    """The ledger's file, or the address of its database."""
    resolved: str | None
    """The request that holds nothing any more; `null` where only a list was asked for."""
    held: tuple[HeldResult, ...]
    """What is held, the oldest first."""


@app.command()
def create(  # noqa: PLR0913, PLR0917 - one a limit
    name: NameArgument,
    team: TeamOption = None,
    model: ModelOption = None,
    route: RouteOption = None,
    requests_per_minute: RequestsOption = None,
    tokens_per_minute: TokensOption = None,
    parallel: ParallelOption = None,
    budget: BudgetOption = None,
    expires: ExpiresOption = None,
    ledger: LedgerOption = DEFAULT,
    as_json: JsonOption = False,
    out: OutOption = None,
) -> None:
    """Makes a key and shows it, once; from then on the gateway of this ledger needs keys."""
    from fairlead.ledger.budget import KeyTerms  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.ledger.keys import new_key  # noqa: PLC0415

    now = datetime.now(UTC)
    terms = KeyTerms(
        models=None if model is None else tuple(model),
        routes=None if route is None else tuple(route),
        requests_per_minute=requests_per_minute,
        tokens_per_minute=tokens_per_minute,
        parallel=parallel,
        budget=_budget(budget),
    )
    secret, key = new_key(name, terms, now, team=team, expires_at=_end(expires, now))
    with _store(ledger, create=True) as keys:
        keys.add(key)
        result = KeysCreateResult(ledger=ledger, secret=secret, key=_shown(keys, [key], now)[0])
    emit(result, partial(_show_new, result), as_json=as_json, out=out)


@app.command("list")
def list_keys(
    ended: AllOption = False, ledger: LedgerOption = DEFAULT, as_json: JsonOption = False, out: OutOption = None
) -> None:
    """Lists the keys, with what they may use and have spent."""
    now = datetime.now(UTC)
    with _store(ledger) as keys:
        every = keys.all()
        found = [key for key in every if ended or key.ended(now) is None]
        result = KeysListResult(ledger=ledger, keys=_shown(keys, found, now), n_ended=len(every) - len(found))
    emit(result, partial(_show_all, result), as_json=as_json, out=out)


@app.command()
def revoke(
    key_id: IdArgument, ledger: LedgerOption = DEFAULT, as_json: JsonOption = False, out: OutOption = None
) -> None:
    """Ends a key for good; a gateway that runs takes note within `server.key_refresh_s`."""
    now = datetime.now(UTC)
    with _store(ledger) as keys:
        result = KeysRevokeResult(ledger=ledger, key=_shown(keys, [keys.revoke(key_id, now)], now)[0])
    emit(result, partial(_show_revoked, result), as_json=as_json, out=out)


@app.command()
def held(
    request: ResolveOption = None,
    usd: UsdOption = None,
    ledger: LedgerOption = DEFAULT,
    as_json: JsonOption = False,
    out: OutOption = None,
) -> None:
    """Lists what unsettled requests hold of budgets; `--resolve` ends what a dead process left behind."""
    now = datetime.now(UTC)
    with _store(ledger) as keys:
        found = keys.held()
        if request is not None:
            _resolve(keys, [hold for hold in found if hold.request_id == request], request, _amount(usd), now)
            found = keys.held()
    shown = tuple(HeldResult(request_id=h.request_id, account=h.account, usd=h.usd, at=h.at) for h in found)
    result = KeysHeldResult(ledger=ledger, resolved=request, held=shown)
    emit(result, partial(_show_held, result), as_json=as_json, out=out)


def _resolve(keys: KeyStore, found: list[Held], request: str, usd: Decimal | None, now: datetime) -> None:
    if not found:
        raise MissingRowError(f"`{request}` holds nothing. `fairlead keys held` lists what is held.")
    if now - found[-1].at < SETTLED_BY_THEN:
        raise LedgerError(
            f"`{request}` may still be in flight: it came in less than an hour ago. Wait for its settlement."
        )
    keys.resolve(request, usd)


def _amount(usd: str | None) -> Decimal | None:
    if usd is None:
        return None
    try:
        amount = Decimal(usd)
    except InvalidOperation:
        amount = Decimal(-1)
    if not (amount.is_finite() and amount >= 0):
        raise typer.BadParameter(f"`--usd` is `{usd}`; expected USD, at least 0.")
    return amount


class _store:  # noqa: N801 - reads as a function
    """Gives the keys of a ledger to a command, and lets go of it."""

    def __init__(self, place: str, *, create: bool = False) -> None:
        self._place = place
        self._create = create

    def __enter__(self) -> KeyStore:
        from fairlead.ledger.opening import open_ledger  # noqa: PLC0415 - heavy, loaded when called

        self._ledger = open_ledger(self._place, create=self._create)
        return self._ledger.keys

    def __exit__(self, *_: object) -> None:
        import asyncio  # noqa: PLC0415

        asyncio.run(self._ledger.close())


def _budget(text: str | None) -> Budget | None:
    from fairlead.ledger.budget import Budget, Period  # noqa: PLC0415 - heavy, loaded when called

    if text is None:
        return None
    usd, _, per = text.removeprefix("$").partition("/")
    try:
        budget = Budget(usd=Decimal(usd), per=msgspec.convert(per, Period))
    except (InvalidOperation, msgspec.ValidationError):
        budget = None
    if budget is None or not (budget.usd.is_finite() and budget.usd > 0):
        raise typer.BadParameter(
            f"`--budget` is `{text}`; expected USD above 0 and a period, such as `50/month` or `2.50/day`."
        )
    return budget


def _end(text: str | None, now: datetime) -> datetime | None:
    if text is None:
        return None
    try:
        if span := re.fullmatch(r"(\d{1,5})([hdw])", text):
            return now + timedelta(**{_UNITS[span[2]]: int(span[1])})
        given = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            f"`--expires` is `{text}`; expected a time such as `12h`, `30d` or `8w`, or a date such as `2027-01-31`."
        ) from None
    end = given if given.tzinfo else given.replace(tzinfo=UTC)
    if end <= now:
        raise typer.BadParameter(f"`--expires` is `{text}`, which has passed; expected a time that is to come.")
    return end


def _shown(keys: KeyStore, found: list[Key], now: datetime) -> tuple[KeyResult, ...]:
    budgets = {key.id: limit for key in found for limit in key.terms.limits(key.id) if limit.kind == "usd"}
    used = keys.used([limit.account(now) for limit in budgets.values()]) if budgets else {}
    return tuple(_result(key, budgets.get(key.id), used, now) for key in found)


def _result(key: Key, budget: Limit | None, used: Mapping[str, tuple[Decimal, Decimal]], now: datetime) -> KeyResult:
    spent, held = (None, None) if budget is None else used.get(budget.account(now), (Decimal(0), Decimal(0)))
    terms = key.terms
    return KeyResult(
        id=key.id,
        name=key.name,
        team=key.team,
        state=key.ended(now) or "active",
        models=terms.models,
        routes=terms.routes,
        requests_per_minute=terms.requests_per_minute,
        tokens_per_minute=terms.tokens_per_minute,
        parallel=terms.parallel,
        budget_usd=None if terms.budget is None else terms.budget.usd,
        budget_per=None if terms.budget is None else terms.budget.per,
        spent_usd=spent,
        held_usd=held,
        created_at=key.created_at,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
    )


def _show_new(result: KeysCreateResult, console: Console) -> None:
    key = result.key
    console.print(f"key {key.id} `{key.name}`, shown this once:\n\n    {result.secret}\n", soft_wrap=True)
    console.print(
        f"Clients send it as their API key. It opens the gateway whose ledger is `{result.ledger}`, and no other.",
        soft_wrap=True,
    )


def _show_held(result: KeysHeldResult, console: Console) -> None:
    if result.resolved is not None:
        console.print(f"{result.resolved} holds nothing any more", soft_wrap=True)
    rows = table("request", "budget", "since", "USD")
    for hold in result.held:
        rows.add_row(hold.request_id, hold.account, f"{hold.at:%Y-%m-%d %H:%M}", f"{hold.usd:f}")
    console.print(rows if result.held else "nothing is held")


def _show_revoked(result: KeysRevokeResult, console: Console) -> None:
    console.print(f"key {result.key.id} `{result.key.name}` is revoked", soft_wrap=True)


def _show_all(result: KeysListResult, console: Console) -> None:
    if not result.keys:
        ended = f" is active, {result.n_ended} ended (`--all`); the gateway stays closed" if result.n_ended else ""
        console.print(f"no key{ended}: `fairlead keys create NAME` makes one", soft_wrap=True)
        return
    rows = table("id", "name", "team", "state", "requests/min", "tokens/min", "parallel", "budget", "spent", "held")
    for key in result.keys:
        limits: tuple[Any, ...] = (key.requests_per_minute, key.tokens_per_minute, key.parallel)
        budget = None if key.budget_usd is None else f"${key.budget_usd:f}/{key.budget_per}"
        money = (budget, *(None if usd is None else f"${usd:f}" for usd in (key.spent_usd, key.held_usd)))
        rows.add_row(key.id, key.name, *(_cell(value) for value in (key.team, key.state, *limits, *money)))
    console.print(rows)


def _cell(value: object) -> str:
    return "-" if value is None else str(value)
