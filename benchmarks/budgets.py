"""Does a hard budget hold among processes, and is nothing lost when one is killed under load?

python benchmarks/budgets.py crowd [--clients 200] [--processes 4] [--usd 1] [--url postgresql://user@host/empty-database]
python benchmarks/budgets.py kill [--clients 64] [--after 3] [--url ...]

Both run real gateways (`fairlead serve`) over one ledger, in front of a host of our own that writes down every call:
what it was asked and what it billed is the truth that the ledger is held to. `crowd` exits with 1 where a cent over the
budget was billed or less than 90 % of it was spent; `kill` where a reply that was received has no settled row, or a
call that reached the host is neither settled nor listed as unsettled with its bound.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import sys
import tempfile
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import msgspec
from aiohttp import web

from fairlead.ledger.opening import open_ledger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

INPUT_TOKENS = 60
USD_PER_MTOK = (Decimal(2), Decimal(8))
MAX_TOKENS = 256
CONFIGURATION = """
[server]
host = "127.0.0.1"
[ledger]
{ledger}
[providers.host]
dialect = "openai"
base_url = "{address}/v1"
[models."host/m"]
price = {{ input_usd_per_mtok = 2, output_usd_per_mtok = 8 }}
capabilities = {{ context_tokens = 128000, max_output_tokens = 4096 }}
[routes.auto]
budget = {{ usd = "{usd}", per = "total" }}
"""


@dataclass
class Host:
    """Answers after a moment, with a random number of tokens within the limit that it is told."""

    draws: random.Random = field(default_factory=lambda: random.Random(0))
    calls: list[str] = field(default_factory=list)
    """Names of the prompts that arrived."""
    billed_usd: Decimal = Decimal(0)

    async def answer(self, request: web.Request) -> web.Response:
        """Serves one call."""
        asked = await request.json()
        self.calls.append(asked["metadata"]["prompt_id"])
        output_tokens = self.draws.randint(20, min(MAX_TOKENS, asked.get("max_tokens", MAX_TOKENS)))
        await asyncio.sleep(self.draws.uniform(0.01, 0.08))
        self.billed_usd += (INPUT_TOKENS * USD_PER_MTOK[0] + output_tokens * USD_PER_MTOK[1]) / 1_000_000
        usage = {
            "prompt_tokens": INPUT_TOKENS,
            "completion_tokens": output_tokens,
            "total_tokens": INPUT_TOKENS + output_tokens,
        }
        message = {"index": 0, "message": {"role": "assistant", "content": "Yes."}, "finish_reason": "stop"}
        body = {
            "id": "c",
            "object": "chat.completion",
            "created": 1,
            "model": "m",
            "choices": [message],
            "usage": usage,
        }
        return web.json_response(body)


@dataclass
class Seen:
    """What clients got."""

    replies: list[str] = field(default_factory=list)
    """Ids of the requests whose answer came whole."""
    statuses: dict[int, int] = field(default_factory=dict)


@asynccontextmanager
async def listening(host: Host) -> AsyncIterator[str]:
    """Yields the address of the host."""
    app = web.Application()
    app.router.add_post("/v1/chat/completions", host.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@asynccontextmanager
async def gateway(folder: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """Yields the process of a gateway, and its address."""
    code = "from fairlead.cli.main import main; main()"
    command = [sys.executable, "-c", code, "serve", "--config", str(folder / "fairlead.toml"), "--port", "0"]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    address = (await process.stdout.readline()).decode().split()[3].rstrip(";")
    try:
        yield process, address
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()


async def client(http: aiohttp.ClientSession, address: str, name: str, seen: Seen, until_s: float) -> None:
    """Asks until the budget is spent, the time is over, or the gateway is gone."""
    n = 0
    while time.monotonic() < until_s:
        n += 1
        body = {
            "model": "auto",
            "messages": [{"role": "user", "content": "Is the tide out?"}],
            "max_tokens": MAX_TOKENS,
            "metadata": {"prompt_id": f"{name}-{n}"},
        }
        try:
            async with http.post(f"{address}/v1/chat/completions", json=body) as reply:
                await reply.read()
                seen.statuses[reply.status] = seen.statuses.get(reply.status, 0) + 1
                if reply.status == 200:
                    seen.replies.append(reply.headers["x-fairlead-request-id"])
                if reply.status == 402:
                    return
                if reply.status == 429:
                    await asyncio.sleep(0.2)
        except aiohttp.ClientError:
            return


async def crowd(given: argparse.Namespace, folder: Path) -> bool:
    """Says whether a budget held among processes, and was spent."""
    host, seen = Host(), Seen()
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(listening(host))
        configure(given, folder, address, given.usd)
        running = [await stack.enter_async_context(gateway(folder)) for _ in range(given.processes)]
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        start = time.monotonic()
        asking = (
            client(http, running[i % len(running)][1], f"c{i}", seen, start + given.limit_s)
            for i in range(given.clients)
        )
        await asyncio.gather(*asking)
        took_s = time.monotonic() - start
    ledger = open_ledger(place(given, folder), create=False)
    kept = sum((entry.cost_usd or Decimal(0) for entry in ledger.entries()), Decimal(0))
    ((spent, held),) = ledger.keys.used(["usd/route:auto/total"]).values()
    await ledger.close()
    print(
        f"{given.clients} clients, {given.processes} processes, ${given.usd}:"
        f" {len(seen.replies)} answers, {took_s:.1f} s"
    )
    print(
        f"  billed by the host ${host.billed_usd:f}; in the ledger ${kept:f}; counted ${spent:f}, still held ${held:f}"
    )
    print(f"  statuses {dict(sorted(seen.statuses.items()))}; spent {100 * host.billed_usd / given.usd:.2f} %")
    ok = host.billed_usd == kept == spent <= given.usd and held == 0
    return ok and host.billed_usd >= Decimal("0.9") * given.usd


async def kill(given: argparse.Namespace, folder: Path) -> bool:
    """Says whether everything that was called or answered before a `kill -9` is in the ledger."""
    host, seen = Host(), Seen()
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(listening(host))
        configure(given, folder, address, Decimal(1000))
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        async with gateway(folder) as (process, url):
            until_s = time.monotonic() + 60
            asking = asyncio.gather(*(client(http, url, f"c{i}", seen, until_s) for i in range(given.clients)))
            await asyncio.sleep(given.after)
            process.kill()
            await asking
        n_before = len(seen.replies)
        async with gateway(folder) as (_, url):  # it starts again, and serves
            await client(http, url, "again", seen, time.monotonic() + 0.5)
    ledger = open_ledger(place(given, folder), create=False)
    entries = {entry.request_id: entry for entry in ledger.entries()}
    prompts = {entry.prompt_id for entry in entries.values()}
    unsettled = {entry.request_id for entry in entries.values() if entry.status == "unsettled"}
    lost_replies = [rid for rid in seen.replies if rid not in entries or entries[rid].status != "delivered"]
    lost_calls = [name for name in host.calls if name not in prompts]
    unbounded = [rid for rid in unsettled if entries[rid].reserved_usd is None]
    settled_usd = sum((entry.cost_usd or Decimal(0) for entry in entries.values()), Decimal(0))
    ((spent, held),) = ledger.keys.used(["usd/route:auto/total"]).values()
    holding = {hold.request_id for hold in ledger.keys.held()}
    held_usd = sum((hold.usd for hold in ledger.keys.held()), Decimal(0))
    await ledger.close()
    print(f"killed after {given.after} s: {n_before} replies received, {len(host.calls)} calls at the host")
    print(f"  replies without a settled row: {len(lost_replies)}; calls in no row: {len(lost_calls)}")
    print(
        f"  unsettled {len(unsettled)}, each with its bound: {not unbounded}, each still held: {holding == unsettled}"
    )
    print(f"  budget: counted ${spent:f} (rows ${settled_usd:f}), held ${held:f} (holds ${held_usd:f})")
    adds_up = spent == settled_usd and held == held_usd and holding == unsettled
    return not (lost_replies or lost_calls or unbounded) and adds_up and n_before > 0


def place(given: argparse.Namespace, folder: Path) -> str:
    """Returns where the ledger is."""
    return given.url or str(folder / "fairlead.db")


def configure(given: argparse.Namespace, folder: Path, address: str, usd: Decimal) -> None:
    """Writes the configuration of every gateway."""
    ledger = "" if given.url is None else f"url = {msgspec.json.encode(given.url).decode()}"
    (folder / "fairlead.toml").write_text(CONFIGURATION.format(ledger=ledger, address=address, usd=usd))


def main() -> None:
    """Runs one of them; exits with 1 where it does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["crowd", "kill"])
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--usd", type=Decimal, default=Decimal(1))
    parser.add_argument("--after", type=float, default=3.0, help="seconds until the kill")
    parser.add_argument("--limit-s", type=float, default=120.0)
    parser.add_argument("--url", help="a database in place of a file")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        held = asyncio.run({"crowd": crowd, "kill": kill}[given.what](given, Path(name)))
    print("holds" if held else "DOES NOT HOLD")
    sys.exit(not held)


if __name__ == "__main__":
    main()
