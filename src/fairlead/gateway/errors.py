"""Every error of ours as a fault that the caller is told of, in the envelope of its own dialect."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fairlead.errors import (
    AllAttemptsFailedError,
    ContentPolicyError,
    ContextLengthError,
    CredentialsError,
    FairleadError,
    LedgerError,
    LimitExceededError,
    NoCandidateError,
    ProviderError,
    ProviderTimeoutError,
    RateLimitError,
    RefusedRequestError,
    RequestError,
    UnavailableError,
)
from fairlead.events import Event
from fairlead.gateway.body import send_json
from fairlead.gateway.standing import refusal_headers
from fairlead.wire.codec import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from starlette.types import Send

    from fairlead.gateway.body import Header
    from fairlead.wire.codec import Codec


async def send_error(send: Send, error: Exception, codec: Codec, *, headers: Iterable[Header] = ()) -> None:
    """Tells the caller of an error in its own dialect, as long as no reply has begun."""
    headers = list(headers)
    request_id = dict(headers).get(codec.REQUEST_ID)
    fault = replace(fault_of(error), request_id=None if request_id is None else request_id.decode())
    body = codec.encode_fault(fault)
    if isinstance(error, LimitExceededError):
        headers = [*headers, *refusal_headers(error, codec, datetime.now(UTC))]
    await send_json(send, body, status_code=fault.status_code, headers=[*retry_headers(fault), *headers])


def ledger_failed(error: LedgerError) -> Event:
    """Returns what the log is told, and no caller: what failed, and where the ledger lies."""
    return Event("ledger_failed", why=str(error))


def retry_headers(fault: Fault) -> list[Header]:
    """Returns what the clients' own retry loops look at: whole seconds, as HTTP has it, and milliseconds for the SDKs.

    Source: RFC 9110, section 10.2.3; `openai` and `anthropic` for Python, `_base_client.py`, look at both.
    """
    final = [(b"x-should-retry", b"false")] if fault.final else []
    if fault.retry_after_s is None:
        return final
    ms = math.ceil(1000 * fault.retry_after_s)
    return [(b"retry-after", str(-(-ms // 1000)).encode()), (b"retry-after-ms", str(ms).encode()), *final]


def fault_of(error: Exception) -> Fault:  # noqa: PLR0911 - one a kind
    """Returns how the caller is told of an error; one that nobody foresaw does not show its text."""
    match error:
        case RequestError(status_code=status_code, param=param, code=code):
            return Fault(status_code=status_code, message=str(error), code=code or "invalid_request", param=param)
        case NoCandidateError():
            reasons = set(error.excluded.values())
            code = (
                "context_length_exceeded" if reasons == {"context_window"} else "no_candidate"
            )  # clients shorten then
            return Fault(status_code=503 if "breaker_open" in reasons else 400, message=_sentence(error), code=code)
        case AllAttemptsFailedError():
            return replace(_fault_of_causes(error.causes), message=_sentence(error), final=True)
        case LimitExceededError():
            return _fault_of_limit(error)
        case LedgerError():
            message = "The ledger cannot be read or written, and nothing is served without it. The log says why."
            return Fault(status_code=503, message=message, code="ledger_unavailable")  # where it lies is ours to know
        case FairleadError():
            return Fault(status_code=500, message=_sentence(error), code="internal_error")
        case _:
            return Fault(status_code=500, message="Something broke inside the gateway.", code="internal_error")


def _fault_of_limit(error: LimitExceededError) -> Fault:
    """Returns 402 where a budget is spent, which no retry mends, and 429 where it is worth asking again."""
    if error.exhausted:
        return Fault(
            status_code=402,
            message=f"{_sentence(error)}.{_cheaper(error)}",
            code="insufficient_quota",
            retry_after_s=error.retry_after_s,
            final=True,
        )
    code = "budget_in_use" if error.kind == "usd" else "rate_limit_exceeded"
    message = f"{_sentence(error)}.{_cheaper(error)}"
    return Fault(status_code=429, message=message, code=code, retry_after_s=error.retry_after_s)


def _cheaper(error: LimitExceededError) -> str:
    """Returns what makes a request cost less, where something is left of a budget."""
    if error.kind != "usd" or error.remaining <= 0:
        return ""
    return " A lower limit on the output (`max_tokens`) makes it cost less: without one all that may be written counts."


def _fault_of_causes(causes: Sequence[ProviderError]) -> Fault:
    """Returns what the attempts agree on, else a bad gateway; the message is the caller's to fill in.

    A request that is against the rules stays so, whatever befell the attempts before.
    """
    faults = [_fault_of_cause(cause) for cause in causes]
    if isinstance(causes[-1], ContentPolicyError) or len({fault.status_code for fault in faults}) == 1:
        return faults[-1]
    return Fault(status_code=502, message="", code="all_attempts_failed")


def _fault_of_cause(cause: ProviderError) -> Fault:  # noqa: PLR0911 - one a kind
    match cause:
        case ProviderTimeoutError():
            return Fault(status_code=504, message="", code="upstream_timeout")
        case RateLimitError(retry_after_s=wait):
            return Fault(status_code=429, message="", code="upstream_rate_limit", retry_after_s=wait)
        case ContextLengthError(status_code=status_code):  # clients shorten then
            return Fault(status_code=status_code or 400, message="", code="context_length_exceeded")
        case RefusedRequestError(status_code=status, code=code, param=param):  # no status: the dialect could not say it
            return Fault(status_code=status or 400, message="", code=code or "upstream_refused", param=param)
        case UnavailableError():
            return Fault(status_code=503, message="", code="upstream_unavailable")
        case CredentialsError():
            return Fault(status_code=502, message="", code="upstream_credentials")
        case _:
            return Fault(status_code=502, message="", code="upstream_bad_response")


def _sentence(error: Exception) -> str:
    text = str(error)
    return text[:1].upper() + text[1:]
