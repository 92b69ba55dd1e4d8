"""Who asks: a virtual key, the admin, or anybody, where no key was ever made and only this machine can reach us."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import math
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING, TypeVar

from fairlead.errors import LedgerError, RequestError
from fairlead.gateway.body import header
from fairlead.ledger.keys import key_id_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from starlette.types import ASGIApp, Receive, Scope, Send

    from fairlead.config import Secret
    from fairlead.ledger.budget import Limit
    from fairlead.ledger.keys import Key, KeyStore

K = TypeVar("K")
V = TypeVar("V")

MAX_KNOWN = 10_000
"""Keys that are remembered, and as many wrong ones."""
MAX_CHECKS = 32
"""Unknown keys that may wait to be checked; each takes 50 ms and 16 MiB, two at a time."""
SCOPE = "fairlead.caller"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Whoever asks, and what it may."""

    key_id: str | None = None
    team: str | None = None
    limits: tuple[Limit, ...] = ()
    models: frozenset[str] | None = None
    """Candidates that may serve it; `None` for all."""
    routes: frozenset[str] | None = None

    def may_route(self, name: str) -> bool:
        """Says whether it may ask for this route."""
        return self.routes is None or name in self.routes

    def may_call(self, name: str) -> bool:
        """Says whether it may call this candidate by its name: a key that names routes alone calls none."""
        return self.routes is None if self.models is None else name in self.models

    def may_get(self, name: str) -> bool:
        """Says whether this candidate may serve it, asked for by its name or chosen by a route."""
        return self.models is None or name in self.models

    def check_route(self, name: str) -> None:
        """Raises RequestError (403) where it may not ask for this route."""
        if not self.may_route(name):
            raise _forbidden(f"This key may not ask for the route `{name}`")

    def check_model(self, name: str) -> None:
        """Raises RequestError (403) where it may not call this candidate by its name."""
        if self.may_call(name):
            return
        if self.models is None:
            raise _forbidden(f"This key may ask for routes alone, and `{name}` is a model")
        raise _forbidden(f"This key may not ask for the model `{name}`")


ANYBODY = Caller()


def caller_of(scope: Scope) -> Caller:
    """Returns who asks, as the door found."""
    caller: Caller = scope.get(SCOPE, ANYBODY)
    return caller


def is_loopback(host: str) -> bool:
    """Says whether only this machine can reach an address."""
    try:
        return host == "localhost" or ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


@dataclass(slots=True)
class _Seen:
    """A key as it was last read, and when that is to be done anew."""

    key: Key | None
    caller: Caller
    stale_s: float


@dataclass(slots=True, kw_only=True)
class Door:
    """Lets in whoever has a key.

    A key is checked against its slow hash once, and from then on known by a fast one under a secret of this process.
    What it may is read anew every `refresh_s`: a key that is revoked opens nothing any more after that.

    Args:
        store: the keys.
        candidates: names of all, which the terms of keys choose from.
        admin_key: opens everything, if there is one.
        closed: a key is needed even where none was ever made, because others than this machine can reach us.
        refresh_s: how long what was read of a key counts, seconds.
        stale_is_better: go on with what was last read where the store is not available.
        timer: seconds that only go forward.
    """

    store: KeyStore
    candidates: tuple[str, ...]
    admin_key: Secret | None = None
    closed: bool = False
    refresh_s: float = 5.0
    stale_is_better: bool = False
    timer: Callable[[], float] = time.monotonic
    _pepper: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    _known: OrderedDict[bytes, str] = field(default_factory=OrderedDict, repr=False)
    _wrong: OrderedDict[bytes, float] = field(default_factory=OrderedDict, repr=False)
    _seen: OrderedDict[str, _Seen] = field(default_factory=OrderedDict, repr=False)
    _needed: bool = False
    _asked_s: float = -math.inf
    _checking: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2), repr=False)
    _checks: dict[bytes, asyncio.Task[bool]] = field(default_factory=dict, repr=False)

    @classmethod
    def following(
        cls,
        before: Door | None,
        *,
        store: KeyStore,
        candidates: tuple[str, ...],
        admin_key: Secret | None,
        refresh_s: float,
        stale_is_better: bool,
    ) -> Door:
        """Returns the door of a new configuration: it knows the keys that the one before knew, and stays as closed."""
        known = before or cls(store=store, candidates=candidates)
        return replace(
            known,
            store=store,
            candidates=candidates,
            admin_key=admin_key,
            refresh_s=refresh_s,
            stale_is_better=stale_is_better,
            _seen=OrderedDict(),
        )

    async def caller(self, scope: Scope) -> Caller:
        """Returns who asks.

        Raises:
            RequestError: 401, it has no key, or one that opens nothing.
            LedgerError: keys cannot be read.
        """
        if not await self.needs_key():
            return ANYBODY
        presented = _presented(scope)
        if presented is None:
            raise _unauthorised("No key was sent; expected `Authorization: Bearer sk-fl-...` or `x-api-key`")
        if self.is_admin(presented):
            return ANYBODY
        return await self._caller(presented)

    async def check_admin(self, scope: Scope) -> None:
        """Raises RequestError (401) for whoever may not manage; where no key is needed anybody may."""
        if self.admin_key is None and not await self.needs_key():
            return
        presented = _presented(scope)
        if presented is None or not self.is_admin(presented):
            missing = "" if self.admin_key is not None else ", and none is configured: set `server.admin_key_env`"
            raise _unauthorised(f"This path is for the admin key alone{missing}")

    async def needs_key(self) -> bool:
        """Says whether a key is needed: where there are keys, or others than this machine can reach us."""
        if self.closed or self._needed or self.admin_key is not None:
            return True
        if self.timer() - self._asked_s >= self.refresh_s:
            known = self._asked_s > -math.inf
            try:
                needed = await asyncio.to_thread(self.store.any)
            except LedgerError:
                if not (known and self.stale_is_better):
                    raise
            else:
                self._needed = needed
            self._asked_s = self.timer()
        return self._needed

    def is_admin(self, presented: str) -> bool:
        """Says whether this is the admin key."""
        return self.admin_key is not None and hmac.compare_digest(presented.encode(), self.admin_key.reveal().encode())

    async def _caller(self, presented: str) -> Caller:
        digest = hashlib.blake2b(presented.encode(), digest_size=16, key=self._pepper).digest()
        key_id = self._known.get(digest) or key_id_of(presented)
        if key_id is None or self._wrong.get(digest, 0.0) > self.timer():
            raise _wrong_key()
        seen = await self._read(key_id)
        if seen.key is None:
            raise _wrong_key()
        if digest not in self._known:
            await self._check(seen.key, presented, digest)
        if (ended := seen.key.ended(datetime.now(UTC))) is not None:
            raise _unauthorised(f"The key `{key_id}` is {ended}")
        return seen.caller

    async def _check(self, key: Key, presented: str, digest: bytes) -> None:
        """Remembers whether this is the key; so many unknown ones at once are somebody guessing.

        A key that many bring at once, as after a start, is checked once for all of them.
        """
        check = self._checks.get(digest)
        if check is None:
            if len(self._checks) >= MAX_CHECKS:
                message = "Too many unknown keys are being checked. Try again soon."
                raise RequestError(message, status_code=429, code="too_many_requests")
            check = self._checks[digest] = asyncio.create_task(self._opens(key, presented))
            check.add_done_callback(lambda _: self._checks.pop(digest))
        if not await asyncio.shield(check):  # whoever leaves takes nobody with it
            _remember(self._wrong, digest, self.timer() + self.refresh_s)
            raise _wrong_key()
        _remember(self._known, digest, key.id)

    async def _opens(self, key: Key, presented: str) -> bool:
        async with self._checking:
            return await asyncio.to_thread(key.opens, presented)

    async def _read(self, key_id: str) -> _Seen:
        seen = self._seen.get(key_id)
        now_s = self.timer()
        if seen is not None and now_s < seen.stale_s:
            return seen
        if seen is not None:
            seen.stale_s = now_s + min(1.0, self.refresh_s)  # one request reads, those beside it go on
        try:
            key = await asyncio.to_thread(self.store.get, key_id)
        except LedgerError:
            if seen is None or not self.stale_is_better:
                raise
            return seen
        fresh = _Seen(key, ANYBODY if key is None else self._terms(key), now_s + self.refresh_s)
        _remember(self._seen, key_id, fresh)
        return fresh

    def _terms(self, key: Key) -> Caller:
        terms = key.terms
        return Caller(
            key_id=key.id,
            team=key.team,
            limits=terms.limits(key.id),
            models=None if terms.models is None else frozenset(_named(terms.models, self.candidates)),
            routes=None if terms.routes is None else frozenset(terms.routes),
        )


class Keyed:
    """Serves whoever has a key, and notes in the scope who that is.

    Args:
        app: what serves.
        door: who is let in.
    """

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app = app
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request, as ASGI asks."""
        scope[SCOPE] = await self._door.caller(scope)
        await self._app(scope, receive, send)


class AdminOnly:
    """Serves whoever has the admin key; see `Keyed`."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app = app
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request, as ASGI asks."""
        await self._door.check_admin(scope)
        await self._app(scope, receive, send)


def _presented(scope: Scope) -> str | None:
    """Returns the key in the header of either dialect."""
    bearer = header(scope, b"authorization")
    if bearer is not None and bearer[:7].lower() == "bearer ":
        return bearer[7:].strip()
    return header(scope, b"x-api-key")


def _named(patterns: Iterable[str], candidates: Iterable[str]) -> set[str]:
    """Returns the candidates that the terms of a key name; a `*` at the end takes any rest."""
    names = tuple(patterns)
    whole = {name for name in names if not name.endswith("*")}
    starts = tuple(name[:-1] for name in names if name.endswith("*"))
    return {name for name in candidates if name in whole or name.startswith(starts)}


def _remember(known: OrderedDict[K, V], name: K, value: V) -> None:
    known[name] = value
    while len(known) > MAX_KNOWN:
        known.popitem(last=False)


def _unauthorised(why: str) -> RequestError:
    return RequestError(f"{why}.", status_code=401, code="invalid_api_key")


def _wrong_key() -> RequestError:
    return _unauthorised("The key is not one of this gateway's. `fairlead keys create` makes one")


def _forbidden(why: str) -> RequestError:
    message = f"{why}. `GET /v1/models` lists what it may; ask whoever made the key."
    return RequestError(message, status_code=403, param="model", code="model_not_allowed")
