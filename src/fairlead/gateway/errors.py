"""One error envelope, OpenAI's, for every error on every route.

{"error": {"message": ..., "type": ..., "param": ..., "code": ...}}
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fairlead.errors import (
    AllAttemptsFailedError,
    CredentialsError,
    FairleadError,
    LedgerError,
    NoCandidateError,
    ProviderError,
    ProviderTimeoutError,
    RateLimitError,
    RefusedRequestError,
    RequestError,
    UnavailableError,
)
from fairlead.gateway.body import send_json
from fairlead.wire import openai_chat

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from starlette.types import Send

    from fairlead.gateway.body import Header

_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_SERVER_ERROR = "api_error"
_CLIENT_ERROR = "invalid_request_error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """An error as the caller sees it."""

    status_code: int
    message: str
    code: str
    param: str | None = None
    retry_after_s: float | None = None
    final: bool = False
    """We have tried what can be tried: asking again at once would only multiply our own retries."""

    @property
    def type(self) -> str:
        """OpenAI's word for the class of error."""
        return _TYPES.get(self.status_code, _SERVER_ERROR if self.status_code >= 500 else _CLIENT_ERROR)

    @property
    def headers(self) -> list[Header]:
        """What the clients' own retry loops look at."""
        wait = [] if self.retry_after_s is None else [(b"retry-after", f"{self.retry_after_s:g}".encode())]
        return [*wait, (b"x-should-retry", b"false")] if self.final else wait


async def send_error(send: Send, error: Exception, *, headers: Iterable[Header] = ()) -> None:
    """Tells the caller of an error, as long as no reply has begun."""
    fault = fault_of(error)
    body = openai_chat.encode_error(fault.message, kind=fault.type, param=fault.param, code=fault.code)
    await send_json(send, body, status_code=fault.status_code, headers=[*fault.headers, *headers])


def error_event(error: Exception) -> bytes:
    """Returns the event that tells the caller of an error in mid-stream; nothing may follow it."""
    fault = fault_of(error)
    return openai_chat.ChunkEncoder.error(fault.message, kind=fault.type, code=fault.code)


def fault_of(error: Exception) -> Fault:
    """Returns how the caller is told of an error; one that nobody foresaw does not show its text."""
    match error:
        case RequestError(status_code=status_code, param=param, code=code):
            return Fault(status_code=status_code, message=str(error), code=code or "invalid_request", param=param)
        case NoCandidateError():
            status_code = 503 if "breaker_open" in error.excluded.values() else 400
            return Fault(status_code=status_code, message=_sentence(error), code="no_candidate")
        case AllAttemptsFailedError():
            return replace(_fault_of_causes(error.causes), message=_sentence(error), final=True)
        case LedgerError():
            return Fault(status_code=503, message=_sentence(error), code="ledger_unavailable")
        case FairleadError():
            return Fault(status_code=500, message=_sentence(error), code="internal_error")
        case _:
            return Fault(status_code=500, message="Something broke inside the gateway.", code="internal_error")


def _fault_of_causes(causes: Sequence[ProviderError]) -> Fault:
    """Returns what the attempts agree on, else a bad gateway; the message is the caller's to fill in."""
    faults = [_fault_of_cause(cause) for cause in causes]
    if len({fault.status_code for fault in faults}) == 1:
        return faults[-1]
    return Fault(status_code=502, message="", code="all_attempts_failed")


def _fault_of_cause(cause: ProviderError) -> Fault:
    match cause:
        case ProviderTimeoutError():
            return Fault(status_code=504, message="", code="upstream_timeout")
        case RateLimitError(retry_after_s=wait):
            return Fault(status_code=429, message="", code="upstream_rate_limit", retry_after_s=wait)
        case RefusedRequestError(status_code=status_code, code=code):  # no status: the dialect could not say it
            return Fault(status_code=status_code or 400, message="", code=code or "upstream_refused")
        case UnavailableError():
            return Fault(status_code=503, message="", code="upstream_unavailable")
        case CredentialsError():
            return Fault(status_code=502, message="", code="upstream_credentials")
        case _:
            return Fault(status_code=502, message="", code="upstream_bad_response")


def _sentence(error: Exception) -> str:
    text = str(error)
    return text[:1].upper() + text[1:]
