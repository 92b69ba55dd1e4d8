"""A start knows what the ledger knows: the pace of hosts, of requests and of probes, and who answered the sessions."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from unittest.mock import Mock

import pytest

from fairlead.config import load
from fairlead.errors import LedgerError
from fairlead.execution.hosts import MIN_SEEN
from fairlead.gateway import recalling
from fairlead.gateway.probing import probe
from fairlead.gateway.recalling import recall_sessions, recalled
from fairlead.gateway.sessions import IDLE, Sessions
from fairlead.gateway.setup import opened, prepare
from fairlead.ledger.paces import paces
from fairlead.ledger.sightings import Sighting, sightings
from fairlead.providers.base import Limits
from fairlead.types import Request
from tests.gateway.conftest import ASK

SIMULATED = '[providers.sim]\ndialect = "simulated"\ntime_scale = 0\n'


@pytest.fixture
def setup(tmp_path):
    path = tmp_path / "fairlead.toml"
    path.write_text(SIMULATED)
    return prepare(load(path, {}))


async def test_a_fresh_gateway_starts_from_probes(setup):
    async with opened(setup) as gateway:
        found = await probe(gateway, max_usd=Decimal(1), n_calls=MIN_SEEN)
    async with opened(setup) as gateway:
        for probed in found:
            host = gateway.executor.hosts.known()[probed.candidate.name]
            firsts = sorted(attempt.ttft_s for attempt in probed.attempts)
            assert host.ttft_s.quantile(0.95) == firsts[int(0.95 * MIN_SEEN)]
            assert host.tokens_per_s.quantile(0.5) > 0
            assert host.latency_s.quantile(0.95) is None
            assert host.measured_at == probed.attempts[-1].started_at


async def test_a_restart_forgets_nothing_that_requests_measured(running, monkeypatch):
    for stream in [False] * MIN_SEEN + [True] * MIN_SEEN:
        assert (await running.post(json={**ASK, "model": "host/wren", "stream": stream})).status == 200
    before, gateway = running.gateway.executor.hosts.known()["host/wren"], running.gateway
    after = recalled(gateway.ledger, gateway.routes.candidates, Limits()).known()["host/wren"]
    for kind in ("ttft_s", "latency_s", "tokens_per_s"):
        for q in (0.0, 0.5, 0.95):
            assert getattr(after, kind).quantile(q) == pytest.approx(getattr(before, kind).quantile(q))
    assert after.measured_at == before.measured_at
    assert after.breaker.state(0) == "closed"

    other = {"host/wren": replace(gateway.routes.candidates["host/wren"], model="another")}
    assert recalled(gateway.ledger, other, Limits()).known() == {}
    monkeypatch.setattr(recalling, "WITHIN", timedelta(0))
    assert recalled(gateway.ledger, gateway.routes.candidates, Limits()).known() == {}


async def test_probes_are_found_behind_any_number_of_requests(setup):
    async with opened(setup) as gateway:
        await probe(gateway, max_usd=Decimal(1), n_calls=1)
        (first, *_) = gateway.ledger.entries()
        found = paces(gateway.ledger, since=first.at, limit=3)
        assert [pace.probe for pace in found] == [True] * 3
        assert paces(gateway.ledger, since=first.at + timedelta(days=1), limit=3) == []


async def test_a_ledger_that_cannot_be_read_holds_up_no_start(running, monkeypatch):
    monkeypatch.setattr(running.gateway.ledger, "tuples", Mock(side_effect=LedgerError("gone")))
    assert recalled(running.gateway.ledger, running.gateway.routes.candidates, Limits()).known() == {}


async def test_what_was_measured_is_shown_with_n_and_date(running):
    for _ in range(MIN_SEEN):
        await running.post(json={**ASK, "model": "host/wren"})
    async with running.http.get(f"{running.url}/v1/models/host/wren") as reply:
        measured = (await reply.json())["measured"]
    assert (measured["n_answers"], measured["n_streams"], measured["ttft_p95_s"]) == (MIN_SEEN, 0, None)
    assert measured["latency_p95_s"] > 0
    assert measured["at"].startswith(running.entries()[-1].attempts[-1].started_at.date().isoformat())


async def test_a_restart_knows_who_answered_the_open_sessions(running, tmp_path):
    for session, model in (("mine", "host/albatross"), ("mine", "host/wren"), ("yours", "host/albatross")):
        headers = {"x-fairlead-session": session}
        await running.post(json={**ASK, "model": model}, headers=headers)
    await running.post(headers={"x-fairlead-session": "out", "x-fairlead-opt-out": "1"})
    async with opened(prepare(load(tmp_path / "fairlead.toml", {}))) as restarted:
        again = restarted.sessions

    def state(book, name, after=timedelta(0)):
        scope = {"headers": [(b"x-fairlead-session", name.encode())]}
        return book.state(Request.from_prompt("Hi"), scope, datetime.now(UTC) + after)

    for name in ("mine", "yours", "out"):
        assert state(again, name) == state(running.gateway.sessions, name)
    assert state(again, "mine").last_candidate == "host/wren"
    assert state(again, "out").opted_out
    assert state(again, "mine", IDLE * 2).last_candidate is None


async def test_sessions_of_a_ledger_that_cannot_be_read_are_new(running, monkeypatch):
    monkeypatch.setattr(running.gateway.ledger, "tuples", Mock(side_effect=LedgerError("gone")))
    book = Sessions(b"secret")
    recall_sessions(running.gateway.ledger, book)
    assert not book._open


async def test_a_failed_request_does_not_make_a_session_forget(running):
    for model in ("host/wren", "host/none"):
        await running.post(json={**ASK, "model": model}, headers={"x-fairlead-session": "mine"})
    book = Sessions(b"secret")
    seen = [Sighting(session_id="mine", at=datetime.now(UTC), served=None, opted_out=False)]
    book.recall([*sightings(running.gateway.ledger, since=datetime.now(UTC) - IDLE, limit=10), *seen])
    assert book._open["mine"].last_candidate == "host/wren"
