"""Canaries: a word of its own in each input, looked for in everything that the gateway writes, shows or tells."""

import asyncio
import logging
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

import aiohttp
import msgspec
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from fairlead.config import load
from fairlead.gateway.app import application
from fairlead.gateway.setup import opened, prepare
from fairlead.observers import Observers
from fairlead.observers.logs import RequestLog
from fairlead.observers.traces import Traces
from fairlead.providers.openai import OpenAI
from fairlead.providers.upstream import serving
from fairlead.router import Router

PROVIDER_KEY = "canary-provider-key"
BEARER = "canary-bearer-token"
X_API_KEY = "canary-x-api-key"
QUERY = "canary-in-the-query"
PROMPT = "canary-in-the-prompt"
OURS = (PROVIDER_KEY,)
"""Secrets of the installation: nobody may see them, not even the caller."""
CALLERS = (BEARER, X_API_KEY, QUERY)
"""Secrets of the caller: they go nowhere."""

CONFIG = """
[providers.host]
base_url = "http://{address}/v1"
api_key_env = "HOST_KEY"
[models."host/one"]
price = {{ input_usd_per_mtok = 1, output_usd_per_mtok = 2 }}
capabilities = {{ context_tokens = 200000, max_output_tokens = 4096, vision = true, tools = true }}
[models."gone/two"]
price = {{ input_usd_per_mtok = 1, output_usd_per_mtok = 1 }}
capabilities = {{ context_tokens = 200000, max_output_tokens = 4096, vision = true, tools = true }}
[providers.gone]
base_url = "http://127.0.0.1:9/v1"
api_key_env = "HOST_KEY"
[limits]
retries = 0
"""

WAYS = ("answer", "refuse", "reject", "break", "html", "garbage", "in_band", "no_stream")
BODIES = {
    "/v1/chat/completions": lambda said: {
        "messages": [{"role": "system", "content": said}, {"role": "user", "content": said}]
    },
    "/v1/messages": lambda said: {"max_tokens": 9, "messages": [{"role": "user", "content": said}]},
    "/v1/responses": lambda said: {"input": said},
}


class Echo:
    """A host that quotes whatever it is sent: in answers, in refusals, in errors within a stream."""

    def __init__(self):
        self.headers = b""

    async def __call__(self, scope, receive, send):
        body = b""
        while (message := await receive()) and message["type"] == "http.request":
            body += message["body"]
            if not message.get("more_body"):
                break
        self.headers += repr(scope["headers"]).encode()
        told = f"you sent {scope['headers']} to {scope['path']} with {body.decode()}"
        status, kind, reply = self.reply(body, told)
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", kind)]})
        await send({"type": "http.response.body", "body": reply})

    def reply(self, body, told):
        error = msgspec.json.encode({"error": {"message": told[-400:] + PROVIDER_KEY, "code": PROVIDER_KEY}})
        way = next(way for way in WAYS if f"do:{way} ".encode() in body)
        stream = msgspec.json.decode(body).get("stream")
        events = b"text/event-stream" if stream else b"application/json"
        return {
            "answer": (200, events, streamed(told) if stream else completion(told)),
            "in_band": (200, events, chunk("so") + b"data: " + error + b"\n\n" if stream else error),
            "no_stream": (200, b"application/json", error),
            "garbage": (200, events, b"data: {" + told.encode() + b"\n\n"),
            "html": (502, b"text/html", told.encode()),
            "refuse": (400, b"application/json", error),
            "reject": (401, b"application/json", error),
            "break": (500, b"application/json", error),
        }[way]


def chunk(text, finish=None):
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return b"data: " + msgspec.json.encode({"id": "x", "model": "one", "choices": [choice]}) + b"\n\n"


def streamed(text):
    return chunk(text) + chunk("", finish="stop") + b"data: [DONE]\n\n"


def completion(text):
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 3, "completion_tokens": 4}
    return msgspec.json.encode({"id": "x", "model": "one", "choices": [choice], "usage": usage})


@dataclass
class Watched:
    """A gateway, and all that can be seen of it."""

    url: str
    http: aiohttp.ClientSession
    echo: Echo
    folder: object
    spans: InMemorySpanExporter
    gateway: object

    async def ask(self, path, said, *, stream, model="auto"):
        headers = {"authorization": f"Bearer {BEARER}", "x-api-key": X_API_KEY}
        body = {"model": model, "stream": stream, **BODIES[path](said)}
        async with self.http.post(f"{self.url}{path}?key={QUERY}", json=body, headers=headers) as reply:
            return f"{reply.status} {dict(reply.headers)}".encode() + await reply.read()

    async def places(self, caplog):
        """Returns all that the gateway wrote or shows, by where."""
        async with self.http.get(f"{self.url}/metrics") as reply:
            metrics = await reply.read()
        stored = {path.name: path.read_bytes() for path in self.folder.iterdir() if path.name != "fairlead.toml"}
        assert any(stored.values())
        spans = "".join(span.to_json() for span in self.spans.get_finished_spans())
        logs = caplog.text + repr([(record.args, record.exc_info) for record in caplog.records])
        shown = repr(self.gateway)
        return {"metrics": metrics, "traces": spans.encode(), "logs": logs.encode(), "repr": shown.encode(), **stored}


@asynccontextmanager
async def watched(folder):
    echo, spans = Echo(), InMemorySpanExporter()
    tracer = TracerProvider()
    tracer.add_span_processor(SimpleSpanProcessor(spans))
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(serving(echo))
        path = folder / "fairlead.toml"
        path.write_text(CONFIG.format(address=address.removeprefix("http://")))
        gateway = await stack.enter_async_context(opened(prepare(load(path, {"HOST_KEY": PROVIDER_KEY}))))
        observers = Observers([gateway.metrics, RequestLog(), Traces(tracer)])
        gateway = replace(gateway, observers=observers)
        url = await stack.enter_async_context(serving(application(gateway)))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        yield Watched(url, http, echo, folder, spans, gateway)


@pytest.fixture
async def place(tmp_path):
    async with watched(tmp_path) as place:
        yield place


def told(places, words):
    """Returns where any of these words stands."""
    return [(name, word) for name, content in places.items() for word in words if word.encode() in content]


async def test_no_secret_and_no_prompt_is_written_anywhere(place, caplog):
    caplog.set_level(logging.DEBUG)  # everybody's loggers, before anything is blackened
    replies = {}
    for path in BODIES:
        for way in WAYS:
            for stream in (False, True):
                said = f"do:{way} {PROMPT}"
                replies[f"{path} {way} {stream}"] = await place.ask(path, said, stream=stream, model="host/one")
    replies["nobody there"] = await place.ask(
        "/v1/chat/completions", f"do:answer {PROMPT}", stream=False, model="gone/two"
    )
    answers = {name: reply for name, reply in replies.items() if " answer " in name}
    assert all(PROMPT.encode() in answer for answer in answers.values())  # the host did answer, with all it was sent
    errors = {name: reply for name, reply in replies.items() if name not in answers}
    assert told(errors, OURS + CALLERS) == []
    assert told(await place.places(caplog), (*OURS, *CALLERS, PROMPT)) == []
    assert not any(secret.encode() in place.echo.headers for secret in CALLERS)
    assert len(place.spans.get_finished_spans()) > len(replies)


async def test_what_breaks_inside_takes_no_secret_with_it(place, caplog, monkeypatch):
    caplog.set_level(logging.DEBUG)

    def quoting(*_args, **_kwargs):
        raise ValueError(f"{PROMPT} {PROVIDER_KEY}")

    said = f"do:answer {PROMPT}"
    with monkeypatch.context() as broken:
        broken.setattr(OpenAI, "encode", quoting)
        replies = {"adapter": await place.ask("/v1/chat/completions", said, stream=False)}
    with monkeypatch.context() as broken:
        broken.setattr(Router, "_decided", quoting)
        replies["router"] = await place.ask("/v1/chat/completions", said.replace("answer", "break"), stream=False)
    with monkeypatch.context() as broken:
        broken.setattr(type(place.gateway.sessions), "state", quoting)
        replies["sessions"] = await place.ask("/v1/chat/completions", said, stream=True)
    with monkeypatch.context() as broken:
        broken.setattr(type(place.gateway.ledger), "settle", quoting)
        replies["ledger"] = await place.ask("/v1/chat/completions", said.replace("answer", "break"), stream=True)
    assert told(replies, OURS + CALLERS) == []
    assert told(await place.places(caplog), (*OURS, *CALLERS, PROMPT)) == []


@pytest.mark.parametrize("path", ["/v1/models/{word}", "/{word}", "/v1/chat/completions?x={word}"])
async def test_made_up_addresses_are_not_kept(place, caplog, path):
    caplog.set_level(logging.DEBUG)
    await asyncio.gather(*(place.http.get(f"{place.url}{path.format(word=PROMPT)}") for _ in range(3)))
    assert told(await place.places(caplog), [PROMPT]) == []


@pytest.mark.parametrize(
    "line", ['api_key_env = "{word}"', 'api_key = "{word}"', 'base_url = "http://x:{word}@host/v1"']
)
def test_a_key_put_in_the_wrong_place_is_not_shown(tmp_path, line):
    path = tmp_path / "fairlead.toml"
    path.write_text("[providers.host]\n" + line.format(word="sk-canary-canary-canary"))
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever is raised, its words are what counts
        load(path, {})
    assert "canary" not in str(caught.value)
