"""What goes between the gateway and the child process: a question, and a page. Frames of length and JSON."""

from __future__ import annotations

from decimal import Decimal  # noqa: TC003 - msgspec reads the annotations
from typing import Any

import msgspec

from fairlead.ledger.budget import Period  # noqa: TC001 - msgspec reads the annotations

HEAD_BYTES = 4
MAX_FRAME_BYTES = 64_000_000


class Installation(msgspec.Struct, frozen=True, kw_only=True):
    """What does not change while a gateway runs; the first frame of a child."""

    place: str = msgspec.field(default="")
    """The ledger's file, or the address of its database."""
    version: str = ""
    routes: tuple[RouteShown, ...] = ()
    models: tuple[ModelShown, ...] = ()


class BudgetShown(msgspec.Struct, frozen=True, kw_only=True):
    """What a route may spend."""

    owner: str
    """Whose it is, as the ledger's accounts call it."""
    usd: Decimal
    per: Period


class RouteShown(msgspec.Struct, frozen=True, kw_only=True):
    """A route as it serves."""

    name: str
    reference: str | None
    policy: str
    control_share: float
    candidates: tuple[str, ...]
    learned: bool
    """A router was fitted for it."""
    budget: BudgetShown | None = None


class ModelShown(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate as it is configured."""

    name: str
    input_usd_per_mtok: str | None
    output_usd_per_mtok: str | None
    price_source: str | None
    context_tokens: int | None


class StandingShown(msgspec.Struct, frozen=True, kw_only=True):
    """How a certificate is doing, by its monitor."""

    certificate: str
    alarms: int
    n_rungs: int
    serves: str
    """The policy that serves now, or `the reference`."""
    observations: int
    mean_loss: float | None
    evidence: float
    alarm_at: float


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """What only the running process knows."""

    breakers: dict[str, str] = {}
    """Candidate -> `closed`, `open` or `half_open`, of those that were called."""
    in_flight: dict[str, int] = {}
    standings: tuple[StandingShown, ...] = ()
    certified: dict[str, str] = {}
    """Route -> the certificate that it serves by."""
    n_spooled: int = 0
    n_rejected: int = 0


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A page that is asked for."""

    page: str
    query: dict[str, str] = {}
    live: Live = Live()
    fragment: bool = False
    """Only the part that changes is wanted."""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """What is answered."""

    body: str
    status_code: int = 200
    content_type: str = "text/html; charset=utf-8"


def framed(value: msgspec.Struct) -> bytes:
    """Returns a value as one frame."""
    body = msgspec.json.encode(value)
    return len(body).to_bytes(HEAD_BYTES, "big") + body


def decoded(body: bytes, kind: type[Any]) -> Any:
    """Returns the value of a frame's body."""
    return msgspec.json.decode(body, type=kind)
