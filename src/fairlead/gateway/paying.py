"""The limits that a request is under: what it claims of each, before it is called and again for every further call."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from fairlead.eligibility import EXCLUSIONS
from fairlead.errors import LedgerError, LimitExceededError, NoCandidateError
from fairlead.gateway.bound import Size, call_bound, limited_by_caller, output_within

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from fairlead.gateway.bound import Bound
    from fairlead.gateway.routes import Routed, Routes
    from fairlead.ledger.base import Ledger
    from fairlead.ledger.budget import Claim, Limit, Standing
    from fairlead.types import Request

MAX_OWNERS = 10_000
"""Routes and keys whose budgets are remembered; of one that is forgotten all counts as left until the next claim."""
P99 = 0.99
"""Share of the answers that stay within the output limit which is sent where the caller set none."""


class Remaining:
    """What was last seen to be left of each budget: other processes may have spent of it since."""

    def __init__(self) -> None:
        self._left: dict[str, tuple[str, Decimal]] = {}  # owner -> account, what is left

    def of(self, limits: Sequence[Limit], at: datetime) -> Decimal | None:
        """Returns what is left of the tightest budget, `None` where there is none."""
        return min((self._of(limit, at) for limit in limits if limit.kind == "usd"), default=None)

    def note(self, standings: Sequence[Standing], at: datetime) -> None:
        """Takes in how limits stand."""
        for standing in standings:
            if standing.limit.kind == "usd":
                owner = standing.limit.owner
                self._left.pop(owner, None)  # the newest stand last
                self._left[owner] = (standing.limit.account(at), standing.remaining)
                if len(self._left) > MAX_OWNERS:
                    del self._left[next(iter(self._left))]

    def _of(self, limit: Limit, at: datetime) -> Decimal:
        account, left = self._left.get(limit.owner, ("", Decimal(0)))
        return left if account == limit.account(at) else limit.most


@dataclass(slots=True, kw_only=True)
class Paying:
    """The purse of one request, see `Purse`: its first stage is paid for with its intent.

    Args:
        ledger: keeps the counters.
        request: as the caller sent it.
        routed: what was decided.
        routes: knows how long answers are.
        limits: that it is under, at least one.
        at: when it came in.
        lease_s: how long it may take, seconds.
    """

    ledger: Ledger
    request: Request
    routed: Routed
    routes: Routes
    limits: tuple[Limit, ...]
    at: datetime
    lease_s: float
    request_id: str = ""
    has_budget: bool = field(init=False)
    """Whether money is limited."""
    standings: tuple[Standing, ...] = ()
    """How each limit stands, as far as is known."""
    _bounds: dict[str, Bound] = field(default_factory=dict)
    _paid: dict[str, int] = field(default_factory=dict)
    """Candidate -> calls that are paid for and not made."""
    _n_claims: int = 0

    def __post_init__(self) -> None:
        self.has_budget = any(limit.kind == "usd" for limit in self.limits)

    @property
    def bounds(self) -> Mapping[str, Bound]:
        """What one call of each planned candidate may come to."""
        if not self._bounds:
            expected = (
                {} if limited_by_caller(self.request) else self.routes.output_within(self.request, self.routed, P99)
            )
            between = (self.at, self.at + timedelta(seconds=self.lease_s))
            planned = {step.candidate for stage in self.routed.decision.plan for step in stage.steps}
            size = Size.of(self.request)
            self._bounds = {
                name: call_bound(self.request, self.routed.candidates[name], expected.get(name), between, size)
                for name in planned
            }
        return self._bounds

    def affordable(self, usd: Decimal) -> frozenset[str]:
        """Returns the planned candidates of which a call costs no more than this."""
        return frozenset(name for name, bound in self.bounds.items() if bound.usd is not None and bound.usd <= usd)

    def opening(self, request_id: str) -> list[Claim]:
        """Returns what is claimed with the intent.

        Raises:
            NoCandidateError: money is limited, and what is to be called first has no price.
        """
        self.request_id = request_id
        first = [step.candidate for step in self.routed.decision.plan[0].steps]
        self._paid = {name: first.count(name) for name in first}
        claims = [self._claim(limit, first) for limit in self.limits]
        self._n_claims = len(claims)
        return claims

    async def pays(self, candidate: str) -> bool:
        """Sets aside what one more call may cost; false where a budget lacks it, or it cannot be known."""
        if self._paid.get(candidate):
            self._paid[candidate] -= 1
            return True
        budgets = [limit for limit in self.limits if limit.kind == "usd"]
        if not budgets:
            return True
        try:
            claims = [self._claim(limit, [candidate]) for limit in budgets]
            self._n_claims += len(claims)
            self._note(await self.ledger.claim(self.request_id, claims, self._n_claims - len(claims)))
        except (LimitExceededError, LedgerError, NoCandidateError):
            return False
        return True

    def told(self, candidate: str, request: Request) -> Request:
        """Returns the request with the output limit that was paid for."""
        limit = self.output_limit(candidate)
        return request if limit is None else request.with_output_limit(limit)

    def room_beside(self, candidate: str, begun: str) -> int | None:
        """Returns the tokens of output that the sum for one call pays for, beside so much more input."""
        usd = self.bounds[candidate].usd if self.has_budget else None
        if usd is None:
            return None
        between = (self.at, self.at + timedelta(seconds=self.lease_s))
        return output_within(usd, self.request, self.routed.candidates[candidate], len(begun.encode()), between)

    def reserved_usd(self, candidate: str) -> Decimal | None:
        """Returns what is set aside for one call."""
        return self.bounds[candidate].usd if self.has_budget else None

    def output_limit(self, candidate: str) -> int | None:
        """Returns the tokens of output that this pays for, where the caller set no limit."""
        return self.bounds[candidate].output_limit if self.has_budget else None

    def granted(self, standings: Sequence[Standing]) -> None:
        """Takes in how the limits stand after the intent."""
        self.standings = tuple(standings)

    def _note(self, standings: Sequence[Standing]) -> None:
        fresh = {standing.limit: standing for standing in standings}
        self.standings = tuple(fresh.get(standing.limit, standing) for standing in self.standings)

    def _claim(self, limit: Limit, called: Sequence[str]) -> Claim:
        match limit.kind:
            case "usd":
                return limit.claim(self._usd(called), self.at)
            case "tokens":
                return limit.claim(Decimal(sum(self.bounds[name].tokens for name in called)), self.at)
            case "parallel":
                return limit.claim(Decimal(1), self.at, lease_s=self.lease_s)
            case _:
                return limit.claim(Decimal(1), self.at)

    def _usd(self, called: Sequence[str]) -> Decimal:
        total = Decimal(0)
        for name in called:
            if (usd := self.bounds[name].usd) is None:
                why = "unpriced_under_budget"
                raise NoCandidateError({name: why}, hint=f". `{why}`: {EXCLUSIONS[why]}. Give the model a `price`.")
            total += usd
        return total
