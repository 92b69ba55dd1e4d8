import numpy as np
import pytest
from msgspec.structs import replace

from fairlead.errors import ConfigError
from fairlead.policies import Cascade
from fairlead.policies.base import Circumstances
from fairlead.policies.judging import judge
from fairlead.policies.realised import Recorded
from fairlead.predictors.posterior import Verdict
from fairlead.types import Predictions

NAMES = ("dear", "cheap", "other", "useless")
P = np.array([0.85, 0.7, 0.7, 0.2])
COST = np.array([1.0, 0.03, 0.03, 0.02])


def world(n=900, *, seed=0, n_wrong=8, answers=True):
    """Predictions that know nothing but the means; right answers agree, and wrong ones rarely do."""
    rng = np.random.default_rng(seed)
    score = (rng.random((n, 4)) < P).astype(np.float64)
    given = np.where(score == 1, 0, rng.integers(1, n_wrong + 1, size=score.shape))
    grid = np.ones((n, 4))
    predictions = Predictions(
        candidates=NAMES,
        p_success=grid * P,
        p_success_sd=grid * 0.05,
        output_tokens=grid * 100,
        cost_usd=grid * COST,
        latency_p95_s=grid * [4.0, 1.0, 1.5, 1.0],
    )
    recorded = Recorded(
        score=score,
        cost_usd=grid * COST,
        latency_s=grid * [3.0, 1.0, 1.2, 1.0],
        output_tokens=np.round(rng.normal(100, 10, score.shape)),
        answers=given if answers else None,
        answer_form=np.zeros(n, dtype=np.int64) if answers else None,
    )
    return predictions, around(n), recorded


def around(n):
    return Circumstances(
        eligible=np.ones((n, 4), dtype=np.bool_),
        reference=0,
        mix_draw=np.zeros(n),
        answer_form=np.zeros(n, dtype=np.int64),
    )


@pytest.fixture(scope="module")
def cascade():
    return Cascade(objective="cost", margin=0.0).learned(*world())


def test_arguments_are_checked():
    with pytest.raises(ConfigError, match="`objective` is 'speed'"):
        Cascade(objective="speed")
    with pytest.raises(ConfigError, match="`willingness_to_pay_usd` is None"):
        Cascade(objective="utility")
    with pytest.raises(ConfigError, match="`margin` is 2"):
        Cascade(margin=2)


def test_without_outcomes_the_reference_serves():
    predictions, circumstances, _ = world(5)
    choices = Cascade().choose(predictions, circumstances)
    assert choices.first.tolist() == [0] * 5
    assert set(choices.reason) == {"no_evidence"}
    assert choices.openings == {}


def test_two_cheap_candidates_are_asked_first_and_the_dear_one_where_they_differ(cascade):
    predictions, circumstances, _ = world(20, seed=1)
    choices = cascade.choose(predictions, circumstances)
    assert set(choices.reason) == {"cascade"}
    first, last = choices.openings[0]
    assert {step.candidate for step in first.steps} == {"cheap", "other"}
    assert [step.candidate for step in last.steps] == ["dear"]
    rule = Verdict.from_weights(first.acceptance.weights)
    assert rule.of([5, 5], [100, 100], first.acceptance.cut)[1]
    assert not rule.of([5, 6], [100, 100], first.acceptance.cut)[1]


def test_it_reaches_the_reference_for_less_on_prompts_it_has_not_seen(cascade):
    predictions, circumstances, recorded = world(4000, seed=2)
    realised = cascade.realised(predictions, circumstances, recorded)
    assert realised.score.mean() > recorded.score[:, 0].mean()
    assert realised.cost_usd.mean() < 0.8 * COST[0]


def test_every_call_is_counted(cascade):
    predictions, circumstances, recorded = world(500, seed=3)
    realised = cascade.realised(predictions, circumstances, recorded)
    asked_on = realised.cost_usd > 1
    np.testing.assert_allclose(realised.cost_usd, np.where(asked_on, 1.06, 0.06))
    np.testing.assert_allclose(realised.latency_s, np.where(asked_on, 4.2, 1.2))
    agreed = recorded.answers[:, 1] == recorded.answers[:, 2]
    assert asked_on[agreed].mean() < 0.05
    assert asked_on[~agreed].mean() > 0.8


def test_what_it_came_to_is_what_its_rules_say(cascade):
    predictions, circumstances, recorded = world(300, seed=4)
    realised = cascade.realised(predictions, circumstances, recorded)
    choices = cascade.choose(predictions, circumstances)
    for i in range(300):
        first, last = choices.openings[i]
        names = [step.candidate for stage in (first, last) for step in stage.steps]
        columns = [NAMES.index(name) for name in names]
        answers, tokens = recorded.answers[i, columns].tolist(), recorded.output_tokens[i, columns].tolist()
        voter, good = Verdict.from_weights(first.acceptance.weights).of(answers[:-1], tokens[:-1], first.acceptance.cut)
        if not good:
            voter, _ = Verdict.from_weights(last.acceptance.weights).of(answers, tokens, last.acceptance.cut)
        assert realised.score[i] == recorded.score[i, columns[voter]]
        assert realised.cost_usd[i] == pytest.approx(COST[columns[:-1] if good else columns].sum())


def test_the_best_quality_costs_no_more_than_the_reference():
    best = Cascade(objective="quality").learned(*world())
    predictions, circumstances, recorded = world(4000, seed=5)
    realised = best.realised(predictions, circumstances, recorded)
    assert realised.cost_usd.mean() <= COST[0]
    assert realised.score.mean() > recorded.score[:, 0].mean() + 0.02


def test_who_pays_nothing_for_quality_gets_a_cheap_answer():
    thrifty = Cascade(objective="utility", willingness_to_pay_usd=0.05).learned(*world())
    predictions, circumstances, recorded = world(50, seed=6)
    assert thrifty.realised(predictions, circumstances, recorded).cost_usd.mean() < 0.1


@pytest.mark.parametrize(
    "change",
    [
        {"answer_form": None},
        {"answer_form": np.full(20, -1)},
        {"answer_form": np.full(20, 3)},
        {"limit_p95_s": 5.0},
        {"eligible": np.tile([True, True, False, True], (20, 1))},
    ],
    ids=["not asked", "a tool call", "a form never compared", "no time for two calls", "one cannot serve"],
)
def test_no_cascade_where_it_cannot_work(cascade, change):
    predictions, circumstances, _ = world(20)
    choices = cascade.choose(predictions, replace(circumstances, **change))
    asked = {step.candidate for stages in choices.openings.values() for stage in stages for step in stage.steps}
    assert "other" not in asked
    if "eligible" not in change:
        assert choices.openings == {}
        assert set(choices.reason) == {"highest_utility"}


def test_there_is_time_for_two_calls_within_the_limit(cascade):
    predictions, circumstances, _ = world(20)
    assert cascade.choose(predictions, replace(circumstances, limit_p95_s=5.5)).openings


def test_a_table_without_answers_leaves_direct_calls():
    predictions, circumstances, recorded = world(answers=False)
    choices = (
        Cascade(objective="cost", margin=0.0)
        .learned(predictions, circumstances, recorded)
        .choose(predictions, circumstances)
    )
    assert choices.openings == {}
    assert set(choices.reason) == {"highest_utility"}


def test_where_all_wrong_answers_agree_agreement_is_not_trusted_blindly():
    misled = Cascade(objective="cost", margin=0.0).learned(*world(4000, n_wrong=1))
    predictions, circumstances, recorded = world(4000, seed=7, n_wrong=1)
    realised = misled.realised(predictions, circumstances, recorded)
    assert realised.score.mean() > recorded.score[:, 0].mean() - 0.02


def test_the_guard_lets_it_serve_where_it_gains():
    guard = judge(Cascade(objective="quality"), world()[0], world()[2], "dear", 0)
    assert guard.allowed
    assert guard.compares_answers
    assert guard.gain > 0.02


def test_it_says_what_was_asked_of_it_and_not_all_that_it_learned(cascade):
    assert repr(cascade) == "Cascade(objective='cost', margin=0.0)"
