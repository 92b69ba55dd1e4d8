"""What is known of the hosts: breakers open, try again and close; quantiles of what was lately seen; allowances."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from fairlead.errors import RefusedRequestError, UnavailableError
from fairlead.execution import Limits
from fairlead.execution.allowance import Allowance
from fairlead.execution.breaker import Breaker
from fairlead.execution.hosts import MIN_SEEN, WINDOW, Hosts, Recent
from fairlead.execution.patience import first_token_s, hedge_after_s
from fairlead.ledger.paces import Pace
from fairlead.types import Attempt, Candidate, Capabilities, Usage

LIMITS = Limits(breaker_failures=2, breaker_open_s=5, breaker_max_s=12)
BUSY = UnavailableError("busy", model="a", status_code=503)


def attempt(status="ok", *, latency_s=2.0, ttft_s=1.0, usage=None):
    return Attempt(
        candidate="a",
        number=1,
        stage=0,
        status=status,
        started_at=datetime(2026, 11, 23, tzinfo=UTC),
        latency_s=latency_s,
        ttft_s=ttft_s,
        usage=usage,
        cost_usd=Decimal(0),
    )


class Clock:
    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s


def opened():
    breaker = Breaker(limits=LIMITS)
    breaker.fail(100)
    breaker.fail(100)
    return breaker


def test_a_breaker_opens_after_failures_in_a_row_only():
    breaker = Breaker(limits=LIMITS)
    breaker.fail(0)
    breaker.succeed()
    breaker.fail(1)
    assert breaker.state(1) == "closed"
    breaker.fail(2)
    assert (breaker.state(2), breaker.holds_back(2)) == ("open", True)


def test_after_a_while_one_request_tries_it():
    breaker = opened()
    assert breaker.state(105) == "half_open"
    assert not breaker.holds_back(105)
    breaker.begin()
    assert breaker.holds_back(105)  # one is enough
    breaker.end()
    breaker.succeed()
    assert (breaker.state(105), breaker.holds_back(105)) == ("closed", False)


def test_a_try_whose_caller_leaves_lets_the_next_one_try():
    breaker = opened()
    breaker.begin()
    breaker.end()
    assert not breaker.holds_back(105)


def test_each_try_that_fails_doubles_the_wait_up_to_the_limit():
    breaker, now = opened(), 105.0
    for wait_s in (10, 12, 12):
        breaker.fail(now)
        assert breaker.state(now + wait_s - 0.1) == "open"
        now += wait_s
        assert breaker.state(now) == "half_open"


def test_calls_that_were_under_way_when_it_opened_do_not_prolong_it():
    breaker = opened()
    breaker.fail(101)
    assert breaker.state(105) == "half_open"


def test_calls_from_before_it_opened_do_not_keep_others_from_trying():
    breaker = Breaker(limits=LIMITS)
    breaker.begin()  # a stream that goes on for minutes
    breaker.fail(100)
    breaker.fail(100)
    assert not breaker.holds_back(105)


def test_the_first_word_of_a_try_is_enough():
    breaker = opened()
    breaker.begin()
    breaker.hear(104)
    assert breaker.state(104) == "open"  # of a call from before
    breaker.hear(105)
    assert breaker.state(105) == "closed"


def test_zero_never_opens():
    breaker = Breaker(limits=Limits(breaker_failures=0))
    for _ in range(100):
        breaker.fail(0)
    assert breaker.state(0) == "closed"


def test_what_a_decision_may_know_of_a_host():
    clock = Clock()
    hosts = Hosts(LIMITS, clock)
    hosts.begin("a")
    assert hosts.states()["a"].n_in_flight == 1
    for _ in range(MIN_SEEN):
        hosts.begin("a")
        hosts.end(attempt(usage=Usage(input_tokens=1, output_tokens=50)))
    clock.now_s += 1  # a summary is good for a second
    state = hosts.states()["a"]
    assert (state.n_in_flight, state.breaker_open) == (1, False)
    assert (state.ttft_p95_s, state.latency_p95_s, state.tokens_per_s) == (1.0, 2.0, 50.0)


def test_a_failure_shows_at_once():
    hosts = Hosts(LIMITS, Clock())
    hosts.states()
    for _ in range(2):
        hosts.begin("a")
        hosts.end(attempt("failed"), BUSY)
    assert hosts.states()["a"].breaker_open
    assert hosts.shown() == {"a": "open"}


def test_a_request_that_is_refused_for_itself_says_nothing_of_the_host():
    hosts = Hosts(LIMITS, Clock())
    for _ in range(9):
        hosts.begin("a")
        hosts.end(attempt("failed"), RefusedRequestError("no", model="a", status_code=400))
    assert hosts.shown() == {"a": "closed"}


def test_the_latest_values_count_and_no_others():
    recent = Recent()
    for value in [1000.0] * 50 + [1.0] * WINDOW:
        recent.add(value)
    assert recent.quantile(1.0) == 1.0
    assert Recent().quantile(0.5) is None


@pytest.mark.parametrize(
    ("reasoning", "measured_s", "alone", "limit_s"),
    [
        (False, None, False, 10),
        (False, 6.0, False, 18),
        (False, 0.1, False, 10),
        (None, None, False, 120),  # it may think
        (None, 0.1, False, 10),  # it does not take long, as was seen
        (True, 0.1, False, 120),
        (True, 50.0, False, 150),
        (False, None, True, 120),  # nothing is gained by cutting it short
    ],
)
def test_patience_with_a_stream(reasoning, measured_s, alone, limit_s):
    host = Hosts(LIMITS, Clock())["a"]
    for _ in range(MIN_SEEN if measured_s else 0):
        host.ttft_s.add(measured_s)
    candidate = Candidate(name="a", capabilities=Capabilities(reasoning=reasoning))
    assert first_token_s(Limits(), candidate, host, alone=alone) == limit_s


@pytest.mark.parametrize(
    ("reasoning", "measured_s", "predicted_s", "limit_s"),
    [
        (False, None, None, 10),
        (None, None, None, 120),
        (False, None, 40.0, 40),
        (True, 30.0, 40.0, 30),
        (None, 1, 2, 10),
    ],
)
def test_patience_with_a_whole_answer(reasoning, measured_s, predicted_s, limit_s):
    host = Hosts(LIMITS, Clock())["a"]
    for _ in range(MIN_SEEN if measured_s else 0):
        host.latency_s.add(measured_s)
    candidate = Candidate(name="a", capabilities=Capabilities(reasoning=reasoning))
    assert hedge_after_s(Limits(), candidate, host, predicted_s) == limit_s


def test_an_allowance_is_a_share_of_the_requests():
    allowance = Allowance(share=0.1, burst=2)
    assert [allowance.take() for _ in range(3)] == [True, True, False]
    for _ in range(100):
        allowance.earn()
    assert [allowance.take() for _ in range(3)] == [True, True, False]


def test_a_share_of_nothing_grants_nothing():
    allowance = Allowance(share=0, burst=20)
    allowance.earn()
    assert not allowance.left
    assert not allowance.take()


def pace(**changes):
    made = {"latency_s": 3.0, "ttft_s": 1.0, "output_tokens": 40, "streamed": True, "probe": False, "late": False}
    return Pace(candidate="a", model_asked="a", at=datetime(2026, 1, 1, tzinfo=UTC), **{**made, **changes})


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, (1.0, 3.0, 20.0)),
        ({"probe": True}, (1.0, None, 20.0)),  # its answer is short: the whole of it tells nothing of others
        ({"ttft_s": None, "streamed": False}, (None, 3.0, None)),
        ({"output_tokens": None}, (1.0, 3.0, None)),
        ({"late": True, "ttft_s": None}, (3.0, None, None)),
        ({"late": True, "ttft_s": None, "streamed": False}, (None, 3.0, None)),
    ],
)
def test_what_was_measured_before_counts_as_if_it_were_now(changes, found):
    hosts = Hosts(LIMITS, Clock())
    hosts.recall([pace(**changes)] * MIN_SEEN)
    state = hosts.states()["a"]
    assert (state.ttft_p95_s, state.latency_p95_s, state.tokens_per_s) == found
    assert hosts.known()["a"].measured_at == datetime(2026, 1, 1, tzinfo=UTC)


def test_what_is_measured_now_pushes_out_what_was_before():
    hosts = Hosts(LIMITS, Clock())
    hosts.recall([pace(latency_s=100.0)] * WINDOW)
    for _ in range(WINDOW):
        hosts.begin("a")
        hosts.end(attempt(usage=Usage(input_tokens=1, output_tokens=50)))
    assert hosts.known()["a"].latency_s.quantile(1.0) == 2.0
