"""What is counted of a request."""

from decimal import Decimal

import pytest
from msgspec import structs

from fairlead.observers import Refused
from fairlead.observers.metrics import AT_ONCE, Metrics
from fairlead.types import Outcome


@pytest.fixture
def counted():
    """Counts records and returns each sample by its name and labels."""

    def counted(*told):
        metrics = Metrics()
        for record in told:
            metrics.observe(record)
        lines = [line for line in metrics.text().decode().splitlines() if not line.startswith("#")]
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    return counted


def test_a_request_and_each_of_its_calls(counted, seen):
    said = counted(seen(), seen())
    assert (
        said['fairlead_requests_total{route="auto",model="a/cheap",reason="cheapest_within_floor",status="delivered"}']
        == 2
    )
    assert said['fairlead_attempts_total{provider="a",model="a/cheap",status="failed",error="RateLimitError"}'] == 2
    assert said['fairlead_attempts_total{provider="a",model="a/cheap",status="ok",error=""}'] == 2
    assert said['fairlead_fallbacks_total{model="a/cheap"}'] == 2
    assert said['fairlead_request_duration_seconds_count{route="auto",stream="true"}'] == 2
    host = 'gen_ai_provider_name="a",gen_ai_request_model="a/cheap"'
    assert said[f"gen_ai_client_operation_time_to_first_chunk_seconds_count{{{host}}}"] == 2
    assert said[f'gen_ai_client_token_usage_sum{{{host},gen_ai_token_type="output"}}'] == 2 * 333


@pytest.mark.parametrize("n", [1, AT_ONCE, 2 * AT_ONCE + 1])
def test_however_many_wait_to_be_counted_all_are_once(seen, n):
    metrics, record = Metrics(), seen()
    for _ in range(n):
        metrics.observe(record)
    metrics.text()
    assert f'fairlead_request_duration_seconds_count{{route="auto",stream="true"}} {n}\n' in metrics.text().decode()


def test_one_that_breaks_takes_none_of_those_that_wait_with_it(seen):
    metrics = Metrics()
    for record in (seen(), seen(spent_s={"no phase of ours": 1.0}), seen()):
        metrics.observe(record)
    with pytest.raises(KeyError):
        metrics.text()
    name = 'fairlead_requests_total{route="auto",model="a/cheap",reason="cheapest_within_floor",status="delivered"}'
    assert f"{name} 3\n" in metrics.text().decode()  # the second was counted until it broke


def test_spend_is_the_sum_of_the_bills(counted, seen, records):
    record = seen()
    said = counted(record, record, record)
    paid = 3 * float(record.outcome.cost_usd)
    assert said['fairlead_spend_usd_total{route="auto",model="a/cheap"}'] == pytest.approx(paid)
    assert said['fairlead_compared_spend_usd_total{route="auto"}'] == pytest.approx(paid)
    assert said['fairlead_reference_cost_usd_total{route="auto"}'] == pytest.approx(0.003)


def test_an_unknown_cost_is_counted_and_is_in_no_sum(counted, seen, records):
    lost = structs.replace(records.attempt(), cost_usd=None, usage=None)
    unknown = seen(outcome=Outcome(status="delivered", attempts=(lost,), served="a/cheap"))
    said = counted(unknown, seen(reference_cost_usd=None))
    assert said['fairlead_unknown_cost_total{route="auto",model="a/cheap"}'] == 1
    assert said['fairlead_spend_usd_total{route="auto",model="a/cheap"}'] == pytest.approx(
        float(seen().outcome.cost_usd)
    )
    assert not any("compared" in name or "reference_cost" in name for name in said)


def test_a_call_that_lost_a_race_is_told_from_one_that_the_caller_left(counted, seen, records):
    loser = records.attempt(1, status="cancelled", cost_usd=None, usage=None)
    won = seen(outcome=Outcome(status="delivered", attempts=(loser, records.attempt(2, stage=1)), served="a/cheap"))
    left = seen(outcome=Outcome(status="cancelled", attempts=(loser,)))
    assert counted(won, left)['fairlead_called_off_total{model="a/cheap"}'] == 1


def test_what_should_not_happen_has_its_own_series(counted, seen, records):
    faulty = structs.replace(seen().decision, fault="ValueError")
    said = counted(seen(decision=faulty), seen(served_as="gpt-3"), seen(settled=False))
    assert said['fairlead_router_faults_total{route="auto"}'] == 1
    assert said['fairlead_served_as_another_total{model="a/cheap"}'] == 1
    assert said["fairlead_unsettled_total"] == 1


def test_refusals_are_counted_by_path_and_code(counted):
    said = counted(Refused(path="/v1/messages", status_code=400, code="invalid_request"))
    assert said == {'fairlead_refused_total{path="/v1/messages",status="400",code="invalid_request"}': 1}


def test_no_money_is_lost_in_a_million_small_bills(counted, seen, records):
    metrics = Metrics()
    cheap = structs.replace(records.attempt(), cost_usd=Decimal("0.000003"))
    record = seen(outcome=Outcome(status="delivered", attempts=(cheap,), served="a/cheap"))
    for _ in range(10_000):
        metrics.observe(record)
    (line,) = [line for line in metrics.text().decode().splitlines() if line.startswith("fairlead_spend_usd_total")]
    assert float(line.split()[-1]) == pytest.approx(0.03, rel=1e-9)
