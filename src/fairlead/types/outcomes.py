"""What happened: answers, attempts, and the bill."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - the ledger decodes these types: hints must resolve
from decimal import Decimal
from typing import Literal

import msgspec

from fairlead.errors import ProviderError  # noqa: TC001
from fairlead.money import Usage  # noqa: TC001
from fairlead.types.content import Dialect, FinishReason, Part, Text, ToolCall


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """A complete answer; `body` keeps the provider's own bytes where its dialect is the caller's."""

    id: str
    model: str
    """The name that the host reports."""
    parts: tuple[Part, ...]
    finish_reason: FinishReason
    usage: Usage | None
    reasoning: str = ""
    """Words thought aloud before the answer."""
    created: int = 0
    dialect: Dialect = "openai"
    body: bytes = b""

    @property
    def text(self) -> str:
        """The words of the answer."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))


class Frame(msgspec.Struct, frozen=True, eq=False):
    """What events of words of one stream have in common: all but the words, and noise that hides their length."""

    parts: tuple[bytes, ...]
    """What stands before, between and after what differs."""
    event: str = ""
    """Their type, where the dialect names them."""


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of a streamed answer; `body` is the provider's own event data where its dialect is the caller's.

    A tool call comes in fragments: the first names id and tool, all carry a piece of the arguments. A chunk may be
    nothing but an event of the provider's. Events of words that arrived together are one chunk, with a piece for each.

    A `Struct`, since there are dozens an answer, and one is made in a tenth of the time of a frozen dataclass.
    """

    text: str = ""
    reasoning: str = ""
    """Words thought aloud before the answer."""
    tool_call: ToolCall | None = None
    tool_index: int = 0
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    model: str | None = None
    id: str | None = None
    event: str = ""
    """The type of the provider's own event, where its dialect names them."""
    body: bytes = b""
    pieces: tuple[str, ...] = ()
    """The text, or the reasoning, event by event; empty where it is one event."""
    frame: Frame | None = None
    """In place of `body`, where the pieces are of the caller's dialect."""
    spelled: tuple[bytes, ...] = ()
    """What the provider wrote between the ends of the frame, event by event."""


AttemptStatus = Literal["ok", "failed", "cancelled"]
AttemptKind = Literal["call", "hedge", "continuation"]
"""A `hedge` is made beside a call that takes long, a `continuation` goes on with an answer that broke off."""


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One made call.

    `cost_usd` is exact where usage is known, zero where the provider refused before any output, else `None`.
    """

    candidate: str
    number: int
    """1 for the first call of the request."""
    stage: int
    status: AttemptStatus
    started_at: datetime
    latency_s: float
    ttft_s: float | None = None
    model_asked: str = ""
    model_served: str | None = None
    usage: Usage | None = None
    cost_usd: Decimal | None = None
    price_id: str | None = None
    error: str | None = None
    """Class name of the error."""
    status_code: int | None = None
    retryable: bool = False
    retry_after_s: float | None = None
    reserved_usd: Decimal | None = None
    """The most that it could cost, where a budget had to pay for it."""
    output_limit: int | None = None
    """Tokens of output that this pays for, sent where the caller set no limit."""
    kind: AttemptKind = "call"
    answer: str | None = None
    """The final answer in one spelling, where the plan compares answers; never kept in the ledger."""


OutcomeStatus = Literal["delivered", "failed", "cancelled"]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a request: every attempt, the one that was delivered, and the bill."""

    status: OutcomeStatus
    attempts: tuple[Attempt, ...]
    response: Response | None = None
    served: str | None = None
    """Name of the candidate whose answer was delivered."""
    causes: tuple[ProviderError, ...] = ()
    """One error a failed attempt, in order."""

    @property
    def delivered(self) -> Attempt | None:
        """The attempt whose answer was delivered."""
        for attempt in reversed(self.attempts):
            if attempt.candidate == self.served and attempt.status == "ok":
                return attempt
        return None

    @property
    def n_continued(self) -> int:
        """How many further calls went on with the answer after it had broken off."""
        return len([a for a in self.attempts if a.kind == "continuation" and a.ttft_s is not None])

    @property
    def usage(self) -> Usage | None:
        """What the delivered answer used, the calls that wrote a part of it together; `None` where any is unknown."""
        if (delivered := self.delivered) is None or not self.n_continued:
            return None if delivered is None else delivered.usage
        first = next(i for i, attempt in enumerate(self.attempts) if attempt.kind == "continuation")
        parts = [a.usage for a in self.attempts[first - 1 :] if a.ttft_s is not None]
        known = [usage for usage in parts if usage is not None]
        return sum(known[1:], known[0]) if len(known) == len(parts) else None

    @property
    def cost_usd(self) -> Decimal | None:
        """The sum over all attempts; `None` where any of them is unknown."""
        total = Decimal(0)
        for attempt in self.attempts:
            if attempt.cost_usd is None:
                return None
            total += attempt.cost_usd
        return total
