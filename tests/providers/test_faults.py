"""Fault plans are pure, keep to their shares, and say what a caller will see."""

import contextlib

import pytest

from fairlead.errors import ConfigError, ProviderError
from fairlead.providers import OpenAI
from fairlead.providers.aiohttp_transport import AiohttpTransport
from fairlead.providers.base import Limits
from fairlead.providers.faults import Fault, FaultPlan, FaultShare
from fairlead.providers.lean_transport import LeanTransport
from fairlead.providers.upstream import Reply, Upstream, serving
from fairlead.types import Candidate, Request, Usage

RESET, BUSY = Fault(kind="reset"), Fault(kind="status", status_code=503)


def test_shares_are_kept_over_many_prompts():
    plan = FaultPlan(shares=(FaultShare(fault=RESET, share=0.2), FaultShare(fault=BUSY, share=0.1)), seed=3)
    struck = [plan(f"p{i}", "m", 1) for i in range(5000)]
    assert 0.18 < struck.count(RESET) / 5000 < 0.22  # 3.5 standard errors
    assert 0.085 < struck.count(BUSY) / 5000 < 0.115
    assert struck == [plan(f"p{i}", "m", 1) for i in range(5000)]


def test_models_and_seeds_are_struck_independently():
    plan = FaultPlan(shares=(FaultShare(fault=RESET, share=0.5),))
    other = FaultPlan(shares=plan.shares, seed=1)
    first = [plan(f"p{i}", "a", 1) for i in range(200)]
    assert first != [plan(f"p{i}", "b", 1) for i in range(200)]
    assert first != [other(f"p{i}", "a", 1) for i in range(200)]


def test_fault_ends_after_its_attempts():
    plan = FaultPlan(shares=(FaultShare(fault=RESET, share=1.0, n_attempts=2),))
    assert [plan("p", "m", attempt) for attempt in (1, 2, 3)] == [RESET, RESET, None]


def test_fault_strikes_only_the_models_named():
    plan = FaultPlan(shares=(FaultShare(fault=RESET, share=1.0, models=frozenset({"a"})),))
    assert (plan("p", "a", 1), plan("p", "b", 1)) == (RESET, None)


@pytest.mark.parametrize("shares", [(0.7, 0.4), (-0.1,)])
def test_impossible_shares_are_refused(shares):
    with pytest.raises(ConfigError, match="expected none below 0 and at most 1 in all"):
        FaultPlan(shares=tuple(FaultShare(fault=RESET, share=share) for share in shares))


SEEN = (
    Fault(kind="status", status_code=429, retry_after_s=2),
    Fault(kind="status", status_code=401),
    Fault(kind="status", status_code=400, code="context_length_exceeded"),
    Fault(kind="status", status_code=503),
    Fault(kind="reset"),
    Fault(kind="silent"),
    Fault(kind="cut", after_events=3),
    Fault(kind="stall", after_events=3),
    Fault(kind="malformed", after_events=3),
    Fault(kind="in_band", code="overloaded"),
)
IMPATIENT = Limits(ttft_s=0.2, patient_ttft_s=0.2, idle_s=0.2, answer_s=0.2)
Transport = LeanTransport


@pytest.fixture(autouse=True, params=[AiohttpTransport, LeanTransport])
def both(request, monkeypatch):
    """Each test runs over both transports."""
    monkeypatch.setattr(request.module, "Transport", request.param, raising=False)


class Struck:
    """Answers every call with one fault."""

    label = "simulated"
    models = ("m",)

    def __init__(self, fault):
        self.fault = fault

    def respond(self, *_asked):
        return Reply(text="word " * 100, usage=Usage(input_tokens=1, output_tokens=1), fault=self.fault)


async def call(url, *, stream):
    candidate, request = Candidate(name="m", model="m"), Request.from_prompt("hello")
    async with contextlib.AsyncExitStack() as stack:
        provider = OpenAI(base_url=f"{url}/v1", transport=Transport())
        stack.push_async_callback(provider.close)
        if stream:
            return [chunk async for chunks in provider.stream(candidate, request, IMPATIENT) for chunk in chunks]
        return await provider.complete(candidate, request, IMPATIENT)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("fault", SEEN, ids=lambda fault: f"{fault.kind}-{fault.status_code}")
async def test_fault_says_what_a_caller_sees(fault, stream):
    async with serving(Upstream(Struck(fault))) as url:
        with pytest.raises(ProviderError) as caught:
            await call(url, stream=stream)
    said, seen = fault.error("m"), caught.value
    assert type(said) is type(seen)
    for name in ("model", "status_code", "retryable", "retry_after_s", "billed"):
        assert getattr(said, name) == getattr(seen, name), name
    assert fault.code in {None, seen.code}


def test_late_answer_is_no_error():
    assert Fault(kind="slow_start").error("m") is None
