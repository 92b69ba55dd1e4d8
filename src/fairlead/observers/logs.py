"""Logs as lines of JSON on standard error: what happened, by name, with keys and values; secrets are blackened."""

from __future__ import annotations

import logging
import re
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

import msgspec

from fairlead.errors import ProviderTimeoutError, UnavailableError
from fairlead.events import Event
from fairlead.observers.base import Refused, Served

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fairlead.types import Attempt, Outcome

Level = Literal["info", "warning", "error"]

LOG = logging.getLogger("fairlead.requests")
BLACKENED = "***"
_SECRETS = re.compile(
    r"(?:\bsk-|\bAIza|\bgsk_|\bxai-|\bhf_|\bpk-)[\w-]{12,}"  # keys of providers, and ours
    r"|(?i:\bbearer\s+|\bbasic\s+)[\w.~+/=-]{6,}"
    r"|(?<=://)[^/\s\"@]+:[^/\s\"@]+(?=@)"  # the user and password of an address
)


class Redaction:
    """Blackens what is known to be a secret, and what looks like one: the last net, below never writing one.

    Args:
        secrets: known ones.

    Example:
        >>> Redaction(["hunter2-hunter2"])("hunter2-hunter2 at postgresql://me:word@db/x with Bearer abcdef123")
        '*** at postgresql://***@db/x with ***'
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: set[str] = set()
        self.learn(secrets)

    def learn(self, secrets: Iterable[str]) -> None:
        """Blackens these from now on, too."""
        self._secrets |= set(secrets)
        plain = {secret for secret in self._secrets if len(secret) >= 6}
        in_json = {msgspec.json.encode(secret)[1:-1].decode() for secret in plain}
        known = sorted(plain | in_json, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def __call__(self, text: str) -> str:
        """Returns the text without them."""
        if self._known is not None:
            text = self._known.sub(BLACKENED, text)
        return _SECRETS.sub(BLACKENED, text)


class JsonLines(logging.Formatter):
    """One JSON object a line: `at`, `level`, `logger`, `event`, then the event's own fields."""

    def __init__(self, redaction: Redaction) -> None:
        super().__init__()
        self._redaction = redaction

    def format(self, record: logging.LogRecord) -> str:
        """Returns the line; of an exception only its kind, since its words may quote a prompt."""
        event = record.msg if isinstance(record.msg, Event) else Event("message", text=record.getMessage())
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": event.name,
            **event.fields,
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = record.exc_info[0].__name__
        return self._redaction(msgspec.json.encode(line).decode())


@contextmanager
def written(level: Level, secrets: Iterable[str]) -> Iterator[Redaction]:
    """Writes what our loggers say to standard error, as long as it is open; yields what blackens the lines.

    Args:
        level: `info` has a line for each request.
        secrets: keys, which no line may hold.
    """
    ours = logging.getLogger("fairlead")
    handler = logging.StreamHandler(sys.stderr)
    redaction = Redaction(secrets)
    handler.setFormatter(JsonLines(redaction))
    before = ours.level
    ours.addHandler(handler)
    ours.setLevel(level.upper())
    try:
        yield redaction
    finally:
        ours.removeHandler(handler)
        ours.setLevel(before)


class RequestLog:
    """Logs each request at `info`, and at `warning` what an operator should see."""

    def observe(self, record: Served | Refused) -> None:
        """Logs one record."""
        if isinstance(record, Refused):
            _log_refused(record)
            return
        for attempt, why in _failures(record.outcome):
            _log_failed(attempt, why, record)
        if record.decision.fault is not None:
            LOG.warning(Event("router_broke", request_id=record.request_id, route=record.route, model=record.model))
        if record.served_as is not None:
            LOG.warning(Event("served_as_another", request_id=record.request_id, model=record.model))
        if LOG.isEnabledFor(logging.INFO):
            LOG.info(_served(record))


def _log_refused(record: Refused) -> None:
    level = logging.WARNING if record.status_code >= 500 else logging.INFO
    event = Event(
        "request_refused",
        request_id=record.request_id,
        path=record.path,
        status_code=record.status_code,
        code=record.code,
    )
    LOG.log(level, event)


def _failures(outcome: Outcome) -> Iterator[tuple[Attempt, str | None]]:
    """Yields each attempt that failed, with why no reply came; of one that came the status tells.

    A reply may quote the prompt, so its words are not for a log; of a connection that failed the words are our own.
    """
    causes = iter(outcome.causes)
    for attempt in outcome.attempts:
        if attempt.status == "failed":
            cause = None if attempt.kind == "continuation" else next(causes, None)  # those have no cause of their own
            unanswered = isinstance(cause, UnavailableError | ProviderTimeoutError) and cause.status_code is None
            yield attempt, str(cause) if unanswered else None


def _log_failed(attempt: Attempt, why: str | None, record: Served) -> None:
    event = Event(
        "call_failed",
        request_id=record.request_id,
        model=attempt.candidate,
        number=attempt.number,
        error=attempt.error,
        status_code=attempt.status_code,
        why=why,
        latency_s=round(attempt.latency_s, 6),
    )
    LOG.warning(event)


def _served(record: Served) -> Event:
    outcome = record.outcome
    return Event(
        "request_served",
        request_id=record.request_id,
        decision_id=record.decision_id,
        route=record.route,
        dialect=record.dialect,
        stream=record.stream,
        model=record.model,
        reason=record.decision.reason,
        status=outcome.status,
        attempts=len(outcome.attempts),
        cost_usd=None if outcome.cost_usd is None else format(outcome.cost_usd, "f"),
        reference_cost_usd=record.reference_cost_usd,
        total_s=round(record.total_s, 6),
        overhead_s=round(record.overhead_s, 6),
    )
