"""Hard limits: what a request claims before anything is called, whether it is granted, what is given back.

    Limit -> Claim, before a call -> granted: held -> settled: what was used counts, the rest is given back
                                  -> refused: nothing is called, nothing is kept

Of USD a claim is held until its request is settled, however long that takes; nothing is ever freed by itself. Requests
and tokens a minute are a token bucket that holds a minute's worth: a pause earns no more than that. Parallel requests
hold a lease, which ends by itself: a process that died must not shut its callers out for good.

References:
    The bucket is the generic cell rate algorithm, ITU-T I.371, Annex A: one instant says all of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from functools import lru_cache
from typing import Literal

import msgspec

from fairlead.errors import BudgetExceededError, LimitExceededError

Kind = Literal["usd", "requests", "tokens", "parallel"]
"""What is limited: USD in a period, requests or tokens a minute, requests at the same time."""
Period = Literal["hour", "day", "week", "month", "total"]
"""Of a budget, by the clock of UTC; a week starts on Monday."""

EXACT = Context(prec=80)
"""Sums of money lose no digit."""
MINUTE = Decimal(60_000_000)
"""In microseconds."""
SOON_S = 1.0
"""After how many seconds to ask again where it is requests in flight that stand in the way."""

_FORMATS: dict[Period, str] = {"hour": "%Y-%m-%dT%H", "day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m"}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
HOUR = timedelta(hours=1)


def period_name(per: Period, at: datetime) -> str:
    """Returns the name of the period that a moment is in.

    Example:
        >>> moment = datetime(2026, 11, 25, 12, 44, tzinfo=UTC)
        >>> [period_name(per, moment) for per in ("hour", "day", "week", "month", "total")]
        ['2026-11-25T12', '2026-11-25', '2026-W48', '2026-11', 'total']
    """
    return _name(per, _hour(at))


def period_end(per: Period, at: datetime) -> datetime | None:
    """Returns when the period that a moment is in is over; `None` where it never is."""
    return _end(per, _hour(at))


def _hour(at: datetime) -> int:
    """Returns the hour since 1970, UTC, that a moment is in: every period is made of whole ones."""
    return (at - EPOCH) // HOUR


@lru_cache(maxsize=256)
def _name(per: Period, hour: int) -> str:
    return "total" if per == "total" else (EPOCH + hour * HOUR).strftime(_FORMATS[per])


@lru_cache(maxsize=256)
def _end(per: Period, hour: int) -> datetime | None:
    at = EPOCH + hour * HOUR
    day = at.replace(hour=0)
    match per:
        case "hour":
            return at + HOUR
        case "day":
            return day + timedelta(days=1)
        case "week":
            return day + timedelta(days=7 - at.weekday())
        case "month":
            return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
        case "total":
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The most of something that somebody may use."""

    kind: Kind
    owner: str
    """Whose limit it is: `route:NAME` or `key:ID`."""
    most: Decimal
    per: Period | None = None
    """Of USD."""

    def account(self, at: datetime) -> str:
        """Returns the account that counts a use at this moment: every period has one of its own."""
        period = "" if self.per is None else f"/{period_name(self.per, at)}"
        return f"{self.kind}/{self.owner}{period}"

    def claim(self, amount: Decimal, at: datetime, *, lease_s: float | None = None) -> Claim:
        """Returns a claim on this limit.

        Args:
            amount: of what is limited; of what is limited a minute, no more than a minute's worth is ever claimed.
            at: when.
            lease_s: of parallel requests: how long one may take, seconds.
        """
        amount = amount if self.kind == "usd" else min(amount, self.most)
        until = None if lease_s is None else at + timedelta(seconds=lease_s)
        return Claim(limit=self, account=self.account(at), amount=amount, at=at, until=until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """USD in a period."""

    usd: Decimal
    per: Period


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyTerms:
    """What a virtual key may ask for, and how much; `None` is no limit."""

    models: tuple[str, ...] | None = None
    """Candidates that may serve it; a `*` at the end takes any rest."""
    routes: tuple[str, ...] | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    parallel: int | None = None
    """Requests at the same time."""
    budget: Budget | None = None

    def limits(self, key_id: str) -> tuple[Limit, ...]:
        """Returns the limits of the key with these terms."""
        owner = f"key:{key_id}"
        counted: dict[Kind, int | None] = {
            "requests": self.requests_per_minute,
            "tokens": self.tokens_per_minute,
            "parallel": self.parallel,
        }
        limits = [Limit(kind=kind, owner=owner, most=Decimal(n)) for kind, n in counted.items() if n is not None]
        if self.budget is not None:
            limits.append(Limit(kind="usd", owner=owner, most=self.budget.usd, per=self.budget.per))
        return tuple(limits)


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What a request wants of one limit."""

    limit: Limit
    account: str
    amount: Decimal
    at: datetime
    until: datetime | None = None
    """End of its lease."""

    @property
    def unit(self) -> Decimal:
        """What one of it adds to the counter: a dollar a dollar; of what is limited a minute, microseconds."""
        return MINUTE / self.limit.most if self.limit.kind in {"requests", "tokens"} else Decimal(1)


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a limit stands after a claim on it."""

    limit: Limit
    remaining: Decimal
    """Never below 0."""
    reset_s: float | None
    """Until all of it is there again, seconds; `None` where that will never be, or depends on requests in flight."""


@dataclass(slots=True, kw_only=True)
class Counter:
    """What an account has counted.

    Of USD, `spent` is what was settled and `held` what was claimed and is not settled yet. Of requests and tokens a
    minute, `spent` is the instant, in microseconds since 1970, at which the bucket is full again. Of parallel requests,
    `held` is how many leases run.
    """

    spent: Decimal = Decimal(0)
    held: Decimal = Decimal(0)

    def refusal(self, claim: Claim) -> LimitExceededError | None:
        """Returns why a claim cannot be granted; `None` where it can."""
        match claim.limit.kind:
            case "usd":
                return self._beyond_budget(claim)
            case "parallel":
                full = self.held + claim.amount > claim.limit.most
                return _refused(claim, Decimal(0), SOON_S) if full else None
            case _:
                over = self._filled(claim) - MINUTE
                left = max(Decimal(0), (MINUTE - self._fill(claim.at)) // claim.unit)
                return _refused(claim, left, _seconds(over)) if over > 0 else None

    def grant(self, claim: Claim) -> Standing:
        """Takes a claim in, and returns how the limit stands then."""
        if claim.limit.kind in {"usd", "parallel"}:
            self.held = EXACT.add(self.held, claim.amount)
            left = EXACT.subtract(claim.limit.most, EXACT.add(self.spent, self.held))
            return Standing(limit=claim.limit, remaining=max(Decimal(0), left), reset_s=_until_end(claim))
        fill = self._filled(claim)
        self.spent = _instant(claim.at) + fill
        left = (MINUTE - fill) // claim.unit
        return Standing(limit=claim.limit, remaining=max(Decimal(0), left), reset_s=_seconds(fill))

    def release(self, kind: Kind, amount: Decimal, unit: Decimal, used: Decimal) -> None:
        """Gives a claim back and counts what was used in its place, which may be more."""
        if kind == "usd":
            self.held = EXACT.subtract(self.held, amount)
            self.spent = EXACT.add(self.spent, used)
        elif kind == "tokens":
            self.spent += (used - amount) * unit

    def _beyond_budget(self, claim: Claim) -> LimitExceededError | None:
        unspent = EXACT.subtract(claim.limit.most, self.spent)
        left = EXACT.subtract(unspent, self.held)
        if claim.amount <= left:
            return None
        if claim.amount <= unspent:  # what is in flight may come to less than it holds
            return _refused(claim, left, SOON_S)
        return _refused(claim, left, _until_end(claim), exhausted=True)

    def _fill(self, at: datetime) -> Decimal:
        return max(Decimal(0), self.spent - _instant(at))

    def _filled(self, claim: Claim) -> Decimal:
        return self._fill(claim.at) + claim.amount * claim.unit


def _refused(
    claim: Claim, left: Decimal, retry_after_s: float | None, *, exhausted: bool = False
) -> LimitExceededError:
    kind = BudgetExceededError if claim.limit.kind == "usd" else LimitExceededError
    return kind(
        _words(claim, max(Decimal(0), left)),
        kind=claim.limit.kind,
        owner=claim.limit.owner,
        most=claim.limit.most,
        remaining=max(Decimal(0), left),
        retry_after_s=retry_after_s,
        exhausted=exhausted,
    )


def _words(claim: Claim, left: Decimal) -> str:
    limit = claim.limit
    whose = limit.owner.replace("route:", "route `").replace("key:", "key `") + "`"
    if limit.kind == "usd":
        period = "in all" if limit.per == "total" else f"per {limit.per}"
        return (
            f"the budget of {whose}, ${limit.most:f} {period}, has ${left:f} left, and this request may cost "
            f"${claim.amount:f}"
        )
    if limit.kind == "parallel":
        return f"{limit.most} requests of {whose} are in flight, its limit"
    return f"{whose} may use {limit.most} {limit.kind} a minute; {left} are left, and this request takes {claim.amount}"


def _until_end(claim: Claim) -> float | None:
    if claim.limit.per is None or (end := period_end(claim.limit.per, claim.at)) is None:
        return None
    return (end - claim.at).total_seconds()


def _instant(at: datetime) -> Decimal:
    return Decimal((at - EPOCH) // MICROSECOND)


def _seconds(microseconds: Decimal) -> float:
    return float(microseconds / 1_000_000)
