"""What a host sends, fault included: the events, and how the connection ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.providers.faults import Fault

NO_JSON = b'data: {"choices": [{"delta": \n\n'
HTML_PAGE = b"<html><body><h1>502 Bad Gateway</h1></body></html>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """Events to send, the delay before the first, and the end: `finish` cleanly, `cut` the connection, or `hang`."""

    events: tuple[bytes, ...]
    end: Literal["finish", "cut", "hang"] = "finish"
    delay_s: float = 0.0


def streamed_script(events: Sequence[bytes], fault: Fault | None, error_event: bytes) -> Script:
    """Returns the script of a streamed reply of `events`; `error_event` is what an `in_band` fault sends."""
    if fault is None:
        return Script(events=tuple(events))
    before, after = tuple(events[: fault.after_events]), tuple(events[fault.after_events + 1 :])
    match fault.kind:
        case "slow_start":
            return Script(events=tuple(events), delay_s=fault.delay_s)
        case "malformed":
            return Script(events=(*before, NO_JSON, *after))
        case "in_band":
            return Script(events=(*before, error_event))
        case "stall":
            return Script(events=before, end="hang")
        case _:
            return Script(events=before, end="cut")


def whole_script(body: bytes, fault: Fault | None, error_body: bytes) -> Script:
    """Returns the script of a reply of one `body`; what is cut or stalls does so half-way."""
    if fault is None:
        return Script(events=(body,))
    half = body[: len(body) // 2]
    match fault.kind:
        case "slow_start":
            return Script(events=(body,), delay_s=fault.delay_s)
        case "malformed":
            return Script(events=(HTML_PAGE,))
        case "in_band":
            return Script(events=(error_body,))
        case "stall":
            return Script(events=(half,), end="hang")
        case _:
            return Script(events=(half,), end="cut")
