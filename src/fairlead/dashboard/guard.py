"""Who may look: whoever has the admin key where there is one, else whoever sits at this machine."""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fairlead.gateway.body import header

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Scope

Answer = Literal["yes", "who_are_you", "no"]

LOCAL_NAMES = {"localhost", "127.0.0.1", "[::1]"}
"""What a browser on this machine calls it. Any other name may be a page that points its own name here."""
FORWARDED = (b"forwarded", b"x-forwarded-for", b"x-real-ip")
"""Headers of a proxy on this machine, which passes on what comes from elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Lets in, or not."""

    is_admin: Callable[[str], bool] | None = None
    """Says whether a key is the admin key; `None` where none is configured."""

    def __call__(self, scope: Scope) -> Answer:
        """Returns whether whoever asks may look."""
        if self.is_admin is None:
            return "yes" if _is_local(scope) else "no"
        given = _key(header(scope, b"authorization") or "")
        return "yes" if given is not None and self.is_admin(given) else "who_are_you"


def same(given: str, key: str) -> bool:
    """Returns whether two keys are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(given.encode(), key.encode())


def _is_local(scope: Scope) -> bool:
    client = scope.get("client")
    if client is None or any(header(scope, name) is not None for name in FORWARDED):
        return False
    name = (header(scope, b"host") or "").rpartition(":")[0] or (header(scope, b"host") or "")
    return name.lower() in LOCAL_NAMES and _is_loopback(client[0])


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _key(authorization: str) -> str | None:
    """Returns the key of a bearer token, or the password of a browser's prompt."""
    kind, _, given = authorization.partition(" ")
    if kind.lower() == "bearer":
        return given.strip() or None
    if kind.lower() != "basic":
        return None
    try:
        return base64.b64decode(given, validate=True).decode().partition(":")[2] or None
    except (binascii.Error, UnicodeDecodeError):
        return None
