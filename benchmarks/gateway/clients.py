"""Holds our upstream client against aiohttp, without a gateway around them: `python benchmarks/gateway/clients.py`.

One process asks the mock through both in turn, 32 calls at once; what counts is its CPU for an answer. Seconds.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))  # these files are no package

import uvloop
from load import UPSTREAM, Load

from fairlead.gateway.hosts import transport_of
from fairlead.providers.base import Limits
from fairlead.providers.transport import Call

if TYPE_CHECKING:
    from fairlead.providers.transport import Transport

N_AT_ONCE = 32
N_EACH = 100
"""Answers that each of them asks for in a round."""
N_ROUNDS = 9
PROMPT = "word " * 180


def call(*, stream: bool) -> Call:
    """Returns what is asked."""
    flag = ',"stream":true' if stream else ""
    body = f'{{"model":"mock","messages":[{{"role":"user","content":"{PROMPT}"}}]{flag}}}'
    headers = {"content-type": "application/json", "authorization": "Bearer k"}
    url = f"http://127.0.0.1:{UPSTREAM}/v1/chat/completions"
    return Call(candidate="mock", url=url, body=body.encode(), headers=headers, stream=stream)


async def asked(transport: Transport, made: Call) -> None:
    """Returns when an answer is there, whole."""
    async with transport.post(made, Limits()) as reply:
        if made.stream:
            got = b""
            while piece := await reply.piece():
                got += piece
        else:
            got = await reply.body()
    if reply.status != 200 or b"heron" not in got:
        raise SystemExit(f"not an answer: {reply.status}, {got[:200]!r}")


async def cpu_us(transport: Transport, made: Call) -> float:
    """Returns the CPU of an answer, microseconds."""

    async def worker() -> None:
        for _ in range(N_EACH):
            await asked(transport, made)

    began_s = time.process_time()
    await asyncio.gather(*(worker() for _ in range(N_AT_ONCE)))
    return (time.process_time() - began_s) / (N_AT_ONCE * N_EACH) * 1e6


async def main() -> None:
    """Measures and prints."""
    ours, other = transport_of("lean"), transport_of("aiohttp")
    for stream in (False, True):
        made = call(stream=stream)
        rounds = [(await cpu_us(ours, made), await cpu_us(other, made)) for _ in range(N_ROUNDS + 1)][1:]
        ratios = sorted(a / b for a, b in rounds)
        best = [min(column) for column in zip(*rounds, strict=True)]
        print(
            f"{'stream' if stream else 'json'}: {best[0]:.0f} us, aiohttp {best[1]:.0f} us (best of {N_ROUNDS}); "
            f"ratio {median(ratios):.2f}, from {ratios[0]:.2f} to {ratios[-1]:.2f}; "
            f"{N_ROUNDS * N_AT_ONCE * N_EACH} answers each"
        )
    for transport in (ours, other):
        await transport.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, Load(Path(folder), max(os.sched_getaffinity(0))).mock():
        time.sleep(0.5)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main())
