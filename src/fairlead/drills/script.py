"""What a connection does, act by act: bytes, pauses, and how it ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Send:
    """Send these bytes."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Pause:
    """Say nothing for so long, seconds of real time; a drill's time scale shortens it."""

    seconds: float


@dataclass(frozen=True, slots=True)
class End:
    """Stop talking: `close` the connection, `reset` it, or `hang` until the client leaves."""

    how: Literal["close", "reset", "hang"]


Act = Send | Pause | End
Script = tuple[Act, ...]
"""A script without an `End` leaves the connection open for the next request."""
