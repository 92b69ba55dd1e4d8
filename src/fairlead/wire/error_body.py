"""What a provider says when it refuses, in whichever shape it says it."""

from __future__ import annotations

import re

import msgspec

from fairlead.errors import WireError

_DELAY = re.compile(r"(\d+(?:\.\d+)?)s")


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True):
    """The provider's own words, whole; `providers/quoting.py` makes of them what may be shown."""

    message: str
    code: str | None = None
    param: str | None = None
    """The field of the request that is at fault."""
    retry_after_s: float | None = None


def read(body: bytes) -> ErrorBody | None:
    """Returns what an error body says; `None` where it is not JSON or carries no error.

    Knows `{"error": {...}}` of OpenAI, Anthropic and Gemini (which may come in a list), `{"error": "words"}`, and the
    `{"message": ...}` or `{"detail": ...}` of smaller servers.
    """
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if isinstance(found, list) and found:
        found = found[0]
    if not isinstance(found, dict):
        return None
    error = found.get("error") or found.get("message") or found.get("detail")
    return None if error is None else of(error)


def of(error: object) -> ErrorBody:
    """Returns what the value of an `error` field says."""
    if not isinstance(error, dict):
        return ErrorBody(message=_words(error))
    param = error.get("param")
    words = (error.get(name) for name in ("code", "status", "type"))
    return ErrorBody(
        message=_words(error.get("message") or error),
        code=next((word for word in words if isinstance(word, str)), None),
        param=param if isinstance(param, str) else None,
        retry_after_s=_delay_s(error.get("details")),
    )


def check(error: msgspec.Raw) -> None:
    """Raises WireError with the provider's words where the `error` field of a reply, as its bytes, holds an error."""
    if bytes(error) not in {b"", b"null"}:
        said = read(b'{"error":%b}' % bytes(error)) or ErrorBody(message="an error without words that could be read")
        raise WireError(said.message, code=said.code)


def _words(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _delay_s(details: object) -> float | None:
    """Reads Gemini's `RetryInfo`."""
    for detail in details if isinstance(details, list) else []:
        delay = detail.get("retryDelay") if isinstance(detail, dict) else None
        if isinstance(delay, str) and (match := _DELAY.fullmatch(delay)):
            return float(match[1])
    return None
