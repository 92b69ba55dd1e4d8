"""Which models a host lists: a call that costs nothing, and so a way to try its key.

A host that lists its models to anybody tells nothing of a key: it is asked a second time, without one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

import msgspec

from fairlead.config.references import given
from fairlead.errors import CredentialsError, ProviderError
from fairlead.providers.failures import refusal
from fairlead.providers.quoting import quoted
from fairlead.types import Request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import ClientSession

    from fairlead.providers.http import HttpProvider

WITHIN_S = 10.0
"""How long a host is waited for."""
MAX_BYTES = 2**24
_MOST = {"anthropic": "?limit=1000", "gemini": "?pageSize=1000"}
"""Dialect -> how all models are asked for at once; at other hosts there are no pages."""

Verdict = Literal["taken", "refused", "untried", "unclear"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What a host said to its key."""

    verdict: Verdict
    """`untried`: there is none, or the host lists its models to anybody; `unclear`: it gave no list."""
    says: str
    """The same in words."""
    models: frozenset[str] | None = None
    """Names of all models; `None` where they are not known."""


class _Named(msgspec.Struct):
    id: str = ""
    name: str = ""


class _Page(msgspec.Struct):
    data: list[_Named] = []
    models: list[_Named] = []
    has_more: bool = False
    nextPageToken: str = ""  # noqa: N815 - Gemini's


_PAGE = msgspec.json.Decoder(_Page | list[_Named])


async def listing(host: HttpProvider) -> Listing:
    """Returns what a host says to the key that is set for it."""
    import aiohttp  # noqa: PLC0415 - heavy, loaded where it is needed

    timeout = aiohttp.ClientTimeout(total=WITHIN_S)
    headers = host.headers(Request.from_prompt(""))
    bare = {name: value for name, value in headers.items() if host.api_key is None or host.api_key not in value}
    async with aiohttp.ClientSession(timeout=timeout) as session:
        try:
            models = await _listed(session, host, headers)
        except CredentialsError as error:
            return Listing(verdict="refused", says=str(error))
        except ProviderError as error:
            return Listing(verdict="unclear", says=f"it lists no models: {error}")
        if host.api_key is None:
            return Listing(verdict="untried", says="no key is set, and it lists its models without one", models=models)
        try:
            await _listed(session, host, bare)
        except ProviderError:
            return Listing(verdict="taken", says="it takes the key", models=models)
        return Listing(
            verdict="untried", says="it lists its models to anybody, so the key was not tried", models=models
        )


async def _listed(session: ClientSession, host: HttpProvider, headers: Mapping[str, str]) -> frozenset[str] | None:
    """Returns the names on the list, `None` where there are more pages or it cannot be read.

    Raises:
        CredentialsError: the key is not taken.
        ProviderError: there is no list.
    """
    import aiohttp  # noqa: PLC0415 - heavy, loaded where it is needed

    url = f"{host.base_url.rstrip('/')}/models{_query(host)}"
    try:
        async with session.get(url, headers=headers, allow_redirects=False) as reply:
            body = await reply.content.read(MAX_BYTES)
            if reply.status != 200:
                raise _refused(host, reply.status, reply.headers, body)
    except (aiohttp.ClientError, OSError) as error:
        raise ProviderError(f"no reply ({type(error).__name__}: {error})", model=host.base_url) from None
    return _names(body)


def _query(host: HttpProvider) -> str:
    version = getattr(host, "api_version", None)
    return f"?api-version={version}" if version is not None else _MOST.get(host.dialect, "")


def _refused(host: HttpProvider, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
    secrets = [host.api_key or "", *given(host.base_url)]
    now = datetime.now(UTC)
    error = refusal("", status, headers, body, now=now, shown=lambda words: quoted(words, secrets))
    if host.dialect == "gemini" and status == 400 and "API key" in str(error):  # Google's way of saying 401
        return CredentialsError(str(error), model="", status_code=status)
    return error


def _names(body: bytes) -> frozenset[str] | None:
    try:
        page = _PAGE.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if isinstance(page, list):
        return frozenset(each.id for each in page)
    if page.has_more or page.nextPageToken:
        return None
    return frozenset([*(each.id for each in page.data), *(each.name.removeprefix("models/") for each in page.models)])
