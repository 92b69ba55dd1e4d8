"""Deciding: who serves, why, with what chance, and what comes next; pure, and never the request's failure."""

import copy
import socket
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import numpy as np
import pytest
from msgspec import structs

from fairlead.errors import NoCandidateError
from fairlead.estimator import Estimator
from fairlead.evidence import Evidence
from fairlead.fitting import fit
from fairlead.money import weekly
from fairlead.policies import Constant, Floor, HullGuard, Order, Threshold, Thrifty, Utility
from fairlead.policies.base import Choices
from fairlead.policies.single import SingleStep
from fairlead.router import Router, known
from fairlead.testing import make_outcomes
from fairlead.types import (
    CallerLimits,
    Candidate,
    Capabilities,
    Context,
    HostState,
    Price,
    Rate,
    Request,
    SessionState,
    Tariff,
    Term,
)

BIG, SMALL, TINY = (
    Candidate(
        name=name,
        weights=weights,
        capabilities=Capabilities(context_tokens=window, tools=tools),
        price=Price(id=name, input=Rate(base=Decimal(usd)), output=Rate(base=Decimal(usd))),
    )
    for name, weights, window, tools, usd in [
        ("big", "strong", 100_000, True, 10),
        ("small", "middle", 10_000, True, 2),
        ("tiny", "weak", 100, None, 1),
    ]
)
HELLO = Request.from_prompt("Hello, which way is north?")
LONG = Request.from_prompt("far " * 5_000)


def session(**draws):
    return Context(session=SessionState(id="s", rule="test", **draws))


@pytest.fixture(scope="module")
def table():
    return make_outcomes(150)


@pytest.fixture(scope="module")
def fitted(table):
    return fit(table, seed=0)


@pytest.fixture(scope="module")
def bound(fitted):
    return fitted.bind([BIG, SMALL, TINY], reference="big", policy=Floor(margin=0.3))


class Broken(Estimator):
    """Fails on prompts that say so."""

    def transform(self, requests):
        if any("break" in request.prompt for request in requests):
            raise ZeroDivisionError
        return self.inner.transform(requests)


class Stubborn(SingleStep):
    """Chooses the last candidate, eligible or not."""

    def choose(self, predictions, circumstances):  # noqa: ARG002 - the contract's argument
        n, m = circumstances.eligible.shape
        return Choices(first=np.full(n, m - 1), propensity=np.ones(n), reason=("constant",) * n)


# Without evidence -----------------------------------------------------------------------------------------------------


def test_without_evidence_the_reference_serves():
    router = Router(candidates=(TINY, SMALL, BIG), reference="big")
    decision = router.route(HELLO)
    assert (decision.model, decision.reason, decision.propensity) == ("big", "no_evidence", 1.0)
    assert all(prediction.p_success is None for prediction in decision.predictions)


def test_without_evidence_a_reference_that_cannot_serve_yields_to_the_first_that_can():
    router = Router(candidates=(TINY, SMALL, BIG), reference="tiny")
    decision = router.route(LONG)
    assert (decision.model, decision.reason, decision.reference) == ("small", "reference_ineligible", None)
    assert decision.excluded == {"tiny": "context_window"}


def test_a_constant_policy_needs_no_evidence():
    decision = Router(candidates=(BIG, SMALL), reference="big", policy=Constant(candidate="small")).route(HELLO)
    assert (decision.model, decision.reason, decision.reference) == ("small", "constant", "big")


def test_nobody_left_is_an_error_that_lists_why():
    router = Router(candidates=(TINY,), reference="tiny")
    with pytest.raises(NoCandidateError) as caught:
        router.route(LONG)
    assert caught.value.excluded == {"tiny": "context_window"}


def test_in_a_batch_nobody_left_is_a_row():
    decisions = Router(candidates=(TINY,), reference="tiny").decide([HELLO, LONG, HELLO])
    assert decisions.first.tolist() == [0, -1, 0]
    assert decisions.reason[1] == "no_candidate"
    assert decisions.excluded(1) == {"tiny": "context_window"}
    assert decisions[0].model == decisions[2].model == "tiny"


def test_no_request_gives_no_decision(bound):
    assert len(bound.decide([])) == 0
    assert list(Router(candidates=(BIG,), reference="big").decide([])) == []


# The plan -------------------------------------------------------------------------------------------------------------


def test_after_the_choice_comes_the_reference_then_the_likeliest_then_the_unknown(fitted):
    strangers = [Candidate(name="stranger"), BIG, SMALL, TINY, Candidate(name="other")]
    router = fitted.bind(strangers, reference="small", policy=Constant(candidate="tiny"))
    plan = [stage.steps[0].candidate for stage in router.route(HELLO).plan]
    assert plan == ["tiny", "small", "big", "stranger"]  # four stages at most


def test_in_order_the_plan_follows_the_candidates_whatever_is_predicted(fitted):
    names = ("stranger", "small", "big", "tiny")
    router = replace(fitted, candidates=tuple(Candidate(name=name) for name in names), reference="tiny", policy=Order())
    decision = router.route(HELLO)
    assert [stage.steps[0].candidate for stage in decision.plan] == list(names)
    assert (decision.reason, decision.propensity) == ("in_order", 1.0)


def test_the_plan_holds_only_who_can_serve(bound):
    context = Context(
        hosts={"big": HostState(breaker_open=True)}, limits=CallerLimits(allowed=frozenset({"small", "big"}))
    )
    decision = bound.route(HELLO, context)
    assert [stage.steps[0].candidate for stage in decision.plan] == ["small"]
    assert decision.excluded == {"big": "breaker_open", "tiny": "not_allowed"}
    assert decision.reference is None


# Predictions ----------------------------------------------------------------------------------------------------------


def test_candidates_are_known_by_name_weights_or_alias(fitted):
    candidates = [
        Candidate(name="middle"),
        Candidate(name="host/strong", weights="strong"),
        Candidate(name="x", known_as=("nobody", "weak")),
        Candidate(name="stranger", weights="unheard of"),
    ]
    predictions = fitted.bind(candidates, reference="middle").predict([HELLO])
    own = fitted.predict([HELLO])
    column = {name: j for j, name in enumerate(own.candidates)}
    expected = [own.p_success[0, column[name]] for name in ("middle", "strong", "weak")]
    np.testing.assert_array_equal(predictions.p_success[0, :3], expected)
    assert np.isnan(predictions.p_success[0, 3])
    assert np.isnan(predictions.cost_usd).all()  # none of them has a price


def test_cost_is_the_candidates_price_for_the_expected_tokens(bound):
    predictions = bound.predict([HELLO])
    n_input = -(-len(HELLO.prompt) // 4)
    expected = (n_input + predictions.output_tokens[0]) * np.array([10, 2, 1]) / 1e6
    np.testing.assert_allclose(predictions.cost_usd[0], expected)


def test_the_callers_limit_bounds_the_expected_tokens(bound):
    assert (bound.predict([structs.replace(HELLO, max_output_tokens=7)]).output_tokens == 7).all()
    assert (bound.predict([HELLO]).output_tokens > 7).all()


# Purity ---------------------------------------------------------------------------------------------------------------


def test_a_batch_is_decided_as_one_by_one(bound, table):
    requests = [*table.requests, LONG]
    together = bound.decide(requests)
    assert list(together) == [bound.route(request) for request in requests]  # to the last digit of each prediction


def test_deciding_reads_no_clock_network_or_global_randomness(bound, table, monkeypatch):
    expected = list(bound.decide(table.requests[:20]))

    def forbidden(*_args, **_kwargs):
        raise AssertionError

    for module, name in [
        (time, "time"),
        (time, "perf_counter"),
        (socket, "socket"),
        (np.random, "random"),
        (np.random, "rand"),
    ]:
        monkeypatch.setattr(module, name, forbidden)
    assert list(bound.decide(table.requests[:20])) == expected
    assert all(decision.fault is None for decision in expected)


def test_deciding_changes_neither_request_nor_router(bound):
    request, state = copy.deepcopy(HELLO), {k: v.copy() for k, v in bound.success.state().items()}
    bound.route(request)
    assert request == HELLO
    for name, array in bound.success.state().items():
        np.testing.assert_array_equal(array, state[name])


def test_a_request_without_a_session_draws_by_its_seed_and_words(bound):
    mixed = replace(bound, policy=HullGuard(policy=Floor(), allowed=False, fixed="big", other="small", share=0.5))
    requests = [Request.from_prompt(f"question {i}") for i in range(400)]
    first = mixed.decide(requests).first
    assert (first == 1).mean() == pytest.approx(0.5, abs=0.1)
    np.testing.assert_array_equal(first, mixed.decide(requests).first)
    assert (first != mixed.decide(requests, [Context(seed=1)] * 400).first).any()


def test_a_session_stays_with_its_draw(bound):
    mixed = replace(bound, policy=HullGuard(policy=Floor(), allowed=False, fixed="big", other="small", share=0.5))
    requests = [Request.from_prompt(f"question {i}") for i in range(20)]
    for draw, expected in [(0.1, {1}), (0.9, {0})]:
        assert set(mixed.decide(requests, [session(mix_draw=draw)] * 20).first) == expected


# The control arm ------------------------------------------------------------------------------------------------------


def test_the_control_arm_gets_the_reference_and_both_arms_log_the_true_chance(bound):
    router = replace(bound, policy=Constant(candidate="small"), control_share=0.2)
    control, policy = router.route(HELLO, session(control_draw=0.1)), router.route(HELLO, session(control_draw=0.9))
    assert (control.model, control.arm, control.reason) == ("big", "control", "control_arm")
    assert control.propensity == pytest.approx(0.2)
    assert (policy.model, policy.arm, policy.reason) == ("small", "policy", "constant")
    assert policy.propensity == pytest.approx(0.8)
    assert router.route(HELLO).propensity == 1.0  # no session, no draw


# Faults ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def breakable(bound):
    features = Broken()
    features.inner = bound.features
    return replace(bound, features=features)


def test_a_fault_serves_the_reference_and_says_so(breakable):
    decision = breakable.route(Request.from_prompt("please break"))
    assert (decision.model, decision.reason, decision.fault) == ("big", "router_fault", "ZeroDivisionError")
    assert [stage.steps[0].candidate for stage in decision.plan] == ["big", "small", "tiny"]


def test_a_fault_serves_the_first_that_can_where_the_reference_cannot(breakable):
    context = Context(hosts={"big": HostState(breaker_open=True)})
    decision = breakable.route(Request.from_prompt("please break"), context)
    assert (decision.model, decision.reason, decision.reference) == ("small", "router_fault", None)


def test_one_fault_in_a_batch_touches_no_other_request(breakable, bound):
    requests = [HELLO, Request.from_prompt("please break"), LONG]
    decisions = breakable.decide(requests)
    assert decisions.fault == (None, "ZeroDivisionError", None)
    assert decisions[0].plan == bound.route(HELLO).plan
    assert decisions[2].excluded == bound.route(LONG).excluded


def test_a_policy_that_chooses_who_cannot_serve_is_a_fault(bound):
    decision = replace(bound, policy=Stubborn()).route(LONG)
    assert "tiny" in decision.excluded
    assert (decision.model, decision.fault) == ("big", "IneligibleChoiceError")


def test_a_fault_in_the_control_arm_is_still_its_arm(breakable):
    router = replace(breakable, control_share=0.5)
    decision = router.route(Request.from_prompt("please break"), session(control_draw=0.1))
    assert (decision.arm, decision.reason, decision.propensity) == ("control", "router_fault", 1.0)


# Binding and judging -------------------------------------------------------------------------------------------------


def test_binding_renames_the_policy_and_judges_its_guard_again(fitted):
    assert isinstance(fitted.policy, HullGuard)
    router = fitted.bind([BIG, SMALL, TINY], reference="big")
    assert isinstance(router.policy, HullGuard)
    assert router.policy.fixed in {"big", "small", "tiny"}
    assert repr(fitted.bind(fitted.candidates, reference=fitted.reference).policy) == repr(fitted.policy)


def test_a_bound_router_can_be_bound_again(fitted):
    here = replace(fitted, policy=Threshold(strong="strong", weak="weak", cut=0.6)).bind([BIG, TINY], reference="big")
    elsewhere = [replace(candidate, name=f"other/{candidate.name}") for candidate in (BIG, TINY)]
    there = here.bind([*elsewhere, TINY], reference="other/big")
    assert (there.policy.strong, there.policy.weak) == ("other/big", "tiny")  # who is still there keeps its place


def test_a_guard_is_judged_at_the_prices_of_the_candidates(fitted):
    floor = replace(fitted, policy=fitted.judged(Floor(margin=0.5)))
    assert floor.policy.fixed != "strong"
    cheap = Price(id="cheap", input=Rate(base=Decimal("0.001")), output=Rate(base=Decimal("0.001")))
    strong, *others = fitted.candidates
    guard = floor.bind([replace(strong, price=cheap), *others], reference="strong").policy
    assert (guard.allowed, guard.fixed, guard.other) == (False, "strong", None)  # nothing cheaper is left to go to


def test_candidates_without_a_common_outcome_leave_the_reference_serving(fitted):
    router = fitted.bind([Candidate(name="stranger"), BIG], reference="stranger")
    assert (router.policy.allowed, router.policy.fixed) == (False, "stranger")
    assert router.route(HELLO).model == "stranger"


def test_predictions_without_outcomes_of_ones_own_show_nothing(fitted):
    prior = replace(fitted, evidence=None)
    guard = prior.judged(Utility(willingness_to_pay_usd=1.0))
    assert (guard.allowed, guard.fixed) == (False, "strong")
    assert replace(prior, policy=guard).route(HELLO).model == "strong"
    assert isinstance(prior.judged(Order()), Order)  # it follows no prediction


def test_nobody_without_a_label_is_chosen_by_a_router_with_evidence(fitted, table):
    stranger = replace(SMALL, name="stranger", weights="stranger", price=BIG.price)
    router = fitted.bind([BIG, SMALL, stranger], reference="big")
    for policy in (Utility(willingness_to_pay_usd=float("inf")), Floor(margin=0.5), Thrifty(margin=0.5)):
        served = replace(router, policy=fitted.bind(router.candidates, reference="big").judged(policy))
        assert {decision.model for decision in served.decide(table.requests)} <= {"big", "small"}


def test_a_given_policy_is_taken_as_it_is(fitted):
    policy = Utility(willingness_to_pay_usd=1.0)
    assert fitted.bind([BIG], reference="big", policy=policy).policy is policy


def test_a_candidate_of_an_older_release_is_hashed_as_it_was_then():
    old = known(msgspec.to_builtins(Candidate(name="a")))  # a new field that is not `None` would refuse saved routers
    assert old.pop("capabilities") == {}
    assert old.pop("dialects") == ["openai"]
    assert old.keys() == {"name", "provider", "model", "weights", "refused", "settings", "known_as"}


def test_the_version_changes_with_anything_that_decides(fitted):
    versions = {
        fitted.version,
        replace(fitted, control_share=0.1).version,
        replace(fitted, policy=Floor(margin=0.2)).version,
        replace(fitted, reference="weak").version,
        fitted.bind([BIG, SMALL], reference="big").version,
        replace(fitted, candidates=fitted.candidates[:2]).version,
        fit(make_outcomes(150), seed=1).version,
    }
    assert len(versions) == 7
    assert fit(make_outcomes(150), seed=0).version == fitted.version


def test_evidence_knows_the_prompts_it_was_fitted_on(fitted, table):
    assert isinstance(fitted.evidence, Evidence)
    assert fitted.evidence.saw([table.prompts[3], "never asked"]).tolist() == [True, False]


PEAK = datetime(2026, 11, 25, 2, tzinfo=UTC)
QUIET = PEAK.replace(hour=12)


def at_hours(name, weights, usd, peak_usd):
    base, dear = (
        Price(id=f"{name} {u}", input=Rate(base=Decimal(u)), output=Rate(base=Decimal(u))) for u in (usd, peak_usd)
    )
    tariff = Tariff(terms=(Term(price=base), Term(price=dear, spans=weekly(range(7), 60, 240))))
    return Candidate(name=name, weights=weights, price=dear, tariff=tariff)


@pytest.fixture(scope="module")
def by_the_hour(fitted):
    candidates = [
        BIG,
        at_hours("hourly", "middle", 1, 9),
        replace(TINY, capabilities=Capabilities(), price=SMALL.price),
    ]
    return fitted.bind(candidates, reference="big", policy=Utility(willingness_to_pay_usd=1e-9))


def test_the_same_request_goes_elsewhere_at_a_peak_hour(by_the_hour):
    choices = [by_the_hour.route(HELLO, Context(now=now)) for now in (QUIET, PEAK)]
    assert [choice.model for choice in choices] == ["hourly", "tiny"]
    costs = [{p.candidate: p.cost_usd for p in choice.predictions}["hourly"] for choice in choices]
    assert costs[1] == pytest.approx(9 * costs[0])
    assert by_the_hour.route(HELLO).model == "tiny"  # without a moment the dearest hour counts


def test_a_batch_over_many_hours_is_each_decision_alone(by_the_hour):
    contexts = [Context(now=QUIET + timedelta(hours=i)) for i in range(30)]
    together = by_the_hour.decide([HELLO] * 30, contexts)
    alone = [by_the_hour.route(HELLO, context) for context in contexts]
    assert [d.model for d in together] == [d.model for d in alone]
    assert {d.model for d in alone} == {"hourly", "tiny"}
    for one, other in zip(together, alone, strict=True):
        costs = [[p.cost_usd for p in decision.predictions] for decision in (one, other)]
        assert costs[0] == pytest.approx(costs[1], rel=1e-5)


def test_a_tariff_is_part_of_what_decides(by_the_hour):
    other = by_the_hour.bind([BIG, at_hours("hourly", "middle", 1, 8)], reference="big")
    assert other.version != by_the_hour.version


def test_a_request_is_read_once_for_its_route_and_the_length_of_its_answers(bound, monkeypatch):
    n_read, transform = [], type(bound.features).transform
    monkeypatch.setattr(type(bound.features), "transform", lambda self, r: n_read.append(len(r)) or transform(self, r))
    request, other = (Request.from_prompt(prompt) for prompt in (HELLO.prompt, LONG.prompt))
    bound.route(request)
    within = bound.output_tokens_within(request, 0.99)
    assert n_read == [1]
    bound.route(other)
    assert bound.output_tokens_within(request, 0.99) == within
    assert n_read == [1, 1, 1]
