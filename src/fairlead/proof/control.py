"""Who is in the control arm: two draws a session, fixed by a secret, so that nobody can steer or guess them.

The arm rule itself is one comparison, made by the router: `control_draw < control_share` serves the reference.
Drawing whole sessions, not requests, keeps the providers' prompt caches and the conversation in one arm.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

UNIFORM_BITS = 53
"""As many as a float holds: every draw is exact and below 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draws:
    """Two independent uniform numbers in [0, 1) that belong to a session for good."""

    control: float
    mix: float


def draws(secret: bytes, session_id: str) -> Draws:
    """Returns the draws of a session: the same for the same secret and id, in every process and for ever.

    Examples:
        >>> draws(b"secret", "session-1") == draws(b"secret", "session-1")
        True
        >>> draws(b"secret", "session-1").control == draws(b"secret", "session-1").mix
        False
    """
    return Draws(control=_uniform(secret, "control", session_id), mix=_uniform(secret, "mix", session_id))


def _uniform(secret: bytes, purpose: str, session_id: str) -> float:
    digest = hmac.digest(secret, f"{purpose}\0{session_id}".encode(), hashlib.sha256)
    return (int.from_bytes(digest[:8], "big") >> (64 - UNIFORM_BITS)) / 2.0**UNIFORM_BITS
