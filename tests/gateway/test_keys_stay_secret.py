"""Canaries in place of every key: virtual, admin, a provider's, and what `${NAME}` gave, looked for whole and in part.

The host quotes what it was sent in each way that hosts do: whole, masked, escaped, and cut in the middle of the key.
"""

import asyncio
import io
import json
import logging
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import quote

import aiohttp
import msgspec
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from fairlead.cli.main import main
from fairlead.config import load
from fairlead.dashboard.app import PAGES
from fairlead.dashboard.live import installation, live
from fairlead.dashboard.pages import Pages
from fairlead.dashboard.queries import Queries
from fairlead.dashboard.question import Question
from fairlead.gateway.app import application
from fairlead.gateway.setup import opened, prepare
from fairlead.ledger.budget import KeyTerms
from fairlead.ledger.keys import new_key
from fairlead.ledger.opening import reading
from fairlead.observers import Observers
from fairlead.observers.logs import RequestLog, written
from fairlead.observers.traces import Traces
from fairlead.providers.upstream import serving
from tests.gateway.test_secrets import BODIES, chunk

HOST_KEY = "sk-canary-0/Zq8vY3nT7wB2xK5mJ9rL4pD6hF1gS0aQ"
TENANT = "tenant-Wm2Xc7Vb4Nz9Lk"
ADMIN = "admin-Pj6Rt3Ys8Uf1Hd5Ge2Ka"
N_PART = 8
"""As many characters of a secret in a row as nobody may see."""

CONFIG = """
[server]
admin_key_env = "ADMIN"
[providers.host]
base_url = "http://{address}/${{TENANT}}/v1"
api_key = "${{HOST_KEY}}"
[models."host/one"]
price = {{ input_usd_per_mtok = 1, output_usd_per_mtok = 2 }}
capabilities = {{ context_tokens = 200000, max_output_tokens = 4096 }}
[limits]
retries = 0
breaker_failures = 0
"""

FILL = "x" * 480
QUOTES = {
    "whole": HOST_KEY,
    "at the cut": FILL + " " + HOST_KEY,
    "cut by the host": "no such key: " + HOST_KEY[:20],
    "its end": "no such key: ..." + HOST_KEY[-20:],
    "masked": f"Incorrect API key provided: {HOST_KEY[:9]}{'*' * 20}{HOST_KEY[-4:]}.",
    "quoted": "no such key: " + quote(HOST_KEY, safe=""),
    "escaped": "no such key: " + HOST_KEY.replace("/", "\\/"),
    "address": f"nothing at /{TENANT}/v1/chat/completions",
    "address at the cut": FILL + f" /{TENANT}/v1",
}
"""How a host tells what it was sent."""
WAYS = ("refuse", "reject", "break", "in_band", "no_stream")


class Quoting:
    """A host that is asked how to quote, and in what kind of reply."""

    async def __call__(self, _scope, receive, send):
        body = b""
        while (message := await receive()) and message["type"] == "http.request":
            body += message["body"]
            if not message.get("more_body"):
                break
        found = msgspec.json.decode(body)
        way, how = json.loads(found["messages"][-1]["content"])
        status, kind, reply = self.reply(way, QUOTES[how], stream=found.get("stream"))
        headers = [(b"content-type", kind), (b"x-request-id", QUOTES[how][:60].encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": reply})

    def reply(self, way, words, *, stream):
        error = json.dumps({"error": {"message": words, "code": words[-40:]}}).encode()
        return {
            "in_band": (200, b"text/event-stream", chunk("so") + b"data: " + error + b"\n\n")
            if stream
            else (200, b"application/json", error),
            "no_stream": (200, b"application/json", error),
            "refuse": (400, b"application/json", error),
            "reject": (401, b"application/json", error),
            "break": (500, b"application/json", error),
        }[way]


@dataclass
class Place:
    """A gateway behind keys, and what may be seen of it."""

    url: str
    http: aiohttp.ClientSession
    gateway: object
    setup: object
    folder: object
    spans: InMemorySpanExporter
    log: io.StringIO
    virtual: str

    @property
    def secrets(self):
        return {"host": HOST_KEY, "${TENANT}": TENANT, "admin": ADMIN, "virtual": self.virtual.rpartition("-")[2]}

    async def ask(self, path, said, *, stream=False, query="", **headers):
        body = {"model": "host/one", "stream": stream, **BODIES[path](said)}
        async with self.http.post(f"{self.url}{path}{query}", json=body, headers=headers) as reply:
            return f"{reply.status} {dict(reply.headers)}".encode() + await reply.read()

    async def shown(self, caplog):
        """Returns all that the running gateway wrote or shows, by where."""
        found = {"repr": repr(self.gateway) + repr(self.setup), "log": self.log.getvalue(), "caplog": caplog.text}
        admin = {"authorization": f"Bearer {ADMIN}"}
        for path in ("/metrics", "/health/ready", "/health/hosts", "/v1/models"):
            async with self.http.get(self.url + path, headers=admin) as reply:
                assert reply.status == 200
                found[path] = await reply.text()
        found["traces"] = "".join(span.to_json() for span in self.spans.get_finished_spans())
        return found | await asyncio.to_thread(self.pages)

    def pages(self):
        """Returns every page of the dashboard, and what lies in the folder."""
        with reading(str(self.folder / "fairlead.db")) as ledger:
            (entry, *_) = ledger.entries()
            pages = Pages(installation(self.setup), Queries(ledger, now=lambda: datetime.now(UTC)))
            asked = {name: {} for name in PAGES.values()}
            asked["decision"] = {"id": entry.decision_id}
            found = {
                name: pages.page(Question(page=name, query=query, fragment=False, live=live(self.gateway))).body
                for name, query in asked.items()
            }
        files = (path for path in self.folder.iterdir() if path.name != "fairlead.toml")
        return found | {path.name: path.read_bytes().decode("latin-1") for path in files}


@asynccontextmanager
async def kept(folder):
    spans, log = InMemorySpanExporter(), io.StringIO()
    tracer = TracerProvider()
    tracer.add_span_processor(SimpleSpanProcessor(spans))
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(serving(Quoting()))
        (folder / "fairlead.toml").write_text(CONFIG.format(address=address.removeprefix("http://")))
        environ = {"HOST_KEY": HOST_KEY, "TENANT": TENANT, "ADMIN": ADMIN}
        setup = prepare(load(folder / "fairlead.toml", environ))
        gateway = await stack.enter_async_context(opened(setup))
        virtual, key = new_key("one", KeyTerms(), datetime.now(UTC))
        gateway.ledger.keys.add(key)
        gateway = replace(gateway, observers=Observers([gateway.metrics, RequestLog(), Traces(tracer)]))
        url = await stack.enter_async_context(serving(application(gateway)))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        yield Place(url, http, gateway, setup, folder, spans, log, virtual)


@pytest.fixture
async def place(tmp_path, monkeypatch):
    async with kept(tmp_path) as place:
        monkeypatch.setattr("sys.stderr", place.log)
        with written("info", place.setup.config.secrets):
            yield place


def told(places, secrets):
    """Returns where a part of any of these secrets stands."""
    texts = {name: text.decode("latin-1") if isinstance(text, bytes) else text for name, text in places.items()}
    return [
        (place, name, secret[i : i + N_PART])
        for place, text in texts.items()
        for name, secret in secrets.items()
        for i in range(len(secret) - N_PART + 1)
        if secret[i : i + N_PART] in text
    ]


@pytest.mark.parametrize("how", QUOTES)
async def test_what_a_host_quotes_shows_no_part_of_a_key(place, caplog, how):
    caplog.set_level(logging.DEBUG)
    replies = {}
    for way in WAYS:
        for path in BODIES if how == "at the cut" else ["/v1/chat/completions"]:
            for stream in (False, True):
                said = json.dumps([way, how])
                reply = await place.ask(path, said, stream=stream, authorization=f"Bearer {place.virtual}")
                replies[f"{path} {way} {stream}"] = reply
    assert all(b"***" in reply or b"xxxx" in reply for reply in replies.values())  # else nothing would be tested
    assert told(replies, place.secrets) == []
    assert told(await place.shown(caplog), place.secrets) == []


async def test_a_key_in_the_wrong_place_goes_nowhere(place, caplog):
    caplog.set_level(logging.DEBUG)
    said, path = json.dumps(["refuse", "whole"]), "/v1/chat/completions"
    almost = place.virtual[:-1] + ("0" if place.virtual[-1] != "0" else "1")
    ways = {
        "none": {},
        "almost": {"authorization": f"Bearer {almost}"},
        "no scheme": {"authorization": place.virtual},
        "basic": {"authorization": f"Basic {ADMIN}"},
        "of a host": {"x-api-key": HOST_KEY},
        "admin": {"x-api-key": ADMIN, "x-fairlead-tag": place.virtual},
    }
    replies = {name: await place.ask(path, said, **headers) for name, headers in ways.items()}
    replies["query"] = await place.ask(path, said, query=f"?key={place.virtual}&api_key={ADMIN}")
    for word in (place.virtual, ADMIN):
        for where in (f"/v1/models/{word}", f"/{word}"):
            async with place.http.get(place.url + where) as reply:
                replies[where[:4] + word[:3]] = f"{reply.status} {dict(reply.headers)}"
    assert sum(str(reply).lstrip("b'").startswith("401") for reply in replies.values()) >= 6
    assert told(replies, place.secrets) == []
    assert told(await place.shown(caplog), place.secrets) == []


async def test_no_command_shows_a_key(place, monkeypatch, capsys):
    await place.ask("/v1/chat/completions", json.dumps(["break", "whole"]), authorization=f"Bearer {place.virtual}")
    for name, value in (("HOST_KEY", HOST_KEY), ("TENANT", TENANT), ("ADMIN", ADMIN)):
        monkeypatch.setenv(name, value)
    (entry,) = place.gateway.ledger.entries()
    config, ledger = ["--config", str(place.folder / "fairlead.toml")], str(place.folder / "fairlead.db")
    commands = [
        ["check", *config],
        ["models", *config],
        ["prices", "show", *config],
        ["route", "hello", *config],
        ["explain", entry.decision_id, "--ledger", ledger],
        ["report", "--ledger", ledger],
        ["keys", "list", "--ledger", ledger],
        ["keys", "held", "--ledger", ledger],
        ["ledger", "verify", "--ledger", ledger],
        ["ledger", "export", "--ledger", ledger, "--out", str(place.folder / "export.jsonl")],
    ]
    copy = ["ledger", "export", "--ledger", ledger, "--out", str(place.folder / "copy.db")]
    for words in [copy, *commands, *([*command, "--json"] for command in commands)]:
        code = await asyncio.to_thread(exit_code, words)
        seen = capsys.readouterr()
        assert code in {0, 1}, (words, seen.err)
        assert told({"out": seen.out, "err": seen.err}, place.secrets) == [], words
    assert told(await asyncio.to_thread(place.pages), place.secrets) == []


def exit_code(words):
    with pytest.raises(SystemExit) as left:
        main(words)
    return left.value.code or 0
