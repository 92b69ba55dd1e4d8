"""A running gateway on a loopback port, in front of a simulated host that can be made to fail."""

import asyncio
import shutil
from collections.abc import Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp
import msgspec
import pytest
import pytest_asyncio

from fairlead.config import load
from fairlead.gateway.app import application
from fairlead.gateway.setup import opened, prepare
from fairlead.gateway.state import Gateway
from fairlead.ledger.sqlite import SqliteLedger
from fairlead.providers.simulated import World
from fairlead.providers.upstream import Upstream, serving

HOST = """
[providers.host]
dialect = "{dialect}"
base_url = "{address}/{version}"
{host_settings}[models."host/albatross"]
price = {{ input_usd_per_mtok = 5, output_usd_per_mtok = 25 }}
capabilities = {{ {capabilities} }}
[models."host/wren"]
price = {{ input_usd_per_mtok = "0.1", output_usd_per_mtok = "0.4" }}
capabilities = {{ {capabilities} }}
"""

UNKNOWN = "context_tokens = 200000, max_output_tokens = 4096"
ABLE = "context_tokens = 200000, max_output_tokens = 64000, tools = true, vision = true, json_schema = true"

ASK = {"model": "auto", "messages": [{"role": "user", "content": "Prove that there are infinitely many primes."}]}


@dataclass(frozen=True)
class Answer:
    """A reply, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self):
        return msgspec.json.decode(self.body)

    @property
    def events(self):
        """The data of each event of a stream."""
        assert self.body.endswith(b"\n\n")
        return [event.removeprefix(b"data: ") for event in self.body.split(b"\n\n")[:-1]]


@dataclass
class Running:
    """A gateway that serves, and the host behind it."""

    url: str
    gateway: Gateway
    upstream: Upstream
    http: aiohttp.ClientSession

    async def post(self, path="/v1/chat/completions", json=ASK, **options):
        async with self.http.post(self.url + path, json=json, **options) as reply:
            return Answer(reply.status, reply.headers, await reply.read())

    def entries(self):
        return list(self.gateway.ledger.entries())

    def entry(self):
        (entry,) = self.entries()
        return entry

    async def until(self, condition):
        """Returns as soon as the condition holds."""
        async with asyncio.timeout(5):
            while not condition():  # noqa: ASYNC110 - what happens elsewhere tells nobody
                await asyncio.sleep(0.002)

    async def settled(self):
        """Returns the one entry as soon as it is settled."""
        await self.until(lambda: self.entries() and self.entry().status != "unsettled")
        return self.entry()


@pytest.fixture(scope="session")
def empty_ledger(tmp_path_factory):
    """A ledger without rows: copying it is faster than making the schema for each test."""
    path = tmp_path_factory.mktemp("ledger") / "empty.db"
    SqliteLedger.open(path)
    return path


@asynccontextmanager
async def started(
    folder, ledger, settings="", *, dialect="openai", host_settings="", plays=False, faults=None, time_scale=0.0
):
    """Yields a gateway with these settings, in front of a host with these faults.

    A host that `plays` calls tools and keeps to schemas, and its models are known to be able to.
    """
    async with AsyncExitStack() as stack:
        upstream = Upstream(World(seed=1, faults=faults), time_scale=time_scale, plays=plays)
        address = await stack.enter_async_context(serving(upstream))
        path = folder / "fairlead.toml"
        shutil.copy(ledger, folder / "fairlead.db")
        version = "v1beta" if dialect == "gemini" else "v1"
        host = HOST.format(
            address=address,
            dialect=dialect,
            version=version,
            host_settings=host_settings,
            capabilities=ABLE if plays else UNKNOWN,
        )
        path.write_text(host + settings)
        gateway = await stack.enter_async_context(opened(prepare(load(path, {}))))
        url = await stack.enter_async_context(serving(application(gateway)))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        yield Running(url, gateway, upstream, http)


@pytest.fixture
async def start(tmp_path, empty_ledger):
    """Starts a gateway of the test's own."""
    async with AsyncExitStack() as stack:

        async def start(*settings, **host):
            return await stack.enter_async_context(started(tmp_path, empty_ledger, *settings, **host))

        yield start


@pytest.fixture
async def running(start):
    """A gateway of the test's own, where nothing goes wrong."""
    return await start()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory, empty_ledger):
    """One gateway for all tests of a module that leave nothing behind in it."""
    async with started(tmp_path_factory.mktemp("shared"), empty_ledger) as running:
        yield running
