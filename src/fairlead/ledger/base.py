"""What is kept of a request, and the contract of a store that keeps it.

    Intent, before the first call -> Settlement, before the reply's last byte -> Feedback, any time later

`Entry` reads the three as one. An entry without a settlement is `unsettled`: it cost at most `reserved_usd`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime
    from decimal import Decimal

    from fairlead.ledger.budget import Claim, Standing
    from fairlead.ledger.chain import ChainedRow, Writer
    from fairlead.ledger.keys import KeyStore
    from fairlead.types import Arm, Attempt, Context, Decision, Dialect, Outcome, Prediction, Price, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """The place of a row in the hash chain."""

    row: str
    """`intent`, `settlement`, or `attempt` and its number."""
    writer: str | None
    seq: int | None
    hash: str | None


EntryStatus = Literal["delivered", "failed", "cancelled", "unsettled"]

Purpose = Literal["serve", "shadow", "judge", "cache", "probe"]
"""Why a request was made: somebody asked; a copy to another candidate, to learn from; a judge weighing answers;
somebody asked what had been asked before, and was given that answer again; a host's pace was measured."""


class Intent(msgspec.Struct, frozen=True, kw_only=True):
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
    candidates: Mapping[str, str | None] = msgspec.field(default_factory=dict)
    """Every candidate of the route -> id of its price row; `None` where it has no price."""
    purpose: Purpose = "serve"
    parent_id: str | None = None
    """The decision that a shadow or a judge follows."""
    opted_out: bool = False
    """The session takes part in no experiment, as its caller asked."""
    team: str | None = None
    """Whose request it is, where keys belong to teams."""
    key_id: str | None = None
    """The virtual key that asked."""
    payloads: tuple[Payload, ...] = ()
    """What is kept of the request and may be erased; none unless the configuration asks for it."""
    kind: str | None = None
    """Kind of the task, by what can be seen of it: `features.kinds`."""


PayloadKind = Literal["features", "prompt"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """Something of a request that may be erased later; the chain holds a salted hash of it."""

    kind: PayloadKind
    content: str = field(repr=False)
    salt: str = field(repr=False)
    """Random: without it a hash of few words could be guessed."""

    @property
    def hash(self) -> str:
        """SHA-256 of salt and content, 64 hexadecimal digits."""
        return hashlib.sha256(f"{self.salt}\n{self.content}".encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """Payloads that were erased: those of one team, or of everybody, from before a moment."""

    id: str
    at: datetime
    before: datetime
    team: str | None
    n_erased: int
    reason: Literal["retention", "asked_for"]

    def covers(self, team: str | None, at: datetime) -> bool:
        """Says whether a payload of this team's request, made `at`, may be gone by it."""
        return at < self.before and (self.team is None or self.team == team)


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it; the attempts are inside the outcome."""

    request_id: str
    at: datetime
    outcome: Outcome
    reference_cost_usd: float | None
    """What the reference is predicted to have cost."""
    dropped: tuple[str, ...] = ()
    """Hints of the request that the host which served could not be told."""
    saved_usd: Decimal | None = None
    """What the answer had cost, where it was given again from the cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """How good the answer of a decision was."""

    decision_id: str
    at: datetime
    score: float
    """In [0, 1], higher is better."""
    source: str
    """Who says so; see `sources.py`."""
    reference_score: float | None = None
    """How good the reference's answer to the same request was, where that is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateEvent:
    """Something that happened to a certificate; its name says what and to which, so that it is kept once."""

    id: str
    certificate: str
    at: datetime
    kind: Literal["issued", "alarm"]
    """It began to serve; its monitor raised an alarm, and a safer policy serves since."""
    content: str
    """JSON: the certificate itself; or what the monitor had seen."""

    @property
    def number(self) -> int:
        """Which alarm it is, from 1; 0 where it is none."""
        return int(self.id.rpartition("/")[2]) if self.kind == "alarm" else 0

    @classmethod
    def issued(cls, certificate: str, content: str, at: datetime) -> CertificateEvent:
        """Returns that a certificate began to serve."""
        return cls(id=f"{certificate}/issued", certificate=certificate, at=at, kind="issued", content=content)

    @classmethod
    def alarm(cls, certificate: str, number: int, content: str, at: datetime) -> CertificateEvent:
        """Returns that its monitor raised its alarm `number`, from 1."""
        return cls(id=f"{certificate}/alarm/{number}", certificate=certificate, at=at, kind="alarm", content=content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """One score of a decision that was made under a certificate."""

    decision_id: str
    at: datetime
    """When it was scored."""
    session_id: str | None
    arm: Arm
    chosen: str
    reference: str | None
    propensity: float
    alarms: int
    """How many there had been when it was decided."""
    score: float
    reference_score: float | None


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
    """Of the feedback the one that counts: the latest of the most trusted kind of source."""
    reference_price: Price | None
    reference_cost_usd: float | None = None
    candidates: Mapping[str, str | None] = field(default_factory=dict)
    policy: str = ""
    router_version: str = ""
    fault: str | None = None
    config_hash: str = ""
    dropped: tuple[str, ...] = ()
    """Hints of the request that the host which served could not be told."""
    kind: str | None = None
    """Kind of the task; `None` in rows of before kinds were kept."""
    links: tuple[Link, ...] = ()
    """Of its rows in the hash chain."""
    purpose: Purpose = "serve"
    parent_id: str | None = None
    """The decision that a shadow or a judge follows."""
    opted_out: bool = False
    team: str | None = None
    key_id: str | None = None
    """The virtual key that asked."""
    saved_usd: Decimal | None = None
    """What the answer had cost, where it was given again from the cache."""
    feedback: tuple[Feedback, ...] = ()
    """All of it, oldest first."""
    certificate: str | None = None
    """Id of the certificate that its router served by."""
    features_hash: str | None = None
    """Salted SHA-256 of the features in `payloads`; `None` where none were kept."""
    prompt_hash: str | None = None
    plan: tuple[Stage, ...] = ()
    context: Context | None = None
    """All that the decision depended on beside the request."""
    chances: Mapping[str, float] | None = None
    """Candidate -> chance to have been called first; `None` in a row from before it was kept."""
    mix_draw: float | None = None
    answer_form: str | None = None


class Ledger(Protocol):
    """Append-only, each row chained to the one before it.

    Each coroutine returns when its row is committed, and raises LedgerError where it cannot be.
    """

    async def register(self, prices: Iterable[Price]) -> None:
        """Keeps price rows, each once by its id; a row must be kept before an attempt names it."""
        ...

    async def intent(self, row: Intent, claims: Sequence[Claim] = ()) -> tuple[Standing, ...]:
        """Keeps what is about to be called, if every claim is granted; returns how each limit stands then.

        Raises:
            LimitExceededError: one is not: nothing is kept, nothing is held.
        """
        ...

    async def claim(self, request_id: str, claims: Sequence[Claim], number: int) -> tuple[Standing, ...]:
        """Claims more for a request whose intent is kept; `number` is how many claims it made before. See `intent`."""
        ...

    async def settle(self, row: Settlement) -> None:
        """Keeps what came of it, once: the outcome and all its attempts, or none of them.

        What the request held is given back, and what it used counts in its place.
        """
        ...

    async def feedback(self, *rows: Feedback) -> None:
        """Keeps scores for decisions that were made: all of them, or none."""
        ...

    async def erase(self, before: datetime, *, team: str | None, reason: Literal["retention", "asked_for"]) -> Erasure:
        """Erases payloads of requests from before a moment, of one team or of everybody, and keeps that it was done."""
        ...

    async def certificate(self, row: CertificateEvent) -> bool:
        """Keeps what happened to a certificate, once; tells whether it was not kept already."""
        ...

    def certificate_events(self, certificate: str | None = None) -> Sequence[CertificateEvent]:
        """Returns what happened to a certificate, or to any, oldest first."""
        ...

    def scored(self, certificate: str, since: datetime | None = None) -> Sequence[Scored]:
        """Returns the scores, from `since` on, of requests that were served by a certificate, oldest first.

        Shadows, judges and sessions that opted out are left out.
        """
        ...

    @property
    def keys(self) -> KeyStore:
        """The virtual keys."""
        ...

    def entries(self, since: datetime | None = None) -> Iterator[Entry]:
        """Yields the requests from `since` on, oldest first, in bounded memory."""
        ...

    def entry(self, name: str) -> Entry | None:
        """Returns the request of this decision id or request id; `None` where there is none."""
        ...

    def prices(self) -> Mapping[str, Price]:
        """Returns every price row by its id."""
        ...

    def decided(self, decision_ids: Sequence[str]) -> Mapping[str, Sequence[Feedback]]:
        """Returns each of these decisions that was made -> its feedback, oldest first."""
        ...

    def payloads(self, request_ids: Sequence[str]) -> Mapping[str, Sequence[Payload]]:
        """Returns what is left of each of these requests -> its payloads."""
        ...

    def erasures(self) -> Sequence[Erasure]:
        """Returns every erasure, oldest first."""
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
    def n_waiting(self) -> int:
        """Changes that wait to be committed."""
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
