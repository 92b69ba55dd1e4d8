"""Holds the gateway against others: `python benchmarks/gateway/run.py` writes RESULTS.md beside this file.

Takes about ten minutes on two cores, `--quick` about three; peers are installed by the first run. One core serves, the
other asks and answers.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # these files are no package

import page
import peers
from endurance import endured
from load import UPSTREAM, Load
from process import serving
from rounds import measured

OUT = Path(__file__).with_name("RESULTS.md")


def main() -> None:
    """Measures, prints and writes."""
    given = _arguments()
    began_s = time.perf_counter()
    gateway_core, load_core = _cores()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        work = Path(folder)
        os.sched_setaffinity(0, {load_core})
        load = Load(work, load_core)
        stack.enter_context(load.mock())
        found, missing = peers.available(work, UPSTREAM)
        found = [peer for peer in found if given.only is None or peer.name in given.only]
        ours = next(peer for peer in found if peer.name == "Fairlead")
        marks = (1_000, 5_000) if given.quick else (10_000, 50_000)
        endurance = None
        if not given.no_endurance:
            endurance = endured(load, ours, work, gateway_core, marks=marks, n_starts=3 if given.quick else 7)
        running = [stack.enter_context(serving(peer, work, gateway_core)) for peer in found]
        n_rounds, seconds = (2, 1.0) if given.quick else (given.rounds, given.seconds)
        runs = measured(load, running, n_rounds=n_rounds, seconds=seconds, say=lambda told: print(told, flush=True))
        written = page.page(
            runs,
            endurance,
            running,
            missing,
            settings=f"{n_rounds} rounds of {seconds:g} s a gateway and load",
            command=shlex.join(["python", "benchmarks/gateway/run.py", *sys.argv[1:]]),
            taken_s=time.perf_counter() - began_s,
        )
    print(written)
    if given.out is not None:
        given.out.write_text(written)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two short rounds, a tenth of the requests")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=2.5)
    parser.add_argument("--only", nargs="*", help="names of the gateways to run")
    parser.add_argument("--no-endurance", action="store_true", help="neither starts, nor memory, nor slow streams")
    parser.add_argument("--out", type=Path, help="where the page goes; else it is only printed")
    return parser.parse_args()


def _cores() -> tuple[int, int]:
    cores = sorted(os.sched_getaffinity(0))
    return cores[0], cores[-1]


if __name__ == "__main__":
    main()
