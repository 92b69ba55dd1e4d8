"""A gateway's process while it is measured: pinned to a core, its CPU time and memory read from /proc."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from peers import Peer

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 1e6
START_S = 90.0
"""The slowest of them takes half a minute on a busy machine."""


@dataclass(frozen=True, kw_only=True)
class Running:
    """A gateway that serves."""

    peer: Peer
    pid: int
    port: int
    path: str
    start_s: float
    """From the start of its process to its first answer."""

    def cpu_s(self) -> float:
        """Returns the CPU time, user and system, of its process and all below it, /proc/PID/stat."""
        return sum(TICK_S * sum(map(int, _stat(pid)[11:15])) for pid in _family(self.pid))

    def rss_mb(self) -> float:
        """Returns the resident memory of its process and all below it, megabytes."""
        return sum(PAGE_MB * int(_stat(pid)[21]) for pid in _family(self.pid))


@contextmanager
def serving(peer: Peer, work: Path, core: int) -> Iterator[Running]:
    """Yields the gateway as soon as it answers; kills it afterwards."""
    environment = {**os.environ, "MOCK_KEY": "k", "OPENBLAS_NUM_THREADS": "1", **peer.environment}
    output = work / f"{peer.name}.out"
    began_s = time.perf_counter()
    with output.open("wb") as log, pinned(peer.command, core, log.fileno(), environment) as process:
        port, path = _address(peer, output, began_s)
        _until_ready(f"http://127.0.0.1:{port}{peer.ready}", process, output, began_s)
        yield Running(peer=peer, pid=process.pid, port=port, path=path, start_s=time.perf_counter() - began_s)


@contextmanager
def pinned(
    command: tuple[str, ...], core: int, output: int = subprocess.DEVNULL, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Yields a process on one core, in a group of its own, and ends it."""
    process = subprocess.Popen(
        ["taskset", "-c", str(core), *command],
        stdout=output,
        stderr=output,
        env=environment,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):  # it ended by itself
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _address(peer: Peer, output: Path, began_s: float) -> tuple[int, str]:
    while not peer.port:
        _check_time(peer.name, began_s)
        line = next((line for line in output.read_text().splitlines() if line.startswith("http://")), None)
        if line is not None:
            return int(line.split(":")[2].partition("/")[0]), peer.path
        time.sleep(0.005)
    return peer.port, peer.path


def _until_ready(url: str, process: subprocess.Popen[bytes], output: Path, began_s: float) -> None:
    while True:
        _check_time(url, began_s)
        if process.poll() is not None:
            raise RuntimeError(f"it ended with {process.returncode} before it answered: {output.read_text()[-500:]}")
        try:
            urllib.request.urlopen(url, timeout=1).close()
        except urllib.error.HTTPError:
            return  # any answer will do
        except OSError:
            time.sleep(0.005)
        else:
            return


def _check_time(what: str, began_s: float) -> None:
    if time.perf_counter() - began_s > START_S:
        raise RuntimeError(f"`{what}` does not answer within {START_S:g} s of its start")


def _family(pid: int) -> list[int]:
    """Returns a process and all below it."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").iterdir():
            found += [int(child) for child in (task / "children").read_text().split()]
    return found


def _stat(pid: int) -> list[str]:
    """Returns the fields of /proc/PID/stat behind the name of the program: the state is the first."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
