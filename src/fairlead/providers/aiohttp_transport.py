"""One pool of connections to all providers, over aiohttp."""

from __future__ import annotations

import io
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp

from fairlead.errors import BadResponseError, ProviderError, ProviderTimeoutError, UnavailableError
from fairlead.providers.transport import MAX_BODY_BYTES, Whole

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from fairlead.providers.base import Limits
    from fairlead.providers.transport import Call, Reply

MAX_PIECE_BYTES = 2**20


class AiohttpTransport:
    """The transport of `client = "aiohttp"`; it opens its pool in the loop of the first call.

    No cookies, no proxies from the environment, no redirects (which could carry keys elsewhere), no limit on
    connections (the gateway bounds its requests itself). aiohttp sets TCP_NODELAY on every connection.

    Args:
        authorities: file of those whose certificates are trusted, PEM; without one the system's.
    """

    def __init__(self, *, authorities: str | None = None) -> None:
        self._authorities = authorities
        self._session: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def post(self, call: Call, limits: Limits) -> AsyncIterator[Reply]:
        """Opens a call.

        Raises:
            ProviderError: no reply began.
        """
        response = await self._open(call, limits)
        try:
            yield _Reply(response, call.candidate)
        finally:
            if response.content.at_eof():
                response.release()
            else:
                response.close()

    async def whole(self, call: Call, limits: Limits) -> Whole:
        """Returns the whole reply to a call; see `Transport.whole`."""
        async with self.post(call, limits) as reply:
            return Whole(reply.status, reply.headers, await reply.body())

    async def _open(self, call: Call, limits: Limits) -> aiohttp.ClientResponse:
        # The caller's deadlines are the rule; the socket's own limit only bounds a call without a caller's deadline.
        silence_s = max(limits.ttft_s, limits.patient_ttft_s, limits.idle_s) if call.stream else limits.answer_s
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=limits.connect_s, sock_read=silence_s)
        try:
            return await self._pool().post(
                call.url, data=_payload(call.body), headers=call.headers, timeout=timeout, allow_redirects=False
            )
        except aiohttp.ConnectionTimeoutError:
            message = f"no connection within {limits.connect_s:g} s"
            raise ProviderTimeoutError(message, model=call.candidate) from None
        except (aiohttp.ClientError, OSError) as error:
            # Not chained: aiohttp's errors can hold the request's headers, and so the key.
            raise _failure(error, call.candidate, begun=False) from None

    def _pool(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ssl=self._trusted()),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            )
        return self._session

    def _trusted(self) -> ssl.SSLContext | bool:
        return True if self._authorities is None else ssl.create_default_context(cafile=self._authorities)

    async def close(self) -> None:
        """Closes all connections; a later call would open new ones."""
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()


class _Reply:
    def __init__(self, response: aiohttp.ClientResponse, candidate: str) -> None:
        self._response = response
        self._candidate = candidate
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers

    async def body(self) -> bytes:
        pieces, n_bytes = [], 0
        while piece := await self.piece():
            pieces.append(piece)
            n_bytes += len(piece)
            if n_bytes > MAX_BODY_BYTES:
                message = f"the reply is larger than {MAX_BODY_BYTES} bytes, the limit for bodies"
                raise BadResponseError(message, model=self._candidate, status_code=self.status, billed=True)
        return b"".join(pieces)

    async def piece(self) -> bytes:
        try:
            return await self._response.content.readany()
        except (aiohttp.ClientError, OSError) as error:
            raise _failure(error, self._candidate, begun=True) from None


def _payload(body: bytes) -> bytes | io.BytesIO:
    """Returns what aiohttp sends at once, or, where that would hold up the loop, in pieces."""
    return body if len(body) <= MAX_PIECE_BYTES else io.BytesIO(body)


def _failure(error: Exception, candidate: str, *, begun: bool) -> ProviderError:
    """Returns the error of ours for one of aiohttp's; once a reply has begun, output may have been billed."""
    what = f"{type(error).__name__}: {error}"
    match error:
        case TimeoutError():
            return ProviderTimeoutError(f"the host fell silent ({what})", model=candidate, billed=True)
        case aiohttp.ClientPayloadError() | aiohttp.ClientResponseError():
            return BadResponseError(f"the reply is cut or no HTTP ({what})", model=candidate, billed=begun)
        case aiohttp.ClientSSLError():
            return UnavailableError(f"no secure connection ({what})", model=candidate, retryable=False)
        case _ if begun:
            return BadResponseError(f"the connection broke off ({what})", model=candidate, billed=True)
        case aiohttp.ClientConnectorError():
            return UnavailableError(f"no connection ({what})", model=candidate)
        case _:  # it may have worked on the request before
            return UnavailableError(f"the connection was reset ({what})", model=candidate, billed=True)
