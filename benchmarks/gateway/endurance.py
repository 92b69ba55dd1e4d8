"""What only time shows: how fast our gateway starts, how its memory grows, and 500 slow streams at once."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import msgspec
from load import JSON, LATENCY, LONG, SLOW, STREAM, Answers
from peers import fresh_ledger
from process import serving

if TYPE_CHECKING:
    from pathlib import Path

    from load import Load
    from peers import Peer
    from process import Running

MIXED = ((JSON, 0.8), (STREAM, 0.18), (LONG, 0.02))
"""Load -> its share of the requests."""
N_STREAMS = 500


@dataclass(frozen=True, kw_only=True)
class Endurance:
    """What was seen of one gateway."""

    start_s: float
    """Median, from the start of the process to its first answer."""
    n_starts: int
    idle_mb: float
    grown_mb: dict[int, float]
    """Requests so far -> resident memory."""
    slow: Answers
    """The slow streams."""
    slow_mb: float
    """Resident memory after them."""
    beside: Answers
    """Requests that were made meanwhile."""
    failed: int
    """Of the mixed requests."""


def endured(load: Load, peer: Peer, work: Path, core: int, *, marks: tuple[int, ...], n_starts: int) -> Endurance:
    """Returns what a gateway of its own, freshly started, goes through."""
    starts = []
    for _ in range(n_starts):
        fresh_ledger(work)
        with serving(peer, work, core) as gateway:
            starts.append(gateway.start_s)
    fresh_ledger(work)
    with serving(peer, work, core) as gateway:
        idle_mb = gateway.rss_mb()
        grown_mb, failed = _grown(load, gateway, marks)
        slow, beside = _slow_streams(load, gateway)
        return Endurance(
            start_s=median(starts),
            n_starts=n_starts,
            idle_mb=idle_mb,
            grown_mb=grown_mb,
            slow=slow,
            slow_mb=gateway.rss_mb(),
            beside=beside,
            failed=failed,
        )


def _grown(load: Load, gateway: Running, marks: tuple[int, ...]) -> tuple[dict[int, float], int]:
    grown_mb, done, failed = {}, 0, 0
    for mark in marks:
        while done < mark:
            n = min(2000, mark - done)
            failed += sum(load.ask(gateway, scenario, n=round(n * share)).failed for scenario, share in MIXED)
            done += n
        grown_mb[mark] = gateway.rss_mb()
    return grown_mb, failed


def _slow_streams(load: Load, gateway: Running) -> tuple[Answers, Answers]:
    """Returns 500 streams of five seconds each, all open at once, and what one connection got beside them."""
    with subprocess.Popen(load.command(gateway, SLOW, n=N_STREAMS), stdout=subprocess.PIPE) as streaming:
        beside = load.ask(gateway, LATENCY, seconds=4)
        said, _ = streaming.communicate(timeout=120)
    return msgspec.json.decode(said, type=Answers), beside
