"""What can go wrong at a provider, and a plan that says where it does: for simulated hosts and offline replay alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import msgspec

from fairlead.errors import BadResponseError, ConfigError, ProviderError, ProviderTimeoutError, UnavailableError
from fairlead.providers.draws import uniform
from fairlead.providers.failures import refusal, refused_within

FaultKind = Literal["status", "reset", "silent", "slow_start", "cut", "stall", "malformed", "in_band"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way for a call to go wrong.

    - `status`: an HTTP error in place of the reply;
    - `reset`: the connection is reset before the first byte;
    - `silent`: the request is taken and never answered;
    - `slow_start`: headers at once, the first event late;
    - `cut`: the connection is closed after `after_events`, without an end;
    - `stall`: it stays open and silent after them;
    - `malformed`: the event after them is no JSON;
    - `in_band`: the event after them is an error, under HTTP status 200.

    A reply that is not streamed is cut or stalls half-way; malformed it is an HTML page.
    """

    kind: FaultKind
    status_code: int = 503
    """Of `status` and `in_band`."""
    code: str | None = None
    """The provider's word for it, such as `context_length_exceeded`."""
    retry_after_s: int | None = None
    """Of `status`: the `Retry-After` header."""
    after_events: int = 1
    """Events that are sent before it strikes."""
    delay_s: float = 20.0
    """Of `slow_start`."""

    def error(self, model: str) -> ProviderError | None:  # noqa: PLR0911 - one a kind
        """Returns the error that a caller of candidate `model` sees; `None` where the answer just comes late."""
        message = f"simulated fault `{self.kind}`"
        match self.kind:
            case "status":
                return self._refusal(model)
            case "reset":
                return UnavailableError(message, model=model, billed=True)
            case "silent" | "stall":
                return ProviderTimeoutError(message, model=model, billed=True)
            case "cut":
                return BadResponseError(message, model=model, billed=True)
            case "malformed" | "in_band":
                code = self.code if self.kind == "in_band" else None
                if code is not None and (refused := refused_within(code)) is not None:
                    return refused(message, model=model, status_code=400, code=code, billed=True)
                return BadResponseError(message, model=model, status_code=200, code=code, billed=True)
            case "slow_start":
                return None

    def _refusal(self, model: str) -> ProviderError:
        headers = {} if self.retry_after_s is None else {"retry-after": str(self.retry_after_s)}
        body = msgspec.json.encode({"error": {"message": "a simulated fault", "code": self.code}})
        return refusal(model, self.status_code, headers, body, now=datetime(1970, 1, 1, tzinfo=UTC), shown=str)


FaultRule = Callable[[str, str, int], Fault | None]
"""(prompt key, model, attempt number from 1) -> the fault of that call; pure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultShare:
    """A fault that strikes a share of the prompts, on their first `n_attempts` calls of a model."""

    fault: Fault
    share: float
    """In [0, 1]."""
    n_attempts: int = 1
    models: frozenset[str] | None = None
    """Where it strikes; `None` is everywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPlan:
    """A `FaultRule` by seeded shares: at most one fault strikes a (prompt, model).

    Raises:
        ConfigError: the shares are negative or sum to more than 1.

    >>> plan = FaultPlan(shares=(FaultShare(fault=Fault(kind="reset"), share=1.0),))
    >>> plan("p1", "m", 1).kind, plan("p1", "m", 2)
    ('reset', None)
    """

    shares: tuple[FaultShare, ...]
    seed: int = 0

    def __post_init__(self) -> None:
        total = sum(part.share for part in self.shares)
        if total > 1 or any(part.share < 0 for part in self.shares):
            listed = [part.share for part in self.shares]
            raise ConfigError(f"the shares of a fault plan are {listed}; expected none below 0 and at most 1 in all.")

    def __call__(self, key: str, model: str, attempt: int) -> Fault | None:
        """Returns the fault of this call, or `None`."""
        left = uniform("fault", self.seed, key, model)
        for part in self.shares:
            if part.models is None or model in part.models:
                left -= part.share
                if left < 0:
                    return part.fault if attempt <= part.n_attempts else None
        return None
