"""Our own description of the gateway is complete, and nothing that fits it, or nearly does, breaks the gateway."""

import asyncio
import inspect
import re
import threading
from contextlib import AsyncExitStack, contextmanager
from functools import partial

import hypothesis
import msgspec
import pytest
import schemathesis
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from fairlead.config import load
from fairlead.gateway import openapi
from fairlead.gateway.app import application
from fairlead.gateway.setup import opened, prepare
from fairlead.providers.upstream import serving

CONFIG = """
[providers.simulated]
dialect = "simulated"
time_scale = 0
"""


def test_every_path_and_method_is_described():
    routes = re.findall(r'Route\("([^"]+)".*?methods=\["(\w+)"\]', inspect.getsource(application))
    described = {(path, made.method.upper()) for path, made in openapi.OPERATIONS.items()}
    codecs = {
        ("/v1/chat/completions", "POST"),
        ("/v1/responses", "POST"),
        ("/v1/messages", "POST"),
        ("/v1/embeddings", "POST"),
    }
    assert {(path.replace(":path", ""), method) for path, method in routes} | codecs == described


@contextmanager
def running(folder):
    """Serves a gateway over simulated models in a thread of its own."""
    path = folder / "fairlead.toml"
    path.write_text(CONFIG)
    ready, address = threading.Event(), []

    async def serve():
        async with AsyncExitStack() as stack:
            gateway = await stack.enter_async_context(opened(prepare(load(path, {}))))
            address.append(await stack.enter_async_context(serving(application(gateway))))
            ready.set()
            await asyncio.to_thread(stop.wait)

    stop = threading.Event()
    thread = threading.Thread(target=partial(asyncio.run, serve()))
    thread.start()
    try:
        assert ready.wait(10)
        yield address[0]
    finally:
        stop.set()
        thread.join()


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with running(tmp_path_factory.mktemp("gateway")) as address:
        yield address


SCHEMA = schemathesis.openapi.from_dict(msgspec.json.decode(openapi.document()))
OPERATIONS = [result.ok() for result in SCHEMA.get_all_operations()]


CHECKS = (not_a_server_error, content_type_conformance, response_schema_conformance)
MODELS = ("auto", "auto:quality", "simulated/wren", "")
"""So that not every request ends at an unknown model; of the last one it is left as it was drawn."""


@pytest.mark.parametrize("n", [12, pytest.param(60, marks=pytest.mark.slow)])
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_no_request_breaks_the_gateway(address, operation, n):
    @hypothesis.settings(max_examples=n, suppress_health_check=list(hypothesis.HealthCheck))
    @hypothesis.given(data=st.data())
    def check(data):
        mode = data.draw(st.sampled_from(list(GenerationMode)))
        case = data.draw(operation.as_strategy(generation_mode=mode))
        if isinstance(case.body, dict) and (model := data.draw(st.sampled_from(MODELS))):
            case.body["model"] = model
        case.validate_response(case.call(base_url=address, timeout=10), checks=CHECKS)

    check()
