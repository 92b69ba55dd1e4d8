"""A caller's body is read once, and what a host of the same dialect is sent are its own bytes."""

import pytest

from fairlead.providers.upstream.client import Client
from fairlead.types import requests
from fairlead.wire import anthropic_request, openai_request
from tests.gateway.test_budgets import budget
from tests.gateway.test_chat import NO_RETRIES, always

MESSAGES = rb'[ {"role":  "user", "content": "\u0050rove \/ it.%s"} ]'
FIELDS = [
    (b"messages", MESSAGES % b""),
    (b"temperature", b"1.0e0"),
    (b"x_unknown", b'{ "b" : [1.50, 1e2],  "a": null }'),
]
"""Spellings that no encoder of ours would choose: whoever decodes them and encodes them again changes them."""
PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}
LIMIT = {"openai": b"", "anthropic": b'"max_tokens":64,'}


def body(dialect, fields=FIELDS):
    named = b" ,\n ".join(b'"%s" :  %s' % field for field in fields)
    return b'{ "model": "auto", %s %s }' % (LIMIT[dialect], named)


@pytest.fixture
def sent(monkeypatch):
    """The bodies that reached the host, as bytes."""
    bodies, read = [], Client.body

    async def noted(self):
        bodies.append(await read(self))
        return bodies[-1]

    monkeypatch.setattr(Client, "body", noted)
    return bodies


class Counting:
    """A decoder that counts what it reads."""

    def __init__(self, decoder):
        self.decoder = decoder
        self.n_bytes = 0

    def decode(self, data):
        self.n_bytes += len(data)
        return self.decoder.decode(data)


@pytest.mark.parametrize("dialect", PATHS)
@pytest.mark.parametrize("settings", ["", budget("10")])
@pytest.mark.parametrize("fails", [(), ("albatross",)])
async def test_every_field_reaches_a_host_of_the_same_dialect_in_the_callers_own_spelling(
    start, sent, dialect, settings, fails
):
    running = await start(
        NO_RETRIES + settings, dialect=dialect, faults=always("status", models=fails, status_code=503)
    )
    reply = await running.post(PATHS[dialect], json=None, data=body(dialect))
    assert reply.status == 200
    assert len(sent) == (2 if fails else 1)
    for received in sent:
        for name, value in FIELDS:
            assert b'"%s":%s' % (name, value) in received


@pytest.mark.parametrize(("dialect", "module"), [("openai", openai_request), ("anthropic", anthropic_request)])
async def test_a_long_body_is_gone_through_twice_once_for_its_fields_and_once_for_what_they_mean(
    start, sent, monkeypatch, dialect, module
):
    running = await start(budget("10"), dialect=dialect)
    fields, meaning = Counting(requests._FIELDS), Counting(module._BODY)
    monkeypatch.setattr(requests, "_FIELDS", fields)
    monkeypatch.setattr(module, "_BODY", meaning)
    said = body(dialect, [(b"messages", MESSAGES % (b" And again." * 9_000))])
    assert (await running.post(PATHS[dialect], json=None, data=said)).status == 200
    assert (meaning.n_bytes, fields.n_bytes) == (len(said), len(said))
    assert b" And again." * 9_000 in sent[-1]
