"""What was made at the start stays until the end, so the collector of cycles need not look through it again.

A router, a catalogue and the modules behind them are some hundred thousand objects. With Python's own thresholds the
collector took an eighth of a busy gateway's CPU; a request leaves few cycles behind, since nearly all that it made goes
by its reference count.
"""

from __future__ import annotations

import gc

YOUNG = 20_000
"""Objects made and not yet gone before the youngest are looked at: those of some hundred requests."""


def settle() -> None:
    """Collects what is gone, and takes all that is left for permanent; again once a configuration has been replaced."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 10, 10)
