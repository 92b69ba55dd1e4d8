"""What an answer costs in instructions: a figure that no other load on the machine changes.

    python benchmarks/gateway/instructions.py [json|stream|long|latency|ttft ...]

The gateway and the bare pass-through run under valgrind, some fifty times slower, so a few hundred answers are counted.
Instructions are no time: a cold cache is not in them, nor what the kernel does. Two versions are compared by them to
the percent on a machine where CPU times differ by ten.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from load import SCENARIOS, UPSTREAM, Load
from peers import fairlead, pass_through
from process import serving

if TYPE_CHECKING:
    from load import Scenario
    from peers import Peer
    from process import Running

N_ANSWERS = {"json": 512, "stream": 256, "long": 128, "latency": 128, "ttft": 64}


def main() -> None:
    """Prints a line and its libraries for the loads named, or for all."""
    if shutil.which("valgrind") is None:
        sys.exit("`valgrind` is not installed; on Debian `apt-get install valgrind` brings it.")
    wanted = [scenario for scenario in SCENARIOS if scenario.name in sys.argv[1:] or not sys.argv[1:]]
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        load = Load(work, 1)
        with load.mock():
            for scenario in wanted:
                ours = counted(load, fairlead(work, UPSTREAM), work, scenario)
                told(scenario, ours, counted(load, pass_through(UPSTREAM), work, scenario))


def counted(load: Load, peer: Peer, work: Path, scenario: Scenario) -> Counter[str]:
    """Returns library -> instructions an answer, once what is made at the first requests is there."""
    out, n = work / f"{peer.name}-{scenario.name}", N_ANSWERS[scenario.name]
    valgrind = ("valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={out}")
    script = () if peer.command[0] == sys.executable else (sys.executable,)
    with serving(replace(peer, command=(*valgrind, *script, *peer.command)), work, 0) as gateway:
        load.ask(gateway, scenario, n=n)
        _control(gateway, "-i", "on")
        answers = load.ask(gateway, scenario, n=n)
        _control(gateway, "-i", "off")
        _control(gateway, "-d")
    if answers.failed:
        raise RuntimeError(f"{answers.failed} of {answers.n} answers of {peer.name} failed: {answers.why}")
    return Counter({library: cost // answers.n for library, cost in _by_library(Path(f"{out}.1")).items()})


def told(scenario: Scenario, ours: Counter[str], bare: Counter[str]) -> None:
    """Prints the instructions of one load, and the libraries that they are spent in."""
    total, least = ours.total(), bare.total()
    words = f"{total / 1e6:.2f} million instructions an answer, the pass-through {least / 1e6:.2f}"
    print(f"{scenario.name}: {words}, ratio {total / least:.2f}", flush=True)
    for library, cost in ours.most_common(8):
        print(f"  {cost / total:6.1%}  {library}")


def _control(gateway: Running, *words: str) -> None:
    subprocess.run(["callgrind_control", *words, str(gateway.pid)], check=True, capture_output=True)


def _by_library(path: Path) -> Counter[str]:
    """Returns library -> instructions of its own, from what callgrind wrote.

    A line of cost that follows one of `calls=` is what the callee took, which stands with the callee as well.
    """
    names: dict[str, str] = {}
    costs: Counter[str] = Counter()
    library, of_callee = "", False
    for line in path.read_text().splitlines():
        if line.startswith("ob="):
            key, _, name = line.removeprefix("ob=").partition(" ")
            library = names.setdefault(key, Path(name).name)
        elif line.startswith("cob="):
            key, _, name = line.removeprefix("cob=").partition(" ")
            names.setdefault(key, Path(name).name)
        elif line.startswith("calls="):
            of_callee = True
        elif line[:1].isdigit() or line[:1] in "+-*":
            if not of_callee:
                costs[library] += sum(map(int, line.split()[1:]))
            of_callee = False
    return costs


if __name__ == "__main__":
    main()
