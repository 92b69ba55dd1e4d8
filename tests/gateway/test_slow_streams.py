"""One worker holds five hundred slow streams, all served whole, and readers that take nothing: memory stays bounded."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import msgspec
import pytest

from fairlead.drills.host import FaultyHost
from fairlead.drills.script import Pause, Send
from fairlead.drills.speech import LAST_CHUNK, N_TOKENS, TEXT, Speech, chunked
from fairlead.wire import sse

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc"),
]

CONFIG = """
[providers.host]
base_url = "{address}/v1"
[models."host/model"]
price = {{ input_usd_per_mtok = 1, output_usd_per_mtok = 10 }}
capabilities = {{ context_tokens = 100000, max_output_tokens = 4000, reasoning = false }}
[routes.auto]
objective = "order"
candidates = ["host/model"]
"""
SERVE = (sys.executable, "-c", "from fairlead.cli.main import main; main()", "serve", "--port", "0", "--config")
N_STREAMS = 500
STEP_TOKENS = 3
STEP_S = 0.4
FLOOD_BYTES = 20_000_000
N_STUCK = 10
PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 1e6


def conduct(call):
    """Streams slowly where that is asked for, floods where that is, and else answers at once."""
    asked = msgspec.json.decode(call.body)
    said = asked["messages"][-1]["content"]
    speech = Speech(dialect="chat", stream=asked.get("stream", False), model="model")
    if said == "slowly":
        events = speech.events
        steps = [events[i : i + STEP_TOKENS] for i in range(0, N_TOKENS, STEP_TOKENS)]
        paced = [act for step in steps for act in (Send(chunked(step)), Pause(STEP_S))]
        return (Send(speech.head()), *paced, Send(chunked(events[N_TOKENS:]) + LAST_CHUNK))
    if said == "much":
        piece = chunked(
            [sse.encode(b'{"id":"c","choices":[{"index":0,"delta":{"content":"%b"}}]}' % (b"x" * 10_000))] * 10
        )
        return (Send(speech.head()), *[Send(piece)] * (FLOOD_BYTES // len(piece)), Send(speech.rest(0)))
    return speech.answer()


@dataclass
class Served:
    url: str
    pid: int
    http: aiohttp.ClientSession

    def rss_mb(self):
        return int(Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1]) * PAGE_MB

    def asks(self, said, *, stream):
        body = {"model": "auto", "stream": stream, "messages": [{"role": "user", "content": said}]}
        return self.http.post(f"{self.url}/v1/chat/completions", json=body)

    async def whole(self, said, *, begun=None):
        """Returns the text of a stream, and whether it says that it ended."""
        content = b""
        async with self.asks(said, stream=True) as reply:
            async for piece in reply.content.iter_any():
                content += piece
                if begun is not None:
                    begun.release()
                    begun = None
        *events, last = [event.data for event in sse.Parser().feed(content)]
        choices = [choice for data in events for choice in msgspec.json.decode(data)["choices"]]
        return "".join(choice["delta"].get("content") or "" for choice in choices), last


@pytest.fixture
def serve(tmp_path):
    @asynccontextmanager
    async def serve():
        host = FaultyHost(script=conduct)
        async with host.serving() as address, aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
            path = tmp_path / "fairlead.toml"
            path.write_text(CONFIG.format(address=address), encoding="utf-8")
            process = await asyncio.create_subprocess_exec(*SERVE, str(path), stdout=asyncio.subprocess.PIPE)
            try:
                line = (await process.stdout.readline()).decode()
                url = re.search(r"http://[\d.:]+", line).group()
                served = Served(url, process.pid, http)
                for _ in range(20):
                    assert await served.whole("hello") == (TEXT, b"[DONE]")
                yield served
            finally:
                process.terminate()
                await process.wait()

    return serve


async def test_five_hundred_slow_streams_are_served_whole_while_others_are_answered(serve):
    async with serve() as gateway:
        before_mb, begun = gateway.rss_mb(), asyncio.Semaphore(0)
        streams = [asyncio.ensure_future(gateway.whole("slowly", begun=begun)) for _ in range(N_STREAMS)]
        for _ in range(N_STREAMS):
            await begun.acquire()
        for stream in (True, False) * 5:
            async with gateway.asks("hello", stream=stream) as reply:
                assert (reply.status, b"token59" in await reply.read()) == (200, True)
        assert not any(stream.done() for stream in streams)
        grown_mb = gateway.rss_mb() - before_mb
        assert await asyncio.gather(*streams) == [(TEXT, b"[DONE]")] * N_STREAMS
    assert grown_mb < N_STREAMS * 0.1  # megabytes; 21 were seen


async def test_readers_that_take_nothing_cost_no_memory_and_hold_nobody_up(serve):
    async with serve() as gateway:
        before_mb = gateway.rss_mb()
        stuck = [gateway.asks("much", stream=True) for _ in range(N_STUCK)]
        replies = [await reply.__aenter__() for reply in stuck]
        await asyncio.sleep(2.0)  # as long as all of it would take
        assert await gateway.whole("hello") == (TEXT, b"[DONE]")
        assert gateway.rss_mb() - before_mb < N_STUCK * FLOOD_BYTES / 1e6 / 4
        for reply in replies:
            reply.close()
