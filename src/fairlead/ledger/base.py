"""What is kept of a request, and the contract of a store that keeps it.

    Intent, before the first call -> Settlement, before the reply's last byte -> Feedback, any time later

`Entry` reads the three as one. An entry without a settlement is `unsettled`: it cost at most `reserved_usd`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime
    from decimal import Decimal

    from fairlead.ledger.chain import ChainedRow, Writer
    from fairlead.types import Arm, Attempt, Context, Decision, Dialect, Outcome, Prediction, Price


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """The place of a row in the hash chain."""

    row: str
    """`intent`, `settlement`, or `attempt` and its number."""
    writer: str | None
    seq: int | None
    hash: str | None


EntryStatus = Literal["delivered", "failed", "cancelled", "unsettled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What is about to be called, and all that the decision depended on; never the prompt."""

    request_id: str
    decision_id: str
    at: datetime
    route: str
    model_asked: str
    dialect: Dialect
    stream: bool
    session_id: str | None
    session_rule: str | None
    prompt_id: str | None
    """The caller's own name of the prompt, where there is one."""
    decision: Decision
    context: Context
    reserved_usd: Decimal | None
    """The most that the whole plan can cost; `None` where a candidate has no price."""
    config_hash: str
    candidates: Mapping[str, str | None] = field(default_factory=dict)
    """Every candidate of the route -> id of its price row; `None` where it has no price."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What came of it; the attempts are inside the outcome."""

    request_id: str
    at: datetime
    outcome: Outcome
    reference_cost_usd: float | None
    """What the reference is predicted to have cost."""
    dropped: tuple[str, ...] = ()
    """Hints of the request that the host which served could not be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """How good the answer of a decision was."""

    decision_id: str
    at: datetime
    score: float
    """In [0, 1], higher is better."""
    source: str
    """Who says so: `user`, a verifier, a judge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One request as the ledger knows it."""

    request_id: str
    decision_id: str
    at: datetime
    route: str
    session_id: str | None
    session_rule: str | None
    arm: Arm
    propensity: float
    reason: str
    chosen: str
    """The candidate that was to be called first."""
    reference: str | None
    model_asked: str
    predictions: tuple[Prediction, ...]
    excluded: Mapping[str, str]
    prompt_id: str | None
    reserved_usd: Decimal | None
    status: EntryStatus
    served: str | None
    attempts: tuple[Attempt, ...]
    cost_usd: Decimal | None
    """As settled; `None` where unsettled, or where the cost of an attempt is unknown."""
    latency_s: float | None
    """From the start of the first attempt to the end of the last, seconds."""
    score: float | None
    """The latest feedback."""
    reference_price: Price | None
    reference_cost_usd: float | None = None
    candidates: Mapping[str, str | None] = field(default_factory=dict)
    policy: str = ""
    router_version: str = ""
    fault: str | None = None
    config_hash: str = ""
    dropped: tuple[str, ...] = ()
    """Hints of the request that the host which served could not be told."""
    links: tuple[Link, ...] = ()
    """Of its rows in the hash chain."""


class Ledger(Protocol):
    """Append-only, each row chained to the one before it.

    Each coroutine returns when its row is committed, and raises LedgerError where it cannot be.
    """

    async def register(self, prices: Iterable[Price]) -> None:
        """Keeps price rows, each once by its id; a row must be kept before an attempt names it."""
        ...

    async def intent(self, row: Intent) -> None:
        """Keeps what is about to be called."""
        ...

    async def settle(self, row: Settlement) -> None:
        """Keeps what came of it, once: the outcome and all its attempts, or none of them."""
        ...

    async def feedback(self, row: Feedback) -> None:
        """Keeps a score for a decision that was made."""
        ...

    def entries(self, since: datetime | None = None) -> Iterator[Entry]:
        """Yields the requests from `since` on, oldest first, in bounded memory."""
        ...

    def prices(self) -> Mapping[str, Price]:
        """Returns every price row by its id."""
        ...

    def orphans(self) -> Iterator[str]:
        """Yields the request ids of settlements without an intent and of attempts without a settlement."""
        ...

    def writers(self) -> Sequence[Writer]:
        """Returns who wrote rows, and where the chain of each ends; the oldest first."""
        ...

    def chained(self, writer: str, first: int, last: int) -> Sequence[ChainedRow]:
        """Returns the rows `first` to `last` of a writer's chain, in order, as they are kept."""
        ...

    def unchained(self) -> Iterator[ChainedRow]:
        """Yields the rows that are in no chain, or behind the end of their writer's."""
        ...

    @property
    def spools(self) -> bool:
        """Tells whether rows are put aside while the store is not available, and not refused."""
        ...

    @property
    def n_spooled(self) -> int:
        """Changes that wait in the spool for the store."""
        ...

    @property
    def n_rejected(self) -> int:
        """Spooled changes that the store refused for good; they lie beside the spool, with the reason."""
        ...

    async def close(self) -> None:
        """Commits what is under way and lets go of the store."""
        ...
