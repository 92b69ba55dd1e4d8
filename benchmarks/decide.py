"""How long deciding takes, and what it weighs: prints a table, asserts nothing.

Everything runs on one core, over a router fitted to a made-up table: 20 candidates, prompts of 1,000 characters.
"""

from __future__ import annotations

import os

os.environ |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter_ns
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from fairlead import Request, bulk, fit
from fairlead.testing import make_outcomes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead import Router

N_CANDIDATES = 20
N_CHARS = 1_000
N_WORDS = 20_000
"""Different words in all prompts."""
N_ROUTES = 5_000
"""Timed one by one, twice: in the first ones most words are met for the first time, and looked up from then on."""
N_ROWS = 20_000
MODULES = ("fairlead", "fairlead.router", "fairlead.gateway.server")


def main() -> None:
    """Measures and prints."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    table = Table("measure", "value", title=f"{N_CANDIDATES} candidates, prompts of {N_CHARS} characters, one core")
    for measure, value in measures():
        table.add_row(measure, value)
    Console().print(table)


def measures() -> Iterator[tuple[str, str]]:
    """Yields what was measured, in words."""
    for module in MODULES:
        seconds, mib = importing(module)
        yield f"import {module}", f"{1000 * seconds:.0f} ms, {mib:.0f} MiB resident"
    router = fit(make_outcomes(600, [f"model-{j}" for j in range(N_CANDIDATES)], seed=0), seed=0)
    texts = prompts(max(2 * N_ROUTES, N_ROWS), seed=1)
    for which, some in {"first": texts[:N_ROUTES], "next": texts[N_ROUTES : 2 * N_ROUTES]}.items():
        p50, p99 = np.percentile(routing_s(router, some), [50, 99])
        yield f"Router.route, the {which} {N_ROUTES:,}, p50 and p99", f"{1e6 * p50:.0f} us, {1e6 * p99:.0f} us"
    yield "Router.decide, batches", f"{N_ROWS / deciding_s(router, texts[:N_ROWS]):,.0f} rows/s"
    yield "bulk.decide_file, to Parquet", f"{N_ROWS / bulk_s(router, texts[:N_ROWS]):,.0f} rows/s"
    yield "most memory in all this", f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB resident"


def importing(module: str) -> tuple[float, float]:
    """Returns seconds and MiB of a fresh Python that imports `module`, the interpreter's own start left out."""
    code = (  # not `ru_maxrss`: a child begins with its parent's
        "import os, time; start = time.perf_counter(); "
        f"import {module}; "
        "pages = int(open('/proc/self/statm').read().split()[1]); "
        "print(time.perf_counter() - start, pages * os.sysconf('SC_PAGE_SIZE') / 2**20)"
    )
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(5)]
    seconds, mib = np.median([[float(number) for number in run.stdout.split()] for run in runs], axis=0)
    return float(seconds), float(mib)


def prompts(n: int, *, seed: int) -> list[str]:
    """Returns `n` different prompts of `N_CHARS` characters, of made-up words that follow Zipf's law."""
    rng = np.random.default_rng(seed)
    syllables = np.array(
        [a + b for a in "bcdfghklmnprstvw" for b in ("a", "e", "i", "o", "u", "an", "er", "ing", "st")]
    )
    parts = rng.integers(0, len(syllables), (N_WORDS, 3))
    words = np.array(["".join(syllables[part[: 1 + i % 3]]) for i, part in enumerate(parts)])
    frequency = 1 / np.arange(3, N_WORDS + 3)
    chosen = rng.choice(N_WORDS, (n, N_CHARS // 3), p=frequency / frequency.sum())
    return [" ".join(words[row])[:N_CHARS] for row in chosen]


def routing_s(router: Router, texts: list[str]) -> list[float]:
    """Returns the seconds of each decision, one request at a time, decoding not counted."""
    requests = [Request.from_prompt(text) for text in texts]
    taken = []
    for request in requests:
        start = perf_counter_ns()
        router.route(request)
        taken.append((perf_counter_ns() - start) / 1e9)
    return taken


def deciding_s(router: Router, texts: list[str]) -> float:
    """Returns the seconds for all texts in batches."""
    start = perf_counter_ns()
    for at in range(0, len(texts), bulk.ROWS_PER_BATCH):
        router.decide([Request.from_prompt(text) for text in texts[at : at + bulk.ROWS_PER_BATCH]])
    return (perf_counter_ns() - start) / 1e9


def bulk_s(router: Router, texts: list[str]) -> float:
    """Returns the seconds from a Parquet file of prompts to one of decisions."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "prompts.parquet")
        pq.write_table(pa.table({"prompt_id": np.arange(len(texts)), "prompt": texts}), source)
        start = perf_counter_ns()
        bulk.decide_file(router, source, Path(folder, "decisions.parquet"))
        return (perf_counter_ns() - start) / 1e9


if __name__ == "__main__":
    main()
