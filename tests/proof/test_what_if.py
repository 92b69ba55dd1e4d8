"""Another policy's cost and score are found on a log of which the truth is known; what says nothing is counted."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest

from fairlead.decisions import Recalled
from fairlead.policies import Constant, Floor
from fairlead.proof import what_if as module
from fairlead.proof.off_policy import estimate
from fairlead.proof.what_if import NOT_USABLE, what_if
from fairlead.router import Router
from fairlead.types import Candidate, Context, Prediction, SessionState, Stage, Step

BIG, SMALL, TINY = "sim/big", "sim/small", "sim/tiny"
PRICES = {BIG: 0.010, SMALL: 0.002, TINY: 0.0005}
ROUTER = Router(
    candidates=tuple(Candidate(name=name) for name in PRICES),
    reference=BIG,
    policy=Floor(margin=0.1),
    control_share=0.25,
)


def direct(name):
    return (Stage(steps=(Step(candidate=name),)),)


def predictions(gap, size):
    return tuple(
        Prediction(
            candidate=name, p_success=p, p_success_sd=0.05, output_tokens=size * 100, cost_usd=size * PRICES[name]
        )
        for name, p in ((BIG, 0.9), (SMALL, 0.9 - gap), (TINY, 0.2))
    )


def make_world(make, *, n_sessions=400, seed=0):
    """Returns entries of a log that routes half of the requests to the small model, and each request's costs."""
    rng = np.random.default_rng(seed)
    entries, costs, scores = [], [], []
    for s in range(n_sessions):
        session = SessionState(id=f"s{s}", rule="header", control_draw=rng.random(), mix_draw=rng.random())
        level = rng.normal(0, 0.3)
        for _ in range(rng.geometric(0.5)):
            gap, size = rng.choice([0.02, 0.3]), float(np.exp(level + rng.normal(0, 0.5)))
            expected, i = predictions(gap, size), len(entries)
            context = Context(session=session, seed=i)
            decision = ROUTER.decide_again([_recalled(expected, context)])[0]
            noise = float(np.exp(rng.normal(0, 0.3)))
            cost = {name: round(price * size * noise * 1.5, 9) for name, price in PRICES.items()}
            score = {p.candidate: float(rng.random() < p.p_success) for p in expected}
            costs.append(cost)
            scores.append(score)
            entries.append(
                make(
                    i,
                    session_id=session.id,
                    arm=decision.arm,
                    propensity=decision.propensity,
                    reason=decision.reason,
                    chosen=decision.model,
                    reference=BIG,
                    plan=decision.plan,
                    chances=decision.chances,
                    mix_draw=decision.mix_draw,
                    predictions=expected,
                    context=context,
                    cost_usd=Decimal(str(cost[decision.model])),
                    score=score[decision.model],
                    latency_s=2.0,
                )
            )
    return entries, costs, scores


def _recalled(expected, context):
    return Recalled(predictions=expected, excluded={}, context=context, mix_draw=context.session.mix_draw)


def by_name(found):
    return {measured.measure: measured for measured in found.measures}


def test_always_the_reference_is_found_from_the_control_arm(entry):
    entries, costs, scores = make_world(entry)
    found = what_if(entries, {"auto": replace(ROUTER, policy=Constant(candidate=BIG))})
    assert found.n_usable == len(entries)
    cost, score = by_name(found)["cost_usd"], by_name(found)["score"]
    truth = np.mean([c[BIG] for c in costs])
    assert cost.once.low < truth < cost.once.high
    assert cost.always.low < truth < cost.always.high
    assert cost.once.high - cost.once.low < 0.4 * truth
    assert score.once.low < np.mean([s[BIG] for s in scores]) < score.once.high
    assert cost.difference.low > 0  # it would have been dearer
    assert cost.as_logged == pytest.approx(np.mean([float(e.cost_usd) for e in entries]))


def test_the_policy_of_the_log_is_known_but_for_the_control_arm(entry):
    entries, costs, _ = make_world(entry)
    found = what_if(entries, {"auto": ROUTER})
    cost = by_name(found)["cost_usd"]
    assert found.agreement == 1.0
    chosen = [SMALL if e.predictions[1].p_success > 0.8 else BIG for e in entries]
    truth = np.mean([c[name] for c, name in zip(costs, chosen, strict=True)])
    assert cost.once.low < truth < cost.once.high
    assert cost.once.high - cost.once.low < 0.1 * truth


def test_whom_the_log_could_not_have_called_it_tells_nothing_of(entry):
    entries, *_ = make_world(entry, n_sessions=100)
    found = what_if(entries, {"auto": replace(ROUTER, policy=Constant(candidate=TINY))})
    assert (found.n_usable, found.not_usable, found.measures) == (0, {"no_chance": len(entries)}, ())
    small = what_if(entries, {"auto": replace(ROUTER, policy=Constant(candidate=SMALL))})
    n_small = sum(SMALL in e.chances for e in entries)
    assert (small.n_usable, small.not_usable["no_chance"]) == (n_small, len(entries) - n_small)


def test_a_new_candidate_is_excluded_since_nothing_was_logged_of_it(entry):
    entries, *_ = make_world(entry, n_sessions=60)
    new = Router(candidates=(Candidate(name="sim/new"),), reference="sim/new")
    assert what_if(entries, {"auto": new}).not_usable == {"nobody": len(entries)}


def test_thin_overlap_is_refused_with_the_number_that_is_missing(entry):
    entries, *_ = make_world(entry, n_sessions=60)
    found = what_if(entries, {"auto": replace(ROUTER, policy=Constant(candidate=BIG))})
    cost = by_name(found)["cost_usd"]
    assert (cost.once, cost.always, cost.difference) == (None, None, None)
    assert cost.overlap.refusal == "few_sessions"
    assert cost.overlap.sessions_needed > 0


def test_what_says_nothing_is_counted_by_reason(entry):
    entries, *_ = make_world(entry, n_sessions=100)
    odd = [
        replace(entries[0], reason="asked_for"),
        replace(entries[1], purpose="judge"),
        replace(entries[2], route="gone"),
        replace(entries[3], chances=None),
        replace(entries[4], fault="ValueError"),
    ]
    unknown = replace(entries[5], cost_usd=None)
    found = what_if([*odd, unknown, *entries[6:]], {"auto": replace(ROUTER, policy=Constant(candidate=BIG))})
    assert set(found.not_usable) == {"asked_for", "not_served", "other_route", "kept_too_little", "router_fault"}
    assert set(found.not_usable) <= set(NOT_USABLE)
    assert found.n_requests == len(entries)
    assert by_name(found)["cost_usd"].not_observed == 1


def test_a_log_in_any_order_of_routes_is_read_in_time(entry):
    """Sessions count in the order in which they began, whichever route they belong to."""
    entries, *_ = make_world(entry)
    later = [replace(e, route="other", at=e.at + timedelta(days=9), session_id=f"o{e.session_id}") for e in entries]
    routers = dict.fromkeys(("auto", "other"), replace(ROUTER, policy=Constant(candidate=BIG)))
    both = by_name(what_if([*later, *entries], routers))["cost_usd"]
    assert both.once == by_name(what_if([*entries, *later], routers))["cost_usd"].once


def test_intervals_are_those_of_the_estimator_that_holds_and_of_no_other(entry, monkeypatch):
    """`ips` and `dm` hold too rarely where sessions are long: they are never asked, and `snips` is a point."""
    asked = []

    def recorded(sample, estimator="dr", **options):
        asked.append(estimator)
        return estimate(sample, estimator, **options)

    monkeypatch.setattr(module, "estimate", recorded)
    found = what_if(make_world(entry)[0], {"auto": replace(ROUTER, policy=Constant(candidate=BIG))})
    assert set(asked) == {"dr", "snips"}
    assert all(isinstance(measured.cross_check, float) for measured in found.measures)
