"""What every policy must do; a new one gets these checks by being listed in `POLICIES` and in `EXAMPLES`."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from fairlead.policies import (
    POLICIES,
    Budget,
    Cascade,
    Certified,
    Constant,
    Floor,
    HullGuard,
    Latency,
    LatencyLimit,
    Order,
    Threshold,
    Thrifty,
    Utility,
)
from fairlead.policies.base import REASONS, Circumstances
from fairlead.policies.realised import Recorded
from fairlead.types import Predictions

NAMES = ("a", "b", "c", "d")


def learned_cascade():
    """Returns a cascade over the names that has learned plans: two cheap candidates that agree are right."""
    rng = np.random.default_rng(0)
    n, m = 300, len(NAMES)
    cost_usd = np.tile([1.0, 0.05, 0.04, 0.3], (n, 1))
    score = (rng.random((n, m)) < [0.9, 0.7, 0.7, 0.8]).astype(np.float64)
    answers = np.where(score == 1, 0, rng.integers(1, 9, size=(n, m)))
    predictions = Predictions(
        candidates=NAMES,
        p_success=np.tile([0.9, 0.7, 0.7, 0.8], (n, 1)) + rng.normal(0, 0.02, (n, m)),
        p_success_sd=np.full((n, m), 0.1),
        output_tokens=np.full((n, m), 100.0),
        cost_usd=cost_usd,
        latency_p95_s=np.full((n, m), np.nan),
    )
    recorded = Recorded(score=score, cost_usd=cost_usd, answers=answers, answer_form=np.zeros(n, dtype=np.int64))
    everyone = Circumstances(eligible=np.ones((n, m), dtype=np.bool_), reference=0, mix_draw=np.zeros(n))
    return Cascade(objective="cost").learned(predictions, everyone, recorded)


EXAMPLES = {
    "Order": [Order()],
    "Constant": [Constant(candidate="b"), Constant(candidate="nobody")],
    "Threshold": [Threshold(strong="a", weak="c", cut=0.6), Threshold(strong="nobody", weak="nobody", cut=0.5)],
    "Utility": [Utility(willingness_to_pay_usd=0.5)],
    "Floor": [Floor(margin=0.05), Floor(reference="b", margin=0.0), Floor(reference="nobody")],
    "Latency": [Latency(margin=0.05), Latency(reference="b", margin=0.0, caution=0.0), Latency(reference="nobody")],
    "Budget": [Budget(usd_per_request=0.3), Budget(usd_per_request=0.3, multiplier=0.8, other=0.4, share=0.25)],
    "Thrifty": [Thrifty(), Thrifty(margin=0.05, willingness_to_pay_usd=0.5, caution=1.0)],
    "LatencyLimit": [
        LatencyLimit(policy=Floor(margin=0.05), latency_p95_s=0.4),
        LatencyLimit(policy=Constant(candidate="b"), latency_p95_s=0.4),
        LatencyLimit(policy=Budget(usd_per_request=0.3), latency_p95_s=0.4),
    ],
    "Cascade": [Cascade(objective="utility", willingness_to_pay_usd=0.5), learned_cascade()],
    "Certified": [
        Certified(),
        Certified(policies=[Utility(willingness_to_pay_usd=2.0), Utility(willingness_to_pay_usd=0.5)], unjudged=("d",)),
        Certified(policies=[LatencyLimit(policy=Constant(candidate="b"), latency_p95_s=0.4)], expires_at_s=2e9),
    ],
    "HullGuard": [
        HullGuard(policy=Floor(), allowed=True, fixed="a", unjudged=("d",), gain=0.02, lower=0.01, n=500),
        HullGuard(policy=Floor(), allowed=False, fixed="b"),
        HullGuard(policy=Utility(willingness_to_pay_usd=1.0), allowed=False, fixed="b", other="d", share=0.25),
        HullGuard(policy=LatencyLimit(policy=Floor(), latency_p95_s=0.4), allowed=False, fixed="b"),
    ],
}
FOR_QUALITY = {"cheapest_within_floor", "fastest_within_floor", "above_threshold", "highest_utility", "best_buy"}
CASES = [pytest.param(policy, id=repr(policy)) for examples in EXAMPLES.values() for policy in examples]


def make_case(n=200, *, seed=0, unknown=0.2):
    rng = np.random.default_rng(seed)
    shape = (n, len(NAMES))
    p_success, cost_usd, latency_p95_s, hosts = (rng.random(shape) for _ in range(4))
    for grid in (p_success, cost_usd, latency_p95_s):
        grid[rng.random(shape) < unknown] = np.nan
    hosts[rng.random(shape) < 0.5] = np.nan
    eligible = rng.random(shape) < 0.7
    eligible[np.arange(n), rng.integers(len(NAMES), size=n)] = True
    predictions = Predictions(
        candidates=NAMES,
        p_success=p_success,
        p_success_sd=rng.random(shape) * 0.2,
        output_tokens=np.full(shape, 100.0),
        latency_p95_s=latency_p95_s,
        cost_usd=cost_usd,
    )
    circumstances = Circumstances(
        eligible=eligible,
        reference=0,
        mix_draw=rng.random(n),
        host_latency_p95_s=hosts * (unknown <= 1),
        answer_form=np.zeros(n, dtype=np.int64),
    )
    return predictions, circumstances


def make_recorded(n=200, *, seed=1):
    rng = np.random.default_rng(seed)
    shape = (n, len(NAMES))
    return Recorded(
        score=(rng.random(shape) < 0.6) * 1.0,
        cost_usd=rng.random(shape),
        latency_s=rng.random(shape),
        answers=rng.integers(-1, 3, size=shape),
    )


def one_of(predictions, circumstances, i):
    return predictions.rows(np.array([i])), circumstances.rows(np.array([i]))


def test_every_policy_has_an_example():
    assert set(EXAMPLES) == set(POLICIES)
    assert all(type(policy) is POLICIES[name] for name, examples in EXAMPLES.items() for policy in examples)


@pytest.mark.parametrize("policy", CASES)
def test_it_chooses_who_is_eligible_with_a_chance_and_a_known_reason(policy):
    predictions, circumstances = make_case()
    choices = policy.choose(predictions, circumstances)
    assert circumstances.eligible[np.arange(200), choices.first].all()
    assert ((choices.propensity > 0) & (choices.propensity <= 1)).all()
    assert set(choices.reason) <= set(REASONS)
    assert len(choices.reason) == 200


@pytest.mark.parametrize("policy", CASES)
def test_the_same_arguments_give_the_same_choices_and_stay_as_they_were(policy):
    predictions, circumstances = make_case()
    once = policy.choose(predictions, circumstances)
    again = policy.choose(*make_case())
    np.testing.assert_array_equal(once.first, again.first)
    np.testing.assert_array_equal(once.propensity, again.propensity)
    assert once.reason == again.reason
    untouched = make_case()
    np.testing.assert_array_equal(predictions.p_success, untouched[0].p_success)
    np.testing.assert_array_equal(predictions.cost_usd, untouched[0].cost_usd)
    np.testing.assert_array_equal(circumstances.eligible, untouched[1].eligible)


@pytest.mark.parametrize("policy", CASES)
def test_a_batch_equals_one_by_one(policy):
    predictions, circumstances = make_case(60)
    batch = policy.choose(predictions, circumstances)
    for i in range(60):
        one = policy.choose(*one_of(predictions, circumstances, i))
        assert (one.first[0], one.propensity[0], one.reason[0]) == (
            batch.first[i],
            batch.propensity[i],
            batch.reason[i],
        )
        assert one.openings.get(0) == batch.openings.get(i)


@pytest.mark.parametrize("policy", CASES)
def test_nobody_is_chosen_for_a_quality_that_is_unknown(policy):
    predictions, circumstances = make_case(unknown=0.5)
    choices = policy.choose(predictions, circumstances)
    for i, reason in enumerate(choices.reason):
        if reason in FOR_QUALITY:
            assert np.isfinite(predictions.p_success[i, choices.first[i]])


@pytest.mark.parametrize("policy", CASES)
def test_with_nothing_known_the_reference_or_a_fixed_choice_serves(policy):
    predictions, circumstances = make_case(unknown=1.1)
    everyone = msgspec.structs.replace(circumstances, eligible=np.ones_like(circumstances.eligible))
    reasons = set(policy.choose(predictions, everyone).reason)
    fixed = {"constant", "in_order", "guard_fixed", "guard_mix", "not_certified"}
    assert reasons <= {"no_evidence", "reference_ineligible", *fixed}


@pytest.mark.parametrize("policy", CASES)
def test_parameters_survive_json_and_rebuild_the_policy(policy):
    def packed(part):
        return {
            "name": type(part).__name__,
            "params": {k: packed_value(v) for k, v in part.params().items()},
        }

    def packed_value(value):
        if isinstance(value, tuple):
            return [packed_value(each) for each in value]
        return packed(value) if hasattr(value, "choose") else value

    def rebuilt_value(value):
        if isinstance(value, list):
            return tuple(rebuilt_value(each) for each in value)
        return rebuilt(value) if isinstance(value, dict) and "name" in value else value

    def rebuilt(written):
        nested = {k: rebuilt_value(v) for k, v in written["params"].items()}
        return POLICIES[written["name"]](**nested)

    written = msgspec.json.decode(msgspec.json.encode(packed(policy)))
    assert repr(rebuilt(written)) == repr(policy)
    assert repr(policy.clone()) == repr(policy)
    assert policy.state() == {}


@pytest.mark.parametrize("policy", CASES)
def test_renamed_candidates_are_chosen_just_the_same(policy):
    names = {name: f"host/{name}" for name in NAMES}
    predictions, circumstances = make_case()
    renamed = policy.renamed(names)
    choices = renamed.choose(replace(predictions, candidates=tuple(names.values())), circumstances)
    np.testing.assert_array_equal(choices.first, policy.choose(predictions, circumstances).first)
    assert repr(renamed.renamed({new: old for old, new in names.items()})) == repr(policy)


@pytest.mark.parametrize("policy", CASES)
def test_what_its_decisions_came_to_is_what_the_chosen_candidates_did(policy):
    predictions, circumstances = make_case()
    recorded = make_recorded()
    realised = policy.realised(predictions, circumstances, recorded)
    choices = policy.choose(predictions, circumstances)
    expected = recorded.of(choices.first)
    alone = [i for i in range(200) if i not in choices.openings]
    assert alone
    np.testing.assert_array_equal(realised.score[alone], expected.score[alone])
    np.testing.assert_array_equal(realised.cost_usd[alone], expected.cost_usd[alone])
    np.testing.assert_array_equal(realised.latency_s[alone], expected.latency_s[alone])


@pytest.mark.parametrize("policy", CASES)
def test_what_it_learns_stands_in_its_arguments_and_is_learned_anew_each_time(policy):
    before = repr(policy)
    case = (*make_case(unknown=0.0), make_recorded())
    learned = policy.learned(*case)
    assert repr(policy) == before
    assert repr(learned.clone()) == repr(learned)
    other = (*make_case(seed=5, unknown=0.0), make_recorded(seed=6))
    assert repr(policy.learned(*other).learned(*case)) == repr(learned)


@pytest.mark.parametrize("policy", CASES)
def test_its_own_limits_only_ever_take_candidates_away_and_leave_one(policy):
    predictions, circumstances = make_case()
    narrowed = policy.narrowed(predictions, circumstances)
    assert not (narrowed.eligible & ~circumstances.eligible).any()
    assert narrowed.eligible.any(axis=1).all()
    np.testing.assert_array_equal(policy.narrowed(predictions, narrowed).eligible, narrowed.eligible)
    choices = policy.choose(predictions, circumstances)
    assert narrowed.eligible[np.arange(200), choices.first].all()
