"""The statement: exact where it counts, honest where it estimates, silent where nothing can be claimed."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from fairlead.proof.means import mean_score
from fairlead.proof.shown import verdict
from fairlead.proof.statement import VERDICTS, statement
from fairlead.types import Price, Rate, Usage


def test_paid_is_exact_and_includes_control_arm_and_retries(entry, attempt):
    failed = attempt("sim/small", cost_usd="0.0000001", status="failed")
    retried = entry(0, attempts=(failed, attempt("sim/large", cost_usd="0.0123456", number=2)))
    control = entry(1, arm="control", reason="control_arm", chosen="sim/large")
    stated = statement([retried, control])
    assert stated.paid_usd == Decimal("0.0000001") + Decimal("0.0123456") + control.cost_usd
    assert stated.n_requests == 2


def test_an_unknown_cost_is_counted_and_bounded_never_summed(entry, attempt):
    unknown = entry(1, attempts=(attempt(cost_usd=None),))
    unsettled = entry(2, status="unsettled", served=None, cost_usd=None, attempts=(attempt(cost_usd=None),))
    stated = statement([entry(0), unknown, unsettled])
    assert stated.paid_usd == entry(0).cost_usd
    assert stated.unknown.n_requests == 2
    assert stated.unknown.by_status == {"delivered": 1, "unsettled": 1}
    assert stated.unknown.bound_usd == Decimal("0.10")
    assert stated.not_compared["unknown_cost"] == 2


def test_an_unknown_bound_makes_the_sum_of_bounds_unknown(entry, attempt):
    unknown = entry(1, attempts=(attempt(cost_usd=None),), reserved_usd=None)
    assert statement([unknown]).unknown.bound_usd is None


def test_the_saving_is_the_difference_and_its_interval_holds_the_truth(world):
    simulated = world(seed=1, factor=0.4)
    saving = statement(simulated.entries).saving
    assert saving.paid_usd == simulated.paid_usd
    assert saving.saving_usd.value == pytest.approx(saving.reference_usd.value - float(saving.paid_usd))
    assert saving.reference_usd.low < simulated.reference_usd < saving.reference_usd.high
    assert saving.saving_share.value == pytest.approx(saving.saving_usd.value / saving.reference_usd.value)
    assert statement(simulated.entries).verdict == "saves"


def test_a_policy_that_costs_more_is_a_negative_saving(world):
    stated = statement(world(seed=2, factor=2.0).entries)
    assert stated.verdict == "costs_more"
    assert stated.saving.saving_usd.high < 0
    assert stated.saving.control_extra_usd.value < 0  # the control arm was the cheaper one


def test_where_arms_cost_the_same_nothing_is_claimed(world):
    stated = statement(world(seed=3, factor=1.0).entries)
    assert stated.verdict == "not_enough_evidence"
    assert stated.sessions_needed > 0


def test_a_policy_that_always_serves_the_reference_saves_exactly_nothing(world):
    same = [replace(e, chosen="sim/large", served="sim/large", propensity=1.0) for e in world(factor=1.0).entries]
    stated = statement(same)
    assert stated.verdict == "same"
    assert (stated.saving.saving_usd.low, stated.saving.saving_usd.high) == (0.0, 0.0)
    assert stated.quality.difference.value == 0.0


def test_sessions_that_are_the_same_in_both_arms_add_no_noise(world):
    simulated = world(seed=4)
    same = [
        replace(e, request_id=f"same-{i}", session_id=f"same-{i}", chosen="sim/large", propensity=1.0)
        for i, e in enumerate(simulated.entries)
    ]
    alone, together = statement(simulated.entries).saving, statement([*simulated.entries, *same]).saving
    assert together.n_settled == len(same)
    assert together.saving_usd.value == pytest.approx(alone.saving_usd.value)
    assert together.saving_usd.high == pytest.approx(alone.saving_usd.high)
    assert together.saving_share.value < alone.saving_share.value


def test_without_a_control_arm_no_saving_is_claimed(world):
    policy = [replace(e, propensity=1.0) for e in world().entries if e.arm == "policy"]
    stated = statement(policy)
    assert stated.verdict == "no_control_arm"
    assert stated.saving is None
    assert stated.quality is None
    assert stated.not_compared == {"no_chance": len(policy)}


def test_requests_of_before_the_control_arm_are_not_compared_with_it(world):
    """Costs may have been others then: nothing was drawn that could tell."""
    simulated = world(seed=5).entries
    before = [
        replace(e, request_id=f"old-{i}", session_id=f"old-{e.session_id}", propensity=1.0, chosen="sim/small")
        for i, e in enumerate(simulated)
    ]
    alone, together = statement(simulated), statement([*before, *simulated])
    assert together.saving == alone.saving
    assert together.not_compared == {"no_chance": len(before)}
    assert together.paid_usd == 2 * alone.paid_usd


def test_a_few_control_sessions_are_not_enough(world):
    simulated = world(seed=5, n_sessions=60)
    kept = sorted({e.session_id for e in simulated.entries if e.arm == "control"})[:5]
    stated = statement([e for e in simulated.entries if e.arm == "policy" or e.session_id in kept])
    assert stated.verdict == "not_enough_evidence"
    assert stated.saving is None
    assert stated.sessions_needed == stated.n_sessions  # five of ten: as many again


def test_a_route_that_always_serves_the_reference_does_not_speak_for_another_one(world):
    same = [replace(e, route="same", chosen="sim/large", propensity=1.0) for e in world(seed=10).entries]
    other = world(seed=11, n_sessions=60, route="other").entries
    kept = sorted({e.session_id for e in other if e.arm == "control"})[:5]
    stated = statement([*same, *(e for e in other if e.arm == "policy" or e.session_id in kept)])
    assert stated.saving.n_settled == len(same)
    assert stated.verdict == "not_enough_evidence"
    assert stated.sessions_needed > 0


def test_arms_are_compared_within_a_route(world):
    """Pooled, the dear route's large control arm would make the cheap route's requests look dear."""
    cheap = world(seed=6, n_sessions=200, control_share=0.1, factor=1.0, route="cheap").entries
    dear = [
        replace(e, cost_usd=e.cost_usd * 50, predictions=())
        for e in world(seed=7, n_sessions=100, control_share=0.6, factor=1.0, route="dear").entries
    ]
    stated = statement([*cheap, *dear])
    assert stated.verdict == "not_enough_evidence"
    assert abs(stated.saving.saving_share.value) < 0.25


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"reason": "asked_for"}, "asked_for"),
        ({"reference": None}, "no_reference"),
        ({"session_id": None}, "no_session"),
    ],
)
def test_requests_outside_the_experiment_are_paid_but_not_compared(world, entry, change, why):
    inside = world(seed=1).entries
    outside = [entry(10_000 + i, **change) for i in range(7)]
    alone, stated = statement(inside), statement([*inside, *outside])
    assert stated.saving == alone.saving
    assert stated.not_compared == {why: 7}
    assert stated.paid_usd == alone.paid_usd + sum((e.cost_usd for e in outside), Decimal(0))


def test_naive_re_pricing_uses_the_served_tokens_and_skips_what_it_cannot_price(entry, attempt):
    usage = Usage(input_tokens=1_000, output_tokens=100)
    priced = entry(0, attempts=(attempt(usage=usage, cost_usd="0.001"),))
    unpriced = entry(1, reference_price=None)
    naive = statement([priced, unpriced]).naive
    assert naive.n_requests == 1
    assert naive.reference_usd == Decimal("0.003")
    assert naive.saving_usd == Decimal("0.002")


def test_naive_re_pricing_counts_a_reference_that_is_free(entry):
    free = Price(id="free", input=Rate(base=Decimal(0)), output=Rate(base=Decimal(0)))
    naive = statement([entry(0, reference_price=free)]).naive
    assert (naive.n_requests, naive.reference_usd, naive.saving_usd) == (1, Decimal(0), -entry(0).cost_usd)


def test_naive_re_pricing_misses_that_the_reference_talks_more(entry, attempt):
    """The reference bills twice the tokens: the control arm shows it, re-pricing cannot."""
    short, long = Usage(input_tokens=0, output_tokens=100), Usage(input_tokens=0, output_tokens=200)
    half = Price(id="small", input=Rate(base=Decimal(1)), output=Rate(base=Decimal(5)))
    policy = [entry(i, attempts=(attempt(usage=short, cost_usd=str(half.cost_usd(short))),)) for i in range(30)]
    control = [
        entry(
            100 + i,
            arm="control",
            chosen="sim/large",
            propensity=0.25,
            attempts=(attempt("sim/large", usage=long, cost_usd="0.002"),),
        )
        for i in range(12)
    ]
    stated = statement([*policy, *control])
    assert float(stated.naive.saving_usd) / 30 == pytest.approx(0.0005)
    assert stated.saving.saving_usd.value / 30 == pytest.approx(0.0015)


def test_quality_compares_scored_requests_only(world):
    simulated = world(seed=8, n_sessions=300)
    unscored = [replace(e, request_id=f"u{e.request_id}", score=None) for e in simulated.entries]
    stated, with_unscored = statement(simulated.entries), statement([*simulated.entries, *unscored])
    assert with_unscored.quality == stated.quality
    assert stated.quality.reference.low < simulated.reference_score < stated.quality.reference.high
    assert stated.quality.difference.value == pytest.approx(stated.quality.policy - stated.quality.reference.value)
    assert statement(unscored).quality is None


def test_the_table_books_each_call_to_the_model_that_made_it(entry, attempt):
    failed = attempt("sim/small", cost_usd="0.0001", status="failed", latency_s=9.0)
    entries = [
        entry(0, attempts=(failed, attempt("sim/large", cost_usd="0.02", number=2, latency_s=2.0)), score=1.0),
        entry(1, attempts=(attempt("sim/small", cost_usd=None, latency_s=1.0),), score=0.0),
    ]
    rows = {row.model: row for row in statement(entries).models}
    small, large = rows["sim/small"], rows["sim/large"]
    assert (small.n_calls, small.n_served, small.n_unknown_cost, small.cost_usd) == (2, 1, 1, Decimal("0.0001"))
    assert (large.n_calls, large.n_served, large.cost_usd, large.share) == (1, 1, Decimal("0.02"), 0.5)
    assert (small.score.value, large.score.value, small.latency_p50_s) == (0.0, 1.0, 1.0)


def test_a_mean_score_of_one_still_has_an_interval():
    interval = mean_score([f"s{i}" for i in range(10)], [1.0] * 10)
    assert interval.low == pytest.approx(0.7225, abs=1e-3)  # Wilson, 10 of 10
    assert interval.high == 1.0


def test_answers_of_one_session_are_not_ten_proofs():
    alternating = [float(i % 2) for i in range(20)]
    apart = mean_score([f"s{i}" for i in range(40)], sorted(alternating * 2))
    together = mean_score([f"s{i // 10}" for i in range(40)], sorted(alternating * 2))
    assert together.high - together.low > 2 * (apart.high - apart.low)


def test_reasons_faults_and_statuses_are_counted(entry):
    entries = [entry(0), entry(1, reason="router_fault", fault="ValueError"), entry(2, status="failed", served=None)]
    stated = statement(entries)
    assert stated.reasons == Counter(cheapest_within_floor=2, router_fault=1)
    assert stated.faults == {"ValueError": 1}
    assert stated.statuses == {"delivered": 2, "failed": 1}
    assert stated.policy.n_failed == 1


def test_any_order_of_the_entries_gives_the_same_statement(world):
    entries = world(seed=9).entries
    shuffled = random.Random(0).sample(entries, len(entries))
    first, second = statement(entries), statement(iter(shuffled))
    assert second.saving.saving_usd.low == pytest.approx(first.saving.saving_usd.low)
    assert (second.paid_usd, second.n_sessions, second.verdict) == (first.paid_usd, first.n_sessions, first.verdict)


def test_an_empty_ledger_claims_nothing():
    stated = statement([])
    assert (stated.n_requests, stated.since, stated.saving, stated.quality) == (0, None, None, None)
    assert stated.verdict == "not_enough_evidence"
    assert stated.verdict in VERDICTS


def test_who_opted_out_is_in_neither_arm_and_is_counted(entry):
    midway = [entry(i, session_id="midway", arm="control", opted_out=i > 0) for i in range(3)]
    stated = statement([*midway, *(entry(i, session_id=f"s{i}") for i in range(10, 14))])
    assert stated.not_compared["opted_out"] == 3  # the first one as well: who leaves, leaves as a whole
    assert (stated.policy.n_sessions, stated.control.n_sessions) == (4, 0)


@pytest.mark.parametrize("purpose", ["shadow", "judge"])
def test_what_was_spent_on_learning_is_paid_for_and_compared_with_nothing(entry, purpose):
    served = [entry(i) for i in range(3)]
    learned = [entry(i, purpose=purpose, session_id=None) for i in range(10, 12)]
    stated = statement([*served, *learned])
    assert stated.not_compared["not_served"] == 2
    assert stated.paid_usd == statement(served).paid_usd + sum(e.cost_usd for e in learned)
    assert stated.policy.n_requests == 3


def test_what_learning_costs_is_taken_off_the_saving(world, entry):
    """Else a gateway that spends more on shadows than it saves would claim a saving."""
    served = world(seed=9).entries
    copies = [entry(90_000 + i, purpose="shadow", session_id=None) for i in range(3)]
    spent = sum(copy.cost_usd for copy in copies)
    without, stated = statement(served), statement([*served, *copies])
    assert stated.saving.own_usd == spent > 0
    for end in ("low", "value", "high"):
        before, after = (getattr(s.saving.saving_usd, end) for s in (without, stated))
        assert after == pytest.approx(before - float(spent))
    assert stated.saving.saving_share.value < without.saving.saving_share.value
    assert stated.gap.saving_usd == pytest.approx(without.gap.saving_usd - float(spent))
    assert {step.name: step.usd.value for step in stated.gap.steps}["own"] == pytest.approx(-float(spent))


def test_who_only_learned_and_served_the_reference_has_paid_more(world, entry):
    same = [replace(e, chosen="sim/large", served="sim/large", propensity=1.0) for e in world(factor=1.0).entries]
    stated = statement([*same, entry(90_000, purpose="shadow", session_id=None)])
    assert statement(same).verdict == "same"
    assert stated.verdict == "costs_more"
    assert stated.saving.saving_usd.high < 0


def test_costs_of_too_heavy_a_tail_show_no_saving(world):
    """Intervals would hold in fewer than 93 of 100 periods; quality does not depend on it."""
    wild = np.random.default_rng(1)
    entries = [
        replace(entry, cost_usd=(entry.cost_usd * Decimal(float(np.exp(wild.normal(0, 2))))).quantize(Decimal("1e-9")))
        for entry in world(seed=1, n_sessions=200).entries
    ]
    stated = statement(entries)
    assert (stated.verdict, stated.saving, stated.gap, stated.sessions_needed) == ("heavy_tail", None, None, None)
    assert stated.quality is not None
    assert "differ so widely" in verdict(stated)
