import math
from dataclasses import replace

import numpy as np
import pytest

from fairlead.evaluation.benchmark.claims import claims, ranking
from fairlead.evaluation.benchmark.ours import DEFAULT, DIRECT, NAME, UNGUARDED
from fairlead.evaluation.benchmark.pooling import part_result
from fairlead.evaluation.benchmark.running import found_cells
from fairlead.statistics.bootstrap import Interval


def test_every_method_that_applies_is_there_and_bounds_come_last(results):
    priced, by_quality = results
    assert not priced.failed
    assert not by_quality.failed
    assert set(by_quality.not_applicable) == {"cheapest", "random mix", "CARROT", "FrugalGPT", DIRECT}
    bounds = [method.bound for method in priced.methods]
    assert bounds == sorted(bounds)
    values = [method.main.value for method in priced.methods if not method.bound]
    assert values == sorted(values, reverse=True)


def test_figures_of_a_fixed_choice_by_hand(results, tasks, priced):
    part = results[0]
    tests = [task.judged.split(task.seed)[1] for task in tasks if task.judged is priced]
    score = np.concatenate([test.score for test in tests])
    best = part.method("best single")
    assert best.default.score.value == pytest.approx(score[:, 0].mean())
    assert best.default.difference.value == 0
    assert best.default.cost_ratio.value == pytest.approx(1.0)
    assert best.default.misroute.value == 0
    cheap = part.method("cheapest").default
    lost = (score[:, 0] == 1) & (score[:, 1] == 0)
    assert cheap.misroute.value == pytest.approx(lost.mean())
    assert cheap.difference.value == pytest.approx(score[:, 1].mean() - score[:, 0].mean())
    assert part.n_judged == len(score)


def test_a_fixed_choice_lies_on_the_hull_or_under_it(results):
    for name in ("best single", "cheapest", "random mix"):
        method = results[0].method(name)
        assert method.default.gain.value <= 1e-6  # costs are kept in single precision
        assert method.main.value <= 1e-4  # pooled mixes of two splits are no mix of the pooled models
        assert method.default.gain_beforehand.value <= 1e-6


def test_with_two_models_there_are_the_figures_of_routellm(results):
    part = results[0]
    assert part.method("ridge").apgr.low > 0.5
    assert part.method("oracle").apgr.value > part.method("ridge").apgr.value
    assert part.method(NAME).cpt50.value < 0.5
    assert math.isnan(part.method("cyclic").apgr.value)
    assert math.isnan(results[1].method("ridge").apgr.value)


def test_the_oracle_bounds_everything(results):
    for part in results:
        oracle = part.method("oracle")
        assert oracle.regret.value == pytest.approx(0)
        for method in part.methods:
            assert method.main.value <= oracle.main.value + 1e-12
            assert method.regret.value >= -1e-12
            assert method.best.score.value <= oracle.best.score.value + 1e-12


def test_ours_is_compared_on_the_same_resamples_and_corrected(results):
    part = results[0]
    assert part.method(NAME).versus is None
    for method in part.methods:
        if method.name != NAME:
            assert method.versus.difference.value == pytest.approx(part.method(NAME).main.value - method.main.value)
            assert method.versus.p_holm >= method.versus.p or math.isnan(method.versus.p_holm)
    assert math.isnan(part.method("oracle").versus.p_holm)
    assert part.method("cyclic").versus.p_holm < 0.05


def test_ours_has_a_default_point_and_settings_picked_beforehand(results):
    ours = results[0].method(NAME)
    assert ours.default.setting == DEFAULT
    assert set(ours.picked) <= {"parity", "same cost"}
    trust = results[0].method(DIRECT).calibration
    assert trust.n == results[0].n_judged
    assert trust.excess < trust.error
    assert ours.lowest_band <= ours.default.gain.value
    assert results[0].method(UNGUARDED) is not None
    assert len(results[0].flips) == 13


def test_without_costs_the_score_at_the_default_point_counts(results):
    part = results[1]
    assert part.cost == "none"
    ridge = part.method("ridge")
    assert ridge.main.value == pytest.approx(ridge.default.score.value)
    assert ridge.parity is None
    assert math.isnan(ridge.aiq.value)
    assert ridge.at_cost == {}


def test_a_method_that_lacks_a_split_is_told_and_not_pooled(tasks, cells, priced):
    found = [(task, dict(of)) for task, of in found_cells(tasks, cells) if task.judged is priced]
    del found[1][1]["kNN"]
    part = part_result(found, n_boot=20)
    assert part.failed == (("kNN", "1 of 2 splits are missing"),)
    assert part.method("kNN") is None


def test_ranks_are_means_over_tables_and_leave_out_bounds(results):
    ranks = ranking(results)
    assert list(ranks.values()) == sorted(ranks.values())
    assert {"oracle", "best per subset", UNGUARDED}.isdisjoint(ranks)
    assert DIRECT not in ranks
    last = max(method.name != NAME for method in results[0].methods)
    assert last
    assert ranks["cyclic"] > ranks[NAME]


def by_claim(parts):
    return {(claim.claim, claim.part): claim for claim in claims(parts)}


def test_bars_are_held_against_what_was_measured(results):
    part = results[0]
    ours = part.method(NAME)
    spot_on = replace(ours, default=replace(ours.default, gain_lower=-0.004))
    worse = replace(ours, default=replace(ours.default, gain_lower=-0.006))

    def judged(method, **changes):
        others = tuple(m for m in part.methods if m.name != NAME)
        return by_claim([replace(part, methods=(method, *others), **changes)])

    assert judged(spot_on)["never worse than no router", part.name].reached
    assert not judged(worse)["never worse than no router", part.name].reached

    point = replace(
        ours.default,
        difference=Interval(value=0.001, low=-0.1, high=0.1),
        cost_ratio=Interval(value=0.84, low=0.8, high=0.9),
    )
    parity = judged(replace(ours, picked={"parity": point, "same cost": point}), name="mmlu_pro")
    assert parity["parity for less, setting picked on training prompts", "mmlu_pro"].reached
    assert not parity["better at the same cost, setting picked on training prompts", "mmlu_pro"].reached
    none = judged(replace(ours, picked={}), name="mmlu_pro")
    assert not none["parity for less, setting picked on training prompts", "mmlu_pro"].reached

    trust = part.method(DIRECT).calibration
    many = judged(ours, n_test=2000)["calibration of the chosen candidate", part.name]
    assert many.reached == (trust.excess <= 0.015 or trust.error <= trust.limit)
    cascades = judged(ours)["cascades never below the direct policies", part.name]
    assert cascades.reached == (ours.main.value >= part.method(DIRECT).main.value)
    assert ("calibration of the chosen candidate", part.name) not in by_claim([part])

    few = replace(part, name="routellm/gsm8k, 660 labels", few_labels=True)
    assert by_claim([few])["in-domain with few labels (not RouteLLM's protocol)", few.name].reached


def test_a_baseline_that_is_significantly_ahead_is_named(results):
    part = results[0]
    ahead = replace(
        part.method("ridge"),
        versus=replace(part.method("ridge").versus, difference=Interval(value=-0.1, low=-0.2, high=-0.05), p_holm=0.01),
    )
    methods = tuple(ahead if method.name == "ridge" else method for method in part.methods)
    found = [claim for claim in claims([replace(part, methods=methods)]) if claim.part == "all"]
    assert [claim.reached for claim in found][1] is False
    assert "ridge on made-up" in found[1].measured
