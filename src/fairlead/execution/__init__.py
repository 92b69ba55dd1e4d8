"""Decision to Outcome: the only loop that retries and falls back."""

from fairlead.execution.advance import Call, Deliver, GiveUp, Move, advance, compares, ruled_out
from fairlead.execution.executor import Executor
from fairlead.execution.purse import Purse
from fairlead.execution.run import bill
from fairlead.execution.stream import Stream
from fairlead.execution.waiting import Waiting
from fairlead.providers.base import Limits

__all__ = [
    "Call",
    "Deliver",
    "Executor",
    "GiveUp",
    "Limits",
    "Move",
    "Purse",
    "Stream",
    "Waiting",
    "advance",
    "bill",
    "compares",
    "ruled_out",
]
