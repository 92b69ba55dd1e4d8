"""`/metrics`, logs and `Server-Timing` of a running gateway."""

import re

import pytest

from fairlead.providers.faults import Fault, FaultPlan, FaultShare
from tests.observers.test_series import SAMPLE

ASK = {"model": "auto", "messages": [{"role": "user", "content": "Prove that there are infinitely many primes."}]}
PHASES = ["receive", "decode", "decide", "ledger", "upstream", "total"]


async def metrics(running):
    async with running.http.get(f"{running.url}/metrics") as reply:
        assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
        text = await reply.text()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert all(SAMPLE.fullmatch(line) for line in lines)
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


async def test_metrics_say_what_the_ledger_says(running):
    for _ in range(3):
        await running.post()
    await running.post(json=ASK | {"stream": True})
    said = await metrics(running)
    entries = running.entries()
    assert said['fairlead_request_duration_seconds_count{route="auto",stream="false"}'] == 3
    assert said['fairlead_request_duration_seconds_count{route="auto",stream="true"}'] == 1
    spend = sum(value for name, value in said.items() if name.startswith("fairlead_spend_usd_total"))
    assert spend == pytest.approx(float(sum(entry.cost_usd for entry in entries)))
    assert said['fairlead_breaker_state{model="host/albatross",state="closed"}'] == 1
    assert said["fairlead_ledger_queue_rows"] == 0


async def test_no_caller_can_make_up_series(running):
    for i in range(5):
        await running.post(f"/v1/made-up-{i}")
        await running.post(json=ASK | {"model": f"made-up-{i}"})
    said = await metrics(running)
    assert not any("made-up" in name for name in said)
    assert said['fairlead_refused_total{path="other",status="404",code="not_found"}'] == 5
    assert said['fairlead_refused_total{path="/v1/chat/completions",status="404",code="model_not_found"}'] == 5


async def test_failures_show_by_host_and_kind(start):
    faults = FaultPlan(shares=(FaultShare(fault=Fault(kind="status", status_code=503), share=1.0, n_attempts=99),))
    running = await start(faults=faults)
    await running.post()
    said = await metrics(running)
    failed = 'fairlead_attempts_total{provider="host",model="host/albatross",status="failed",error="UnavailableError"}'
    assert said[failed] >= 1
    assert any('status="failed"' in name for name in said if name.startswith("fairlead_requests_total"))


@pytest.mark.parametrize("stream", [False, True])
async def test_server_timing_names_each_phase(running, stream):
    answer = await running.post(json=ASK | {"stream": stream})
    timing = dict(re.findall(r"(\w+);dur=([\d.]+)", answer.headers["server-timing"]))
    assert list(timing) == PHASES
    assert sum(float(timing[phase]) for phase in PHASES[:-1]) <= float(timing["total"]) + 0.01
