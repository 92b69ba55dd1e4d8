"""The counters behind limits, moved in the very transaction that writes the rows of a request.

So a claim costs no transaction of its own, intent and claim are kept together or not at all, and what is held after a
crash is what the unsettled requests hold. Processes take turns: SQLite's transaction holds the whole file, PostgreSQL
locks each counter, in the order of their names, so that no two processes wait for each other.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import cache, partial
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import String, bindparam, delete, func, select, text, update

from fairlead.ledger.budget import EXACT, Counter, Kind, Standing
from fairlead.ledger.chain import plain
from fairlead.ledger.pen import Statement
from fairlead.ledger.schema import Instant, attempts, counters, holds, settlements

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import BindParameter

    from fairlead.ledger.budget import Claim
    from fairlead.ledger.claimed import Change
    from fairlead.ledger.forms import Kept
    from fairlead.ledger.pen import Pen

Standings = tuple[Standing, ...]
"""How each limit stands that a change claimed something of."""
Answer = Standings | Exception
Used = Callable[[Kind], Decimal | None]
"""Tells what a request used of a kind; `None` is not known, and counts as what it held."""

_HOLDS, _COUNTERS = plain(holds), plain(counters)
_WRITE_BACK = Statement(
    update(_COUNTERS)
    .where(_COUNTERS.c.account == bindparam("name"))
    .values(spent=bindparam("now_spent"), held=bindparam("now_held"))
)
_INSTANT = Instant()
_TOKENS = [name for name in attempts.c.keys() if name.endswith("_tokens") and name != "reasoning_tokens"]  # noqa: SIM118


@cache
def _lock(n: int) -> Statement:
    """Returns the statement that makes, locks and reads `n` counters."""
    rows = ", ".join(f"(:n{i}, '0', '0')" for i in range(n))
    return Statement(
        text(
            f"INSERT INTO counters (account, spent, held) VALUES {rows}"
            " ON CONFLICT (account) DO UPDATE SET held = counters.held RETURNING account, spent, held"
        )
    )


@cache
def _take_back(n: int) -> Statement:
    """Returns the statement that deletes what `n` requests hold, and tells it."""
    told = (_HOLDS.c[name] for name in ("request_id", "account", "kind", "amount", "unit"))
    return Statement(delete(_HOLDS).where(_HOLDS.c.request_id.in_(_places(n))).returning(*told))


@cache
def _running(n: int) -> Statement:
    """Returns the statement that counts the leases that run in `n` accounts."""
    account, until = _HOLDS.c.account, _HOLDS.c.until
    counted = select(account, func.count()).where(account.in_(_places(n)), until > bindparam("now", type_=until.type))
    return Statement(counted.group_by(account))


def _places(n: int) -> list[BindParameter[str]]:
    return [bindparam(f"n{i}", type_=String()) for i in range(n)]


def _named(names: Sequence[str]) -> tuple[int, dict[str, str]]:
    """Returns names as the values of a statement for so many, a power of two, so that there are few statements."""
    n = 1 << (len(names) - 1).bit_length()
    return n, {f"n{i}": names[min(i, len(names) - 1)] for i in range(n)}


class Posted(msgspec.Struct, frozen=True):
    """What came of changes."""

    written: Sequence[Kept]
    """What is to be written."""
    answers: Sequence[Answer]
    """Of each change."""
    began: Iterable[str] = ()
    """Requests that may hold something once this is committed."""
    ended: Iterable[str] = ()
    """Those that hold nothing any more."""


class Accounts:
    """What the requests of one process claim, and give back when they are settled."""

    def __init__(self) -> None:
        self._holding: set[str] = set()  # requests of ours that may hold something: nobody else's are looked for

    def post(self, pen: Pen, changes: Sequence[Change], *, others: bool = False) -> Posted:
        """Grants claims and gives back what settlements held.

        Args:
            pen: in the transaction that writes the changes.
            changes: in the order in which they came, which is the order in which claims are granted.
            others: settlements may be of requests of another process, or of this one before it died.
        """
        ended = self._ended(changes, others=others)
        claims = [change.claimed.claims if change.claimed is not None else () for change in changes]
        if not ended and not any(claims):
            return Posted([change.rows for change in changes], [()] * len(changes))
        books = Books(pen, ended, [claim for asked in claims for claim in asked])
        answers = [books.enter(asked) for asked in claims]
        books.close()
        granted = [c for c, answer in zip(changes, answers, strict=True) if not isinstance(answer, Exception)]
        began = [change.claimed.request_id for change in granted if change.claimed is not None]
        return Posted([change.with_holds() for change in granted], answers, began, ended)

    def committed(self, posted: Posted) -> None:
        """Takes in that this is committed; before, a transaction that breaks off has changed nothing here either."""
        self._holding.difference_update(posted.ended)
        self._holding.update(posted.began)

    def _ended(self, changes: Sequence[Change], *, others: bool) -> dict[str, Used]:
        """Returns each request that is settled and may hold something -> tells what it used."""
        settled = {
            change.rows[0][1].request_id: change.rows
            for change in changes
            if change.rows and change.rows[0][0] is settlements
        }
        ours = settled.keys() if others else settled.keys() & self._holding
        return {request_id: partial(_used, settled[request_id]) for request_id in ours}


class Books:
    """The counters that a batch touches: locked and read at once, written back at once.

    Args:
        pen: in a transaction.
        ended: request -> tells what it used; what it held is given back.
        claims: what is about to be claimed.
    """

    def __init__(self, pen: Pen, ended: Mapping[str, Used], claims: Sequence[Claim]) -> None:
        self._pen = pen
        held = self._taken_back(list(ended)) if ended else {}
        accounts = {account for _, account, _ in held} | {claim.account for claim in claims}
        self._counters = self._locked(sorted(accounts))
        self._count_leases(claims)
        for (request_id, account, kind), (amount, unit) in held.items():
            used = ended[request_id](kind)
            self._counters[account].release(kind, amount, unit, amount if used is None else used)

    def enter(self, claims: Sequence[Claim]) -> Answer:
        """Grants all claims of a request, or none; returns how each limit stands then, or the first refusal."""
        for claim in claims:
            if (refusal := self._counters[claim.account].refusal(claim)) is not None:
                return refusal
        return tuple(self._counters[claim.account].grant(claim) for claim in claims)

    def close(self) -> None:
        """Writes every counter back."""
        rows = [
            {"name": name, "now_spent": format(counter.spent, "f"), "now_held": format(counter.held, "f")}
            for name, counter in self._counters.items()
        ]
        if rows:
            self._pen.run_all(_WRITE_BACK, rows)

    def _taken_back(self, request_ids: Sequence[str]) -> dict[tuple[str, str, Kind], tuple[Decimal, Decimal]]:
        """Returns (request, account, kind) -> what it held there, no more; one of it. What was used counts once."""
        n, names = _named(request_ids)
        held: dict[tuple[str, str, Kind], tuple[Decimal, Decimal]] = {}
        for request_id, account, kind, amount, unit in self._pen.run(_take_back(n), names):
            if kind != "parallel":
                before, _ = held.get((request_id, account, kind), (Decimal(0), None))
                held[request_id, account, kind] = EXACT.add(before, Decimal(amount)), Decimal(unit)
        return held

    def _locked(self, accounts: Sequence[str]) -> dict[str, Counter]:
        """Returns the counters, made where they are new; one statement locks them in the order of their names."""
        if not accounts:
            return {}
        found = self._pen.run(_lock(len(accounts)), {f"n{i}": name for i, name in enumerate(accounts)})
        return {account: Counter(spent=Decimal(spent), held=Decimal(held)) for account, spent, held in found}

    def _count_leases(self, claims: Iterable[Claim]) -> None:
        leased = {claim.account: claim.at for claim in claims if claim.limit.kind == "parallel"}
        if not leased:
            return
        now = _INSTANT.kept(min(leased.values()))
        n, names = _named(sorted(leased))
        running: dict[str, int] = dict(self._pen.run(_running(n), {**names, "now": now}))  # type: ignore[arg-type]
        for account in leased:
            self._counters[account].held = Decimal(running.get(account, 0))


def _used(rows: Kept, kind: Kind) -> Decimal | None:
    return _usd(rows) if kind == "usd" else _tokens(rows)


def _usd(rows: Kept) -> Decimal | None:
    """Returns what the calls of a request cost, at most: one whose cost is not known counts with what it reserved."""
    total = Decimal(0)
    for table, row in rows:
        if table is attempts:
            cost = row.reserved_usd if row.cost_usd is None else row.cost_usd
            if cost is None:
                return None
            total = EXACT.add(total, Decimal(cost))
    return total


def _tokens(rows: Kept) -> Decimal | None:
    """Returns the tokens of all calls, `None` where those of one are not known."""
    total = 0
    for table, row in rows:
        if table is attempts and row.status != "failed":
            if row.input_tokens is None:
                return None
            total += sum(getattr(row, name) or 0 for name in _TOKENS)
    return Decimal(total)
