from dataclasses import replace

from fairlead.evaluation.baselines import baselines
from fairlead.evaluation.splits import MARGINS, evaluate_splits, operating_points, weak_model
from fairlead.testing import make_outcomes


def test_all_methods_are_judged_on_what_they_were_not_fitted_on():
    table = make_outcomes(80, models=("strong", "weak"), seed=0)
    evaluation = evaluate_splits(table, seeds=[4, 5], n_boot=50)
    names = [method.name for method in evaluation.methods]
    assert names[0] == "router, guarded"
    assert names[-5:] == [method.name for method in baselines(table)]
    assert set(operating_points(table, "strong")) < set(names)
    assert (evaluation.n_splits, evaluation.n_prompts) == (2, 48)
    assert evaluation.n_questions < evaluation.n_prompts
    assert {method.n + method.n_unscored for method in evaluation.methods} == {48}


def test_without_a_price_only_margins_are_listed():
    table = make_outcomes(20, models=("strong", "weak"))
    assert len(operating_points(replace(table, prices={}), "strong")) == len(MARGINS)


def test_a_margin_is_swept_by_what_the_policy_learned_and_not_by_the_reference():
    table = make_outcomes(400, models=("strong", "weak"), seed=0)
    costs = {m.name: m.cost_usd.value for m in evaluate_splits(table, seeds=[4], n_boot=50).methods}
    assert costs["cost, margin 0.05"] < costs["cost, margin 0"] <= costs["best single"]


def test_a_threshold_takes_the_best_of_the_far_cheaper_models():
    table = make_outcomes(200, models=("strong", "middle", "weak", "weakest"))  # each a quarter of the one before
    assert weak_model(table, "strong") == "weak"
    assert weak_model(table.only(["strong", "middle"]), "strong") == "middle"
