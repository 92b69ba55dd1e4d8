from dataclasses import replace

import numpy as np
import pytest

from fairlead.errors import TableError
from fairlead.evaluation import baselines, evaluate
from fairlead.evaluation.offline import serve_offline
from fairlead.evaluation.report import page
from fairlead.fitting import fit
from fairlead.policies import Cascade, Constant, Floor, HullGuard
from fairlead.testing import make_outcomes


def by_name(evaluation):
    return {method.name: method for method in evaluation.methods}


def test_a_router_that_reads_the_prompt_beats_the_hull_and_nobody_beats_the_oracle(router, table):
    evaluation = evaluate([router, *baselines()], table)
    found = by_name(evaluation)
    mine = found["Floor(reference=None, margin=0.1, caution=1.0)"]
    assert mine.gain.low > 0
    assert mine.cost_ratio.high < 0.7
    assert all(method.regret.value >= 0 for method in evaluation.methods)
    assert found["oracle"].regret.value == 0
    assert evaluation.references == ("strong",)
    assert found["random mix at equal cost"].cost_usd.value == pytest.approx(mine.cost_usd.value)


def test_no_fixed_model_lies_above_the_hull_of_fixed_models(table):
    for method in evaluate(baselines(), table).methods:
        if not method.bound:
            assert method.gain.value <= 1e-12


def test_the_same_seed_gives_the_same_table_and_another_does_not(router, table):
    assert str(evaluate([router], table, seed=3)) == str(evaluate([router], table, seed=3))
    assert str(evaluate([router], table, seed=3)) != str(evaluate([router], table, seed=4))


def test_a_guards_mix_is_drawn_with_its_share(routed, table):
    mix = HullGuard(policy=Constant(candidate="weak"), allowed=False, fixed="weak", other="strong", share=0.25)
    calls = evaluate([routed(mix)], table).methods[0].calls
    assert calls["strong"] == pytest.approx(0.25, abs=0.07)


def test_prompts_and_models_with_holes_are_left_out_and_named(router):
    holes = make_outcomes(200, seed=2)
    holes.score[:10, 1] = np.nan
    table = replace(holes, prices={model: price for model, price in holes.prices.items() if model != "weak"})
    evaluation = evaluate(baselines(), table)
    assert evaluation.models_left_out == ("weak",)
    assert evaluation.n_prompts_left_out == 10
    assert {method.n for method in evaluation.methods} == {190}


def test_a_router_that_chooses_a_model_without_a_price_is_not_scored_there(routed):
    made = make_outcomes(200, seed=2)
    table = replace(made, prices={model: price for model, price in made.prices.items() if model != "weak"})
    found = evaluate([routed(Constant(candidate="weak"))], table).methods[0]
    assert (found.n, found.n_unscored) == (0, 200)


def test_a_router_that_breaks_down_is_judged_on_the_reference_and_says_so(router, table):
    broken = replace(router, success=Floor())  # no predictor at all
    found = evaluate([broken], table, n_boot=50).methods[0]
    assert (found.n_faults, dict(found.calls)) == (400, {"strong": 1.0})


def test_a_table_without_prices_is_judged_on_scores(router):
    table = replace(make_outcomes(100, seed=4), prices={})
    found = evaluate([router, *baselines()], table).methods[0]
    assert np.isfinite(found.score.low)
    assert np.isnan(found.cost_usd.value)


def test_repeated_questions_widen_the_intervals(router, table):
    twice = make_outcomes(400, seed=1)
    alike = replace(twice, prompts=tuple(twice.prompts[i // 8] for i in range(400)))
    wide = evaluate(baselines(), alike)
    assert wide.n_questions == 50
    narrow = evaluate(baselines(), table)
    assert narrow.n_questions == 400


def test_a_configured_candidate_is_judged_under_the_tables_name(router, table):
    candidates = [replace(c, name=f"host/{c.name}", model=f"{c.name}-v2") for c in router.candidates]
    bound = router.bind(candidates, reference="host/strong")
    assert evaluate([bound], table).references == ("strong",)
    assert evaluate([bound], table).methods[0].calls == evaluate([router], table).methods[0].calls


def test_a_second_router_of_one_name_is_numbered(router, table):
    names = [method.name for method in evaluate([router, router], table).methods]
    assert names[1] == f"{names[0]} #2"


def test_a_table_without_a_score_is_refused(table):
    empty = replace(table, score=np.full_like(table.score, np.nan))
    with pytest.raises(TableError, match="`made-up` has no prompt with a score"):
        evaluate(baselines(), empty)


def test_the_page_is_whole_and_fetches_nothing(router, table):
    html = page([evaluate([router, *baselines()], table)], notice="All <simulated>.")
    assert html.count("<svg") == 2
    assert "All &lt;simulated&gt;." in html
    assert "random mix at equal cost" in html
    assert "http" not in html.replace("http://www.w3.org/2000/svg", "")
    assert "<script" not in html


def test_the_page_of_a_table_without_costs_has_no_plots(router):
    table = replace(make_outcomes(60, seed=4), prices={})
    html = page([evaluate([router], table)])
    assert "<svg" not in html
    assert "not known" in html


def test_a_cascade_is_judged_by_all_its_calls_and_the_answer_that_was_served():
    train, test = make_outcomes(900, n_wrong_answers=9, seed=5).split(0.7, seed=0)
    router = fit(train, Cascade(objective="utility", willingness_to_pay_usd=0.05), seed=0)
    router = router.bind(router.candidates, reference=router.reference, policy=router.policy.policy)
    openings = router.decide(test.requests).openings
    assert openings
    (judged,) = evaluate([router], test).methods
    served = serve_offline(router, test)
    assert judged.score.value == pytest.approx(
        np.mean([test.score[i, test.column_of[r.model]] for i, r in enumerate(served)])
    )
    assert judged.cost_usd.value == pytest.approx(np.mean([float(row.cost_usd) for row in served]))
    assert sum(judged.calls.values()) > 1.2
