"""Fitting: what is learned is there, what is claimed is out of fold."""

from dataclasses import replace

import numpy as np
import pytest

from fairlead.errors import TableError
from fairlead.fitting import best_model, fit, gather
from fairlead.outcomes import join
from fairlead.policies import Floor, HullGuard, Thrifty, Utility
from fairlead.testing import make_outcomes


@pytest.fixture(scope="module")
def table():
    return make_outcomes(400)


@pytest.fixture(scope="module")
def router(table):
    return fit(table, seed=0)


def test_it_predicts_who_succeeds_at_what(router):
    new = make_outcomes(100, seed=7)
    predictions = router.predict(new.requests)
    hard = np.array(new.subset) == "hard"
    strong, _, weak = predictions.p_success.T
    assert weak[~hard].mean() - weak[hard].mean() > 0.4
    assert strong[hard].mean() - weak[hard].mean() > 0.4
    assert abs(strong[~hard].mean() - weak[~hard].mean()) < 0.1
    assert (np.diff(predictions.cost_usd, axis=1) < 0).all()


def test_the_policy_is_under_a_guard_and_the_reference_is_the_best(router):
    assert isinstance(router.policy, HullGuard)
    assert isinstance(router.policy.policy, Thrifty)
    assert router.reference == "strong"


def test_the_reference_can_be_given_or_named_by_the_floor(table):
    small = table.rows(range(40))
    assert fit(small, reference="middle").reference == "middle"
    assert fit(small, Floor(reference="weak")).reference == "weak"
    assert isinstance(fit(small, Utility(willingness_to_pay_usd=1.0)).policy.policy, Utility)


def test_the_best_model_is_measured_nearly_everywhere_and_priced():
    table = make_outcomes(100, models=("specialist", "unpriced", "all-round", "weak"))
    table.score[:] = [1.0, 1.0, 0.8, 0.5]
    table.score[20:, 0] = np.nan
    del table.prices["unpriced"]
    assert best_model(table) == "all-round"
    assert best_model(replace(table, prices={})) == "unpriced"


def test_a_price_without_tokens_makes_no_model_the_best():
    table = make_outcomes(60, models=("good", "priced"))
    table.score[:] = [0.9, 0.5]
    table.output_tokens[:] = np.nan
    del table.prices["good"]
    assert best_model(table) == "good"


def test_the_best_model_is_best_on_the_prompts_that_the_others_had_too():
    table = make_outcomes(100, models=("lucky", "good", "weak"))
    table.score[:50] = [0.4, 0.6, 0.3]
    table.score[50:] = [1.0, 1.0, 0.9]
    table.score[:4, 0] = np.nan  # measured nearly everywhere, but not on the hardest prompts
    table.score[50:60, 1] = np.nan
    table.score[:4, 1:] = 0.0
    table.score[50:60, 2] = 0.0
    assert best_model(table) == "good"


def test_the_same_seed_gives_the_same_router(table):
    small = table.rows(range(60))
    first, second = fit(small, seed=3), fit(small, seed=3)
    assert first.version == second.version
    np.testing.assert_array_equal(first.evidence.p_success, second.evidence.p_success)


def test_labels_that_mean_nothing_show_nothing_and_are_not_routed_by():
    rng = np.random.default_rng(0)
    table = make_outcomes(300)
    table.score[:] = rng.random(table.score.shape) < [0.8, 0.7, 0.6]
    router = fit(table, seed=0)
    assert not router.policy.allowed
    for row in router.evidence.metrics():
        assert row.auc == pytest.approx(0.5, abs=0.1)


def test_a_prompt_is_never_predicted_by_what_learned_its_question():
    table = make_outcomes(200)
    twice = join([table, replace(table, name="copy")])
    rng = np.random.default_rng(0)
    twice.score[:] = np.tile((rng.random((200, 3)) < 0.5).astype(float), (2, 1))
    evidence = gather(twice, seed=0)
    assert (evidence.question[:200] == evidence.question[200:]).all()
    np.testing.assert_allclose(evidence.p_success[:200], evidence.p_success[200:], atol=1e-5)
    assert all(row.auc < 0.6 for row in evidence.metrics())  # a leak would rank its own labels


def test_a_table_that_teaches_nothing_is_refused(table):
    with pytest.raises(TableError, match="asks 1 different question; expected at least two"):
        fit(table.rows([0]))
    with pytest.raises(TableError, match="asks 1 different question; expected at least two"):
        fit(replace(table.rows(range(5)), prompts=("The same question?",) * 5))
    with pytest.raises(TableError, match="has no model `gpt`; expected a reference among `strong`"):
        fit(table, reference="gpt")


def test_missing_models_and_tokens_are_unknown_not_zero():
    table = make_outcomes(60)
    table.score[:, 2] = np.nan
    table.output_tokens[:] = np.nan
    predictions = fit(table, seed=0).predict(table.requests[:5])
    assert np.isnan(predictions.p_success[:, 2]).all()
    assert np.isfinite(predictions.p_success[:, :2]).all()
    assert np.isnan(predictions.cost_usd).all()


def test_a_handful_of_prompts_is_enough_to_run(table):
    for n in (2, 3, 7):
        router = fit(table.rows(range(n)), seed=0)
        assert not router.policy.allowed
        assert router.route(table.requests[50]).fault is None


def test_a_template_that_the_models_saw_is_in_the_predicted_cost(table):
    templated = replace(table, input_tokens=table.input_tokens + 300)
    router = fit(templated.rows(range(200)))
    predicted = router.predict(templated.requests[200:]).cost_usd
    plain = fit(table.rows(range(200))).predict(table.requests[200:]).cost_usd
    assert predicted.sum() / templated.rows(range(200, 400)).cost_usd.sum() == pytest.approx(1, abs=0.1)
    np.testing.assert_allclose((predicted - plain)[:, 0], 300 * 4e-6, rtol=0.1)
    assert router.evidence.predicted_input_tokens.mean() == pytest.approx(templated.input_tokens[:200].mean(), rel=0.02)


def test_latency_is_predicted_where_the_table_knows_it(table):
    assert np.isnan(fit(table.rows(range(60))).predict(table.requests[:5]).latency_p95_s).all()
    latency_s = np.random.default_rng(0).exponential([4.0, 2.0, 1.0], table.score.shape)
    timed = fit(replace(table, latency_s=latency_s))
    predicted = timed.predict(make_outcomes(50, seed=7).requests).latency_p95_s
    np.testing.assert_allclose(predicted.mean(axis=0), np.quantile(latency_s, 0.95, axis=0), rtol=0.3)
    within = latency_s <= timed.evidence.predicted_latency_p95_s
    np.testing.assert_allclose(within.mean(axis=0), 0.95, atol=0.04)
    assert timed.route("Name three maps.").predictions[0].latency_p95_s > 0
