"""Probes: paid for before they are made, within the sum whatever happens, each with its rows, errors counted."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from fairlead.config import load
from fairlead.gateway.probing import MAX_OUTPUT_TOKENS, limits_of_probes, probe
from fairlead.gateway.setup import limits_of, opened, prepare
from fairlead.ledger.verify import verify
from fairlead.proof.statement import statement
from fairlead.providers.faults import Fault
from fairlead.providers.simulated import World

SIMULATED = """
[providers.sim]
dialect = "simulated"
time_scale = 0
"""


@pytest.fixture
def simulated(tmp_path):
    def simulated(more="", faults=None):
        path = tmp_path / "fairlead.toml"
        path.write_text(SIMULATED + more)
        config = load(path, {})
        setup = prepare(config)
        host = setup.inside["sim"]
        inside = {"sim": replace(host, responder=World(seed=1, faults=faults))}
        return opened(replace(setup, inside=inside), limits=limits_of_probes(limits_of(config.limits)))

    return simulated


def spent(entries):
    """What the rows say, unknown costs at their bounds."""
    attempts = [attempt for entry in entries for attempt in entry.attempts]
    return sum((a.reserved_usd if a.cost_usd is None else a.cost_usd for a in attempts), Decimal(0))


async def test_a_host_that_refuses_the_key_is_asked_once_and_says_why(simulated):
    async with simulated(faults=lambda *_: Fault(kind="status", status_code=401)) as gateway:
        found = await probe(gateway, max_usd=Decimal(1), n_calls=3)
    assert {(len(probed.attempts), probed.stopped) for probed in found} == {(1, "key_refused")}
    assert all("answered 401" in probed.whys["CredentialsError"] for probed in found)


async def test_every_host_is_called_in_turn_and_each_call_has_its_rows(simulated):
    async with simulated() as gateway:
        found = await probe(gateway, max_usd=Decimal(1), n_calls=3)
        entries = list(gateway.ledger.entries())
        names = [probed.candidate.name for probed in found]
        assert len(names) == 5
        assert [entry.served for entry in entries] == names * 3
        assert {(e.purpose, e.reason, e.status) for e in entries} == {("probe", "probe", "delivered")}
        attempts = [attempt for probed in found for attempt in probed.attempts]
        assert all(0 < a.ttft_s <= a.latency_s and a.cost_usd <= a.reserved_usd for a in attempts)
        assert all(0 < a.usage.output_tokens <= MAX_OUTPUT_TOKENS for a in attempts)
        assert all(probed.stopped is None for probed in found)
        assert verify(gateway.ledger).ok
        stated = statement(entries)
        assert stated.n_requests == 0
        assert (stated.included.n_probe, stated.included.probe_usd) == (15, spent(entries))


def broken(_key, model, attempt):
    """A mixture: what is refused costs nothing, and what is cut costs nobody knows what."""
    return {"albatross": Fault(kind="cut"), "heron": Fault(kind="status")}.get(model) if attempt % 2 else None


@pytest.mark.parametrize("faults", [None, broken, lambda *_: Fault(kind="cut")])
@pytest.mark.parametrize("max_usd", ["0.0005", "0.003", "0.02"])
async def test_the_sum_is_never_passed(simulated, faults, max_usd):
    async with simulated(faults=faults) as gateway:
        found = await probe(gateway, max_usd=Decimal(max_usd), n_calls=12)
        total = sum(probed.at_most_usd for probed in found)
        assert total == spent(gateway.ledger.entries())
        assert 0 < total <= Decimal(max_usd)
        assert {probed.stopped for probed in found} >= {"max_usd"}


async def test_a_refused_call_frees_what_was_set_aside_and_is_made_only_once(simulated):
    async with simulated(faults=lambda *_: Fault(kind="status", status_code=503)) as gateway:
        found = await probe(gateway, max_usd=Decimal("0.01"), n_calls=20)  # a hundred bounds would not fit
        assert [len(probed.attempts) for probed in found] == [20] * 5
        assert {attempt.error for probed in found for attempt in probed.attempts} == {"UnavailableError"}
        assert sum(probed.at_most_usd for probed in found) == 0


async def test_an_interrupted_call_is_settled(simulated):
    async with simulated(faults=lambda *_: Fault(kind="silent")) as gateway:
        run = asyncio.create_task(probe(gateway, max_usd=Decimal(1), n_calls=2))
        async with asyncio.timeout(5):
            while not list(gateway.ledger.entries()) or not gateway.executor.hosts["sim/albatross"].n_in_flight:  # noqa: ASYNC110
                await asyncio.sleep(0.002)  # what happens elsewhere tells nobody
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        (entry,) = gateway.ledger.entries()
        assert (entry.status, entry.attempts[0].cost_usd) == ("cancelled", None)


async def test_who_is_not_called(start):
    third = '[models."host/unpriced"]\ncapabilities = { context_tokens = 1000 }\n'
    running = await start(third)
    found = await probe(running.gateway, max_usd=Decimal(1), n_calls=2)
    assert {p.candidate.name: (p.stopped, len(p.attempts)) for p in found} == {
        "host/albatross": ("over_bound", 1),  # this host keeps to no limit on the output
        "host/wren": (None, 2),  # and here writes less than that
        "host/unpriced": ("unpriced_under_budget", 0),
    }
    recorded = await probe(running.gateway, max_usd=Decimal(1), n_calls=2, recorded={"host"})
    assert {(p.stopped, len(p.attempts)) for p in recorded} == {("recorded", 0)}
