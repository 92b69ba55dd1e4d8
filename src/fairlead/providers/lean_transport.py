"""One pool of connections to all providers, on httptools: the cheapest way of calling that Python has."""

from __future__ import annotations

import asyncio
import socket
import ssl
from base64 import b64encode
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

import aiohappyeyeballs

from fairlead.errors import BadResponseError, ProviderError, ProviderTimeoutError, RefusedRequestError, UnavailableError
from fairlead.providers.connection import BrokenOffError, Connection, NotHttpError
from fairlead.providers.transport import MAX_BODY_BYTES, Whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from fairlead.providers.base import Limits
    from fairlead.providers.transport import Call

KEEP_S = 15.0
"""How long an unused connection is kept."""
FIXED_HEADERS = "user-agent: fairlead\r\naccept-encoding: identity\r\n"
Origin = tuple[str, int, bool]
"""Host, port, and whether the connection is secure."""
NEXT_ADDRESS_S = 0.25
"""After how long the next address of a host is tried beside the first; RFC 8305."""


@dataclass(frozen=True, slots=True)
class Target:
    """What an address means to a connection."""

    host: str
    port: int
    secure: bool
    head: str
    """The first lines of a request."""
    origin: Origin
    """What connections are shared by."""


class LeanTransport:
    """A `Transport` that does what calls need and no more.

    No cookies, no proxies from the environment, no redirects (which could carry keys elsewhere), no compression, no
    limit on connections (the gateway bounds its requests itself). TLS is the event loop's.

    Args:
        authorities: file of those whose certificates are trusted, PEM; without one the system's.
    """

    def __init__(self, *, authorities: str | None = None) -> None:
        self._authorities = authorities
        self._context: ssl.SSLContext | None = None
        self._free: dict[Origin, list[Connection]] = {}
        self._open: dict[Connection, Origin] = {}
        self._sweeper: asyncio.TimerHandle | None = None

    def post(self, call: Call, limits: Limits) -> _Exchange:
        """Opens a call; see `Transport.post`."""
        return _Exchange(self, call, limits)

    async def whole(self, call: Call, limits: Limits) -> Whole:
        """Returns the whole reply to a call; see `Transport.whole`."""
        connection = await self.begun(call, limits)
        try:
            return Whole(connection.status, connection.headers, await _body(connection, call.candidate))
        finally:
            connection.release(drain=False)

    async def begun(self, call: Call, limits: Limits) -> Connection:
        """Returns the connection over which the head of the reply to a call has come.

        Raises:
            ProviderError: none has.
        """
        target = _target(call.url)
        request = _request(call, target)
        silence_s = max(limits.ttft_s, limits.patient_ttft_s, limits.idle_s) if call.stream else limits.answer_s
        connection = self.kept(target) or await self.opened(call, target, limits)
        try:
            connection.ask(request, silence_s=silence_s)
            await connection.head()
        except (BrokenOffError, NotHttpError, OSError) as error:
            connection.abort()
            raise _failure(error, call.candidate, begun=False) from None
        except BaseException:
            connection.abort()
            raise
        return connection

    def kept(self, target: Target) -> Connection | None:
        """Returns the connection to the host that was used last; `None` where there is none that can be used again."""
        free = self._free.get(target.origin, ())
        while free:
            connection = free.pop()
            if connection.usable:
                return connection
            connection.abort()
        return None

    async def opened(self, call: Call, target: Target, limits: Limits) -> Connection:
        """Returns a new connection to the host.

        Raises:
            ProviderError: there is none.
        """
        try:
            async with asyncio.timeout(limits.connect_s):
                connection = await self._connected(target)
        except TimeoutError:
            message = f"no connection within {limits.connect_s:g} s"
            raise ProviderTimeoutError(message, model=call.candidate) from None
        except (ssl.SSLError, ssl.CertificateError) as error:
            raise UnavailableError(f"no secure connection ({error})", model=call.candidate, retryable=False) from None
        except OSError as error:
            raise UnavailableError(f"no connection ({error})", model=call.candidate) from None
        self._open[connection] = target.origin
        return connection

    async def close(self) -> None:
        """Closes all connections; a later call would open new ones."""
        for connection in tuple(self._open):
            connection.abort()
        self._free.clear()
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        await asyncio.sleep(0)  # they are told so in the next turn of the loop

    async def _connected(self, target: Target) -> Connection:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        opened = await aiohappyeyeballs.start_connection(
            found, happy_eyeballs_delay=NEXT_ADDRESS_S, interleave=1, loop=loop
        )
        try:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _, connection = await loop.create_connection(
                lambda: Connection(self._keep, self._lose),
                sock=opened,
                ssl=self._secured() if target.secure else None,
                server_hostname=target.host if target.secure else None,
            )
        except BaseException:
            opened.close()
            raise
        return connection

    def _secured(self) -> ssl.SSLContext:
        if self._context is None:
            self._context = ssl.create_default_context(cafile=self._authorities)
            self._context.set_alpn_protocols(["http/1.1"])
        return self._context

    def _keep(self, connection: Connection) -> None:
        self._free.setdefault(self._open[connection], []).append(connection)
        if self._sweeper is None:
            self._sweeper = asyncio.get_running_loop().call_later(KEEP_S, self._sweep)

    def _lose(self, connection: Connection) -> None:
        origin = self._open.pop(connection, None)
        if origin is not None and connection in self._free.get(origin, ()):
            self._free[origin].remove(connection)

    def _sweep(self) -> None:
        """Closes what was not used for long; those used last stand last."""
        loop = asyncio.get_running_loop()
        self._sweeper = None
        old = loop.time() - KEEP_S
        for connections in self._free.values():
            while connections and connections[0].free_since_s <= old:
                connections.pop(0).abort()
        if any(self._free.values()):
            self._sweeper = loop.call_later(KEEP_S, self._sweep)


class _Exchange:
    """One call; as a context manager it gives the reply."""

    def __init__(self, transport: LeanTransport, call: Call, limits: Limits) -> None:
        self._transport = transport
        self._call = call
        self._limits = limits

    async def __aenter__(self) -> _Reply:
        self._connection = await self._transport.begun(self._call, self._limits)
        return _Reply(self._connection, self._call.candidate)

    async def __aexit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._connection.release(drain=kind is None)


class _Reply:
    def __init__(self, connection: Connection, candidate: str) -> None:
        self._connection = connection
        self._candidate = candidate
        self.status = connection.status
        self.headers: Mapping[str, str] = connection.headers

    async def body(self) -> bytes:
        return await _body(self._connection, self._candidate)

    async def piece(self) -> bytes:
        return await _piece(self._connection, self._candidate)


async def _body(connection: Connection, candidate: str) -> bytes:
    pieces, n_bytes = [], 0
    while not connection.at_end:
        piece = await _piece(connection, candidate)
        pieces.append(piece)
        n_bytes += len(piece)
        if n_bytes > MAX_BODY_BYTES:
            message = f"the reply is larger than {MAX_BODY_BYTES} bytes, the limit for bodies"
            raise BadResponseError(message, model=candidate, status_code=connection.status, billed=True)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def _piece(connection: Connection, candidate: str) -> bytes:
    try:
        return await connection.piece()
    except (BrokenOffError, NotHttpError, OSError) as error:
        raise _failure(error, candidate, begun=True) from None


@lru_cache(maxsize=4096)
def _target(url: str) -> Target:
    """Returns what an address means; what it may not hold as it is, is escaped."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    host = parts.hostname or ""
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = f"?{quote(parts.query, safe='/%:@!$&()*+,;=~-._?')}" if parts.query else ""
    shown = parts.netloc.rpartition("@")[2].encode("idna").decode()
    line = f"POST {path}{query} HTTP/1.1\r\nhost: {shown}\r\n"
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        line += f"authorization: Basic {b64encode(pair.encode()).decode()}\r\n"
    port = parts.port or (443 if secure else 80)
    return Target(host, port, secure, line + FIXED_HEADERS, (host, port, secure))


def _request(call: Call, target: Target) -> bytes:
    """Returns all bytes of a call.

    Raises:
        RefusedRequestError: a header holds a line break.
    """
    own = "".join([f"{name}: {value}\r\n" for name, value in call.headers.items()])
    if own.count("\n") != len(call.headers) or own.count("\r") != len(call.headers):
        raise RefusedRequestError("a header of the call holds a line break", model=call.candidate)
    return f"{target.head}{own}content-length: {len(call.body)}\r\n\r\n".encode() + call.body


def _failure(error: Exception, candidate: str, *, begun: bool) -> ProviderError:
    """Returns the error of ours; once a reply has begun, output may have been billed."""
    what = f"{type(error).__name__}: {error}"
    match error:
        case TimeoutError():
            return ProviderTimeoutError(f"the host fell silent ({what})", model=candidate, billed=True)
        case NotHttpError():
            return BadResponseError(f"the reply is no HTTP ({what})", model=candidate, billed=begun)
        case _ if begun:
            return BadResponseError(f"the connection broke off ({what})", model=candidate, billed=True)
        case _:  # it may have worked on the request before
            return UnavailableError(f"the connection was reset ({what})", model=candidate, billed=True)
