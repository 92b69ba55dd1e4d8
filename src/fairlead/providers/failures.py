"""A provider's refusal, by its status and words, as one of our errors."""

from __future__ import annotations

import math
import re
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from fairlead.errors import (
    BadResponseError,
    ContentPolicyError,
    ContextLengthError,
    CredentialsError,
    ProviderError,
    ProviderTimeoutError,
    RateLimitError,
    RefusedRequestError,
    UnavailableError,
)
from fairlead.wire import error_body

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

_KINDS: dict[int, type[ProviderError]] = {
    401: CredentialsError,
    402: CredentialsError,
    403: CredentialsError,
    408: ProviderTimeoutError,
    409: UnavailableError,  # a conflict or a call too early passes by itself
    425: UnavailableError,
    429: RateLimitError,
}
"""What the statuses mean that are not just a 4xx (refused) or a 5xx (unavailable)."""
_REQUEST_IDS = ("x-request-id", "request-id", "x-goog-request-id")
_UNREADABLE = "no words that could be read"
_UNREAD = {
    404: f"{_UNREADABLE}, so nothing of an API lies there; is the provider's `base_url` whole, such as `.../v1`?"
}
"""What is said of a reply that is no error of an API."""
_OUT_OF_MONEY = {"insufficient_quota", "billing_hard_limit_reached", "billing_error"}
_TOO_LONG = re.compile(
    r"context_length_exceeded|prompt is too long|maximum context length|context window"
    r"|input token count.*exceeds|exceeds? the (available )?context|input is too long",
    re.IGNORECASE,
)
_AGAINST_POLICY = re.compile(
    r"content_policy|content_filter|content filtering policy|content management policy|safety system"
    r"|usage polic(y|ies)",
    re.IGNORECASE,
)
"""The words of OpenAI, Azure, Anthropic, Gemini, vLLM, llama.cpp and Bedrock; not all of them have codes."""
_SHOULD_RETRY = {"true": True, "false": False}
"""What `x-should-retry`, a header of OpenAI and Anthropic, can say."""


def refusal(
    candidate: str, status: int, headers: Mapping[str, str], body: bytes, *, now: datetime, shown: Callable[[str], str]
) -> ProviderError:
    """Returns the error for a reply that is not a success.

    Args:
        candidate: name of the candidate that was called.
        status: HTTP status, not 200.
        headers: of the reply.
        body: of the reply, in any dialect, or no JSON at all.
        now: what a date in `Retry-After` is measured from.
        shown: makes of the host's words what may be shown.
    """
    said = error_body.read(body) or error_body.ErrorBody(message=_UNREAD.get(status, _UNREADABLE))
    wait = retry_after_s(headers, now)
    kind = _kind(status, said)
    hopeless = status < 400 or said.code in _OUT_OF_MONEY
    retryable = False if hopeless else _SHOULD_RETRY.get(headers.get("x-should-retry", ""))
    error = kind(
        f"the provider answered {status}: {shown(said.message)}",
        model=candidate,
        status_code=status,
        retryable=retryable,
        retry_after_s=said.retry_after_s if wait is None else wait,
        request_id=next((shown(headers[name]) for name in _REQUEST_IDS if name in headers), None),
        code=said.code and shown(said.code),
    )
    error.param = said.param and shown(said.param)
    return error


def _kind(status: int, said: error_body.ErrorBody) -> type[ProviderError]:
    if status in _KINDS:
        return _KINDS[status]
    if status < 400:
        return BadResponseError
    return UnavailableError if status >= 500 else _refused(f"{said.code} {said.message}")


def refused_within(words: str) -> type[RefusedRequestError] | None:
    """Returns what an error within a reply of status 200 says against the request; `None` where it is the host's own.

    A prompt that is against the rules, or too long, says nothing of the host: its breaker stays closed.
    """
    kind = _refused(words)
    return None if kind is RefusedRequestError else kind


def _refused(words: str) -> type[RefusedRequestError]:
    if _TOO_LONG.search(words):
        return ContextLengthError
    return ContentPolicyError if _AGAINST_POLICY.search(words) else RefusedRequestError


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """Returns the wait that `Retry-After-Ms` or `Retry-After` (seconds, or a date) asks for, at least 0."""
    if (ms := _number(headers.get("retry-after-ms"))) is not None:
        return ms / 1000
    value = headers.get("retry-after")
    if value is None or (seconds := _number(value)) is not None:
        return None if value is None else seconds
    try:
        return max(0.0, (parsedate_to_datetime(value) - now).total_seconds())
    except (ValueError, TypeError):  # no date, or one without a time zone
        return None


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
