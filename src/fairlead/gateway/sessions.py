"""Which session a request belongs to, and what the session remembers.

The rules, first that applies: our own header, the client's own id (a header of its tool, `prompt_cache_key`,
`previous_response_id`, `metadata.session_id`, what Claude Code writes into `metadata.user_id`), else what makes a
conversation itself: who asks, the system prompt, the first user message.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from fairlead.control_arm import NOT_DRAWN
from fairlead.gateway.body import by_name, header
from fairlead.gateway.keys import caller_of
from fairlead.proof.control import draws
from fairlead.types import SessionState

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from starlette.types import Scope

    from fairlead.ledger.sightings import Sighting
    from fairlead.proof.control import Draws
    from fairlead.types import Request

IDLE = timedelta(minutes=30)
"""A session that is silent for longer is over: what it remembers is forgotten."""
MAX_SESSIONS = 100_000
"""Open sessions that are remembered; beyond that the one silent for longest is forgotten."""
MAX_ID_CHARS = 128
"""A longer id of a client is kept as its fingerprint."""
OWN_HEADER = b"x-fairlead-session"
CLAUDE_CODE = (b"x-claude-code-session-id", b"x-claude-code-agent-id")
CLIENT_HEADERS = (b"session_id", b"session-id", b"conversation_id", b"x-session-id")
"""Headers by which agents name their session: Codex, and the common spelling. Claude Code has two."""
NAMING = frozenset({OWN_HEADER, *CLAUDE_CODE, *CLIENT_HEADERS})


OPT_OUT = b"x-fairlead-opt-out"
"""Header by which a session asks, with `1`, to take part in no experiment. Once said it holds while the session is open
in this process, or is recalled at its start, so that nobody steps in and out until the draw pleases; other processes do
not know of it, so clients send it with every request."""


@dataclass(slots=True)
class _Open:
    """What is remembered of an open session."""

    last_seen: datetime
    drawn: Draws
    last_candidate: str | None = None
    opted_out: bool = False


class Sessions:
    """Names sessions, draws for them, remembers the open ones.

    Args:
        secret: of this installation; whoever lacks it can neither foretell a draw nor recognise a conversation.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._naming = hmac.new(secret, b"session\0", hashlib.sha256)  # of which each name is a copy
        self._open: OrderedDict[str, _Open] = OrderedDict()
        self._session_of: OrderedDict[str, str] = OrderedDict()  # id of an answer -> its session

    def state(self, request: Request, scope: Scope, now: datetime) -> SessionState:
        """Returns the session of a request, opened where it is new."""
        rule, value = _named(request, scope)
        if rule == "previous_response_id":
            value = self._session_of.get(value, value)
        if rule == "content" or len(value) > MAX_ID_CHARS:
            value = self._fingerprint(value)
        key_id = caller_of(scope).key_id
        if key_id is not None and rule != "content" and not value.endswith(f"@{key_id}"):
            value = f"{value}@{key_id}"  # whoever knows the name of another's session does not get into it
        session = self._touch(value, now)
        session.opted_out = session.opted_out or _opts_out(scope)
        return SessionState(
            id=value,
            rule=rule,
            control_draw=NOT_DRAWN if session.opted_out else session.drawn.control,
            mix_draw=session.drawn.mix,
            last_candidate=session.last_candidate,
            opted_out=session.opted_out,
        )

    def recall(self, sightings: Iterable[Sighting]) -> None:
        """Takes in requests from before this process began, the oldest first."""
        for seen in sightings:
            session = self._touch(seen.session_id, seen.at)
            session.last_candidate = seen.served or session.last_candidate
            session.opted_out = session.opted_out or seen.opted_out

    def served(self, session: SessionState, candidate: str | None) -> None:
        """Remembers which candidate answered last."""
        if candidate is not None and session.id in self._open:
            self._open[session.id].last_candidate = candidate

    def answered(self, session: SessionState, answer_id: str) -> None:
        """Remembers whose answer it was: the next request may name nothing else."""
        self._session_of[answer_id] = session.id
        while len(self._session_of) > MAX_SESSIONS:
            self._session_of.popitem(last=False)

    def _touch(self, session_id: str, now: datetime) -> _Open:
        session = self._open.pop(session_id, None)
        if session is None or now - session.last_seen > IDLE:
            session = _Open(now, draws(self._secret, session_id))
        session.last_seen = now
        self._open[session_id] = session
        while len(self._open) > MAX_SESSIONS:
            self._open.popitem(last=False)
        return session

    def _fingerprint(self, content: str) -> str:
        naming = self._naming.copy()
        naming.update(content.encode())
        return naming.hexdigest()[:32]


def _opts_out(scope: Scope) -> bool:
    said = header(scope, OPT_OUT)
    return said is not None and said.strip().lower() in {"1", "true", "yes"}


def _of_claude_code(scope: Scope) -> str | None:
    """Returns the conversation: the session, and within it the agent, each of which has a prompt of its own."""
    session, agent = (header(scope, name) for name in CLAUDE_CODE)
    return f"{session}/{agent}" if session and agent else session


def _of_user_id(user: str | None) -> str | None:
    """Returns the session that Claude Code writes into `metadata.user_id`: as JSON, or after `_session_`."""
    if user is None or "session" not in user:
        return None
    if user.startswith("{"):
        try:
            return msgspec.json.decode(user, type=_UserId).session_id
        except msgspec.MsgspecError:
            return None
    return user.rpartition("_session_")[2] if "_session_" in user else None


class _UserId(msgspec.Struct):
    session_id: str | None = None


def _named(request: Request, scope: Scope) -> tuple[str, str]:
    """Returns the first rule that applies, and what it names the session by."""
    if (by_header := _named_by_header(scope)) is not None:
        return by_header
    if request.prompt_cache_key:
        return "prompt_cache_key", request.prompt_cache_key
    if request.previous_response_id:
        return "previous_response_id", request.previous_response_id
    if of_metadata := request.metadata.get("session_id") or _of_user_id(request.user):
        return "metadata", of_metadata
    return "content", _content(request, scope)


def _named_by_header(scope: Scope) -> tuple[str, str] | None:
    if NAMING.isdisjoint(by_name(scope)):
        return None
    if own := header(scope, OWN_HEADER):
        return "header", own
    of_client = (_of_claude_code(scope), *(header(scope, name) for name in CLIENT_HEADERS))
    named = next(filter(None, of_client), None)
    return None if named is None else ("client_header", named)


def _content(request: Request, scope: Scope) -> str:
    """Returns what stays the same through a conversation: the caller, the system prompt, the first user message."""
    system = [message.text for message in request.messages if message.role == "system"]
    user = next((message.text for message in request.messages if message.role == "user"), "")
    caller = header(scope, b"authorization") or header(scope, b"x-api-key") or ""
    return "\0".join([caller, *system, user])
