"""The way from the naive saving to the estimate: complete, each part under its own name."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec import structs

from fairlead.proof.statement import statement
from fairlead.types import Price, Rate, Usage

LARGE = Price(id="large", input=Rate(base=Decimal(2)), output=Rate(base=Decimal(10)), cache_read=Rate(base=Decimal(1)))


def _months(entry, attempt, *, served, reference, retry=0, unpriced=0):
    """Returns 30 requests sent to a model that costs nothing, and 20 of the control arm."""
    calls = (attempt("sim/large", usage=reference, cost_usd=str(LARGE.cost_usd(reference))),)
    if retry:
        calls = (attempt("sim/large", status="failed", cost_usd="0.0007"), structs.replace(calls[0], number=2))
    shared = {"reference_price": LARGE}
    policy = [entry(i, attempts=(attempt(usage=served, cost_usd="0.0001"),), **shared) for i in range(30)]
    policy += [entry(50 + i, attempts=(attempt(cost_usd="0.0001"),), reference_price=None) for i in range(unpriced)]
    arm = {"arm": "control", "reason": "control_arm", "chosen": "sim/large", "propensity": 0.25, "served": "sim/large"}
    return [*policy, *(entry(100 + i, attempts=calls, **arm, **shared) for i in range(20))]


USED = Usage(input_tokens=100, output_tokens=100)


@pytest.mark.parametrize(
    ("changes", "name", "each"),
    [
        ({"reference": structs.replace(USED, output_tokens=300)}, "answer", 200 * 10e-6),
        ({"reference": structs.replace(USED, input_tokens=70)}, "prompt", -30 * 2e-6),
        ({"reference": structs.replace(USED, input_tokens=20, cache_read_tokens=80)}, "cache", 80 * 1e-6),
        ({"reference": USED, "retry": 1}, "retries", 0.0007),
    ],
)
def test_what_the_reference_does_otherwise_shows_under_its_name(entry, attempt, changes, name, each):
    gap = statement(_months(entry, attempt, served=USED, **changes)).gap
    steps = {step.name: step.usd.value for step in gap.steps}
    assert steps[name] == pytest.approx(30 * each)


def test_requests_that_cannot_be_priced_anew_are_a_step_of_their_own(entry, attempt):
    gap = statement(_months(entry, attempt, served=USED, reference=USED, unpriced=4)).gap
    assert {step.name: step.usd.value for step in gap.steps}["not_priced"] == pytest.approx(-0.0004)


@pytest.mark.parametrize("seed", range(3))
def test_the_steps_lead_to_the_estimate(world, seed):
    """However the parts lie, and with a second route beside the first."""
    entries = [*world(seed=seed).entries, *world(seed=seed + 10, route="other", factor=1.3).entries]
    stated = statement(entries)
    assert stated.gap.saving_usd == pytest.approx(stated.saving.saving_usd.value)
    assert stated.gap.naive_saving_usd == stated.naive.saving_usd


def test_without_a_control_arm_there_is_no_way(world):
    assert statement([e for e in world().entries if e.arm == "policy"]).gap is None
