"""A configuration that changes under a running gateway: taken up whole between two requests, or not at all."""

import asyncio
import os
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp
import pytest

from fairlead.artifact import MANIFEST
from fairlead.config import load
from fairlead.errors import ConfigError
from fairlead.gateway import noticing
from fairlead.gateway.app import application
from fairlead.gateway.reload import FIXED, Reloading, refuse_fixed
from fairlead.gateway.setup import opened, prepare
from fairlead.providers.simulated import World
from fairlead.providers.upstream import Upstream, serving

HEAD = """
[providers.host]
base_url = "{address}/v1"
"""
MODEL = """
[models."host/{}"]
price = {{ input_usd_per_mtok = 1, output_usd_per_mtok = 2 }}
"""
ASK = {"model": "auto", "messages": [{"role": "user", "content": "Hello"}]}


@dataclass
class Place:
    """A gateway that reloads, and its file."""

    reloading: Reloading
    path: object
    head: str
    url: str
    http: aiohttp.ClientSession
    upstream: Upstream

    def write(self, *models, more=""):
        self.path.write_text(self.head + "".join(map(MODEL.format, models)) + more)

    async def ask(self, **fields):
        async with self.http.post(f"{self.url}/v1/chat/completions", json=ASK | fields) as reply:
            return reply.status, await reply.json()

    async def ready(self):
        async with self.http.get(f"{self.url}/health/ready") as reply:
            return (await reply.json())["configuration"]


@asynccontextmanager
async def build(_setup, gateway):
    yield application(gateway)


@asynccontextmanager
async def running(folder, *, time_scale=0.0):
    async with AsyncExitStack() as stack:
        upstream = Upstream(World(seed=1), time_scale=time_scale)
        address = await stack.enter_async_context(serving(upstream))
        path = folder / "fairlead.toml"
        place = Place(None, path, HEAD.format(address=address), "", None, upstream)
        place.write("heron")

        def read():
            return prepare(load(path, os.environ))

        setup = read()
        gateway = await stack.enter_async_context(opened(setup))
        place.reloading = Reloading(gateway, setup, application(gateway), build=build, again=read)
        stack.push_async_callback(place.reloading.aclose)
        place.url = await stack.enter_async_context(serving(place.reloading))
        place.http = await stack.enter_async_context(aiohttp.ClientSession())
        yield place


@pytest.fixture
async def place(tmp_path):
    async with running(tmp_path) as place:
        yield place


async def test_a_new_configuration_serves_from_the_next_request_on(place):
    assert (await place.ask())[1]["model"] == "host/heron"
    place.write("wren")
    assert await place.reloading.reload()
    assert (await place.ask())[1]["model"] == "host/wren"
    assert (await place.ask(model="host/heron"))[0] == 404
    told = await place.ready()
    assert (told["reloads"], told["refused"], told["error"]) == (1, 0, None)
    assert told["hash"] == place.reloading.setup.config.hash
    hashes = [entry.config_hash for entry in place.reloading.gateway.ledger.entries()]
    assert len(hashes) == len(set(hashes)) == 2


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("[routes.auto]\nreference = 'host/none'\n", "which is no configured model"),
        ("[server]\nport = 1234\n", "`server.port` cannot change while the gateway runs"),
        ("[ledger]\npath = 'elsewhere.db'\n", "`ledger.path` cannot change while the gateway runs"),
        ("[providers.openai]\napi_key_env = 'NOT_SET_AT_ALL'\n", "NOT_SET_AT_ALL"),
        ("half a line", "is not TOML"),
    ],
)
async def test_one_that_would_not_run_changes_nothing_and_is_told(place, caplog, more, message):
    place.write("wren", more=more)
    before = place.reloading.gateway
    assert not await place.reloading.reload()
    assert place.reloading.gateway is before
    assert (await place.ask())[1]["model"] == "host/heron"
    told = await place.ready()
    assert message in told["error"]
    assert (told["reloads"], told["refused"]) == (0, 1)
    assert "configuration_refused" in caplog.text
    place.write("wren")
    assert await place.reloading.reload()
    assert (await place.ready())["error"] is None


async def test_a_bug_while_reading_leaves_the_gateway_as_it_was(place):
    def broken():
        raise ZeroDivisionError

    place.reloading._again = broken
    assert not await place.reloading.reload()
    assert "ZeroDivisionError" in (await place.ready())["error"]
    assert (await place.ask())[0] == 200


async def test_a_request_in_flight_ends_on_the_configuration_it_began_with(tmp_path):
    async with running(tmp_path, time_scale=0.05) as place:
        old = place.reloading.gateway
        asking = asyncio.create_task(place.ask())
        while not place.upstream.attempts:  # noqa: ASYNC110 - the host tells nobody
            await asyncio.sleep(0.002)
        place.write("wren")
        assert await place.reloading.reload()
        status, reply = await asking
        assert (status, reply["model"]) == (200, "host/heron")
        await asyncio.gather(*place.reloading._closing)
        assert old.executor.providers is not place.reloading.gateway.executor.providers
        assert (await place.ask())[1]["model"] == "host/wren"


async def test_what_is_known_of_a_host_goes_on_unless_it_is_another_host(place):
    await place.ask()
    hosts = place.reloading.gateway.executor.hosts
    known = hosts["host/heron"]
    place.write("heron", "wren")
    await place.reloading.reload()
    assert place.reloading.gateway.executor.hosts is hosts
    assert hosts["host/heron"] is known
    place.head = place.head.replace("/v1", "/v1/")
    place.write("heron", "wren")
    await place.reloading.reload()
    assert hosts["host/heron"] is not known


async def test_a_model_that_comes_back_is_known_by_what_the_ledger_holds(place):
    for _ in range(3):
        await place.ask()
    place.write("wren")
    assert await place.reloading.reload()
    hosts = place.reloading.gateway.executor.hosts
    assert "host/heron" not in hosts.known()
    place.write("wren", "heron")
    assert await place.reloading.reload()
    assert len(hosts.known()["host/heron"].latency_s) == 3


async def test_metrics_count_on_and_show_the_new_models(place):
    await place.ask()
    place.write("heron", more='[models."host/wren"]\n')
    await place.reloading.reload()
    text = place.reloading.gateway.metrics.text().decode()
    assert 'fairlead_price_unknown{model="host/wren"} 1' in text
    assert 'model="host/heron",reason="no_evidence",status="delivered"} 1' in text


def test_every_fixed_setting_exists(tmp_path):
    (tmp_path / "fairlead.toml").write_text('[providers.host]\nbase_url = "http://x"\n[models."host/x"]\n')
    config = load(tmp_path / "fairlead.toml", {})
    for table, settings in FIXED.items():
        assert set(settings or ()) <= set(getattr(config, table).__struct_fields__)
    with pytest.raises(ConfigError, match=r"`ledger\.url` cannot change"):
        refuse_fixed(config, config.overridden(ledger="postgresql://me@host/secret"))


async def test_a_changed_file_is_taken_up_within_the_interval(place):
    async with noticing.noticing(place.reloading, poll_s=0.01):
        await asyncio.sleep(0.03)
        assert (await place.ready())["reloads"] == 0
        place.write("wren")
        async with asyncio.timeout(5):
            while (await place.ready())["reloads"] == 0:  # noqa: ASYNC110 - what happens elsewhere tells nobody
                await asyncio.sleep(0.005)
        assert (await place.ask())[1]["model"] == "host/wren"


def test_the_files_of_a_configuration_are_itself_its_routers_and_its_prices(tmp_path):
    path = tmp_path / "fairlead.toml"
    path.write_text(
        '[providers.host]\nbase_url = "http://x"\n[models."host/x"]\n[routes.auto]\nrouter = "mine"\n'
        '[prices]\nsecond_source = "prices.json"\n'
    )
    files = noticing.files_of(load(path, {}))
    assert files == (path, tmp_path / "mine" / MANIFEST, tmp_path / "prices.json")
    assert list(noticing.look(files).values())[1:] == [None, None]
