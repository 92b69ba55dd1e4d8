"""A running gateway on a loopback port, over simulated models."""

from contextlib import AsyncExitStack

import pytest

from fairlead.config import load
from fairlead.gateway.app import application
from fairlead.gateway.setup import opened, prepare
from fairlead.providers.upstream import serving

SIMULATED = """
[providers.sim]
dialect = "simulated"
time_scale = 0
"""


@pytest.fixture
async def started(tmp_path):
    """Starts gateways; returns address and gateway."""
    async with AsyncExitStack() as stack:

        async def start(text: str = SIMULATED):
            path = tmp_path / "fairlead.toml"
            path.write_text(text)
            gateway = await stack.enter_async_context(opened(prepare(load(path, {}))))
            return await stack.enter_async_context(serving(application(gateway))), gateway

        yield start
