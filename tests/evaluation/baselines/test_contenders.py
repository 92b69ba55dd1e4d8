"""What holds for every method of the field, and what each of them is known for."""

from dataclasses import replace

import numpy as np
import pytest

from fairlead.evaluation.baselines import CONTENDERS
from fairlead.evaluation.baselines.base import WORTHS, Sweep, plug_in
from fairlead.statistics.frontiers import area_over_hull

LEARNERS = ("kNN", "ridge", "MLP", "CARROT", "Avengers-Pro", "MIRT", "LinUCB", "RouteLLM MF")
BY_NAME = {contender.name: contender for contender in CONTENDERS}


def area(sweep, exam, points):
    recorded = exam.recorded
    return float(area_over_hull(*points(sweep, exam), recorded.cost_usd.mean(axis=0), recorded.score.mean(axis=0)))


def test_names_differ_and_bounds_are_last():
    assert len(BY_NAME) == len(CONTENDERS)
    assert [c.bound for c in CONTENDERS] == sorted(c.bound for c in CONTENDERS)
    assert all(len(contender.about) > 20 for contender in CONTENDERS)


@pytest.mark.parametrize("contender", CONTENDERS, ids=lambda contender: contender.name)
@pytest.mark.parametrize("at", ["school", "pair", "unpriced"])
def test_every_method_answers_every_prompt_at_every_setting(contender, at, request):
    lesson, exam = request.getfixturevalue(at)
    if not contender.applies(lesson):
        assert contender.name in {"cheapest", "random mix", "CARROT", "FrugalGPT"}
        return
    before = lesson.x.copy(), lesson.score.copy()
    sweep = contender.sweep(lesson, exam)
    score, cost = sweep.outcome(exam.recorded)
    assert score.shape == cost.shape == (len(sweep.settings), len(exam))
    assert len(sweep.settings) <= len(WORTHS)
    assert 0 <= sweep.default < len(sweep.settings)
    assert np.isfinite(score).all()
    assert np.isfinite(cost).all()
    np.testing.assert_array_equal(lesson.x, before[0])
    np.testing.assert_array_equal(lesson.score, before[1])


@pytest.mark.parametrize("contender", CONTENDERS, ids=lambda contender: contender.name)
def test_the_same_lesson_gives_the_same_answers(contender, school):
    lesson, exam = school
    first, second = (contender.sweep(lesson, exam).outcome(exam.recorded) for _ in range(2))
    np.testing.assert_array_equal(first[0], second[0])


@pytest.mark.parametrize("name", LEARNERS)
def test_those_that_learn_beat_the_best_fixed_choices(name, school, points):
    lesson, exam = school
    learned = area(BY_NAME[name].sweep(lesson, exam), exam, points)
    assert learned > area(BY_NAME["random mix"].sweep(lesson, exam), exam, points)
    assert learned > 0.01


@pytest.mark.parametrize("name", [c.name for c in CONTENDERS if not c.bound])
def test_nobody_beats_the_oracle(name, school, points):
    lesson, exam = school
    oracle = area(BY_NAME["oracle"].sweep(lesson, exam), exam, points)
    assert area(BY_NAME[name].sweep(lesson, exam), exam, points) < oracle


def test_no_method_but_a_bound_changes_with_the_outcomes_that_judge_it(school):
    lesson, exam = school
    blind = replace(exam, test=replace(exam.test, score=1 - exam.test.score))
    for contender in CONTENDERS:
        seen, unseen = contender.sweep(lesson, exam), contender.sweep(lesson, blind)
        if seen.columns is not None and contender.name != "oracle":
            np.testing.assert_array_equal(seen.columns, unseen.columns)


def test_with_two_models_a_win_rate_ranks_prompts(pair):
    lesson, exam = pair
    hard = np.array(exam.test.subset) == "hard"
    for name in ("kNN", "ridge", "MLP", "RouteLLM MF", "MIRT", "Avengers-Pro"):
        rate = BY_NAME[name].sweep(lesson, exam).win_rate
        assert rate[hard].mean() > rate[~hard].mean()


def test_the_worth_of_a_right_answer_turns_from_the_cheapest_to_the_best(school):
    lesson, exam = school
    quality = np.tile([0.9, 0.6, 0.5], (len(exam), 1))
    columns = plug_in(lesson, quality, lesson.mean_cost_usd).columns[:, 0]
    assert (columns[0], columns[-1]) == (2, 0)
    assert (np.diff(columns) <= 0).all()


def test_among_equals_the_cheapest_serves(school):
    lesson, exam = school
    assert (plug_in(lesson, np.full((len(exam), 3), 0.5), lesson.mean_cost_usd).columns == 2).all()


def test_without_costs_quality_alone_decides(unpriced):
    lesson, exam = unpriced
    sweep = plug_in(lesson, np.tile([0.1, 0.3, 0.2], (len(exam), 1)), lesson.mean_cost_usd)
    assert sweep.columns.tolist() == [[1] * len(exam)]


def test_the_pair_is_the_reference_and_a_far_cheaper_model(school):
    lesson, _ = school
    names = lesson.train.models
    assert (names[lesson.reference], names[lesson.weak]) == ("strong", "weak")  # a quarter is not far cheaper


def test_the_random_mix_costs_what_its_budget_says(school, points):
    lesson, exam = school
    cost, score = points(BY_NAME["random mix"].sweep(lesson, exam), exam)
    assert (np.diff(cost) > 0).all()
    assert score[-1] == pytest.approx(exam.recorded.score[:, lesson.reference].mean())
    assert cost[len(cost) // 2] == pytest.approx((cost[0] * cost[-1]) ** 0.5, rel=0.1)  # budgets rise by a factor


def test_a_cascade_pays_for_both_answers_and_learns_from_the_first(pair, points):
    lesson, exam = pair  # answers say whether they are right
    sweep = BY_NAME["FrugalGPT"].sweep(lesson, exam)
    cost, score = points(sweep, exam)
    prices = exam.recorded.cost_usd.mean(axis=0)
    assert cost[-1] == pytest.approx(prices.sum())
    assert cost[0] == pytest.approx(prices[1])
    assert score.max() >= exam.recorded.score.mean(axis=0).max()
    assert area(sweep, exam, points) > 0.05


def test_a_bound_may_know_the_subset(school):
    lesson, exam = school
    hard = np.array(exam.test.subset) == "hard"
    sweep = BY_NAME["best per subset"].sweep(lesson, exam)
    assert all(len(set(columns[hard])) == 1 and len(set(columns[~hard])) == 1 for columns in sweep.columns)


def test_a_sweep_of_columns_reads_its_outcomes(school):
    _, exam = school
    columns = np.zeros((1, len(exam)), dtype=np.int64)
    score, cost = Sweep(settings=("x",), default=0, columns=columns).outcome(exam.recorded)
    np.testing.assert_array_equal(score[0], exam.test.score[:, 0])
    np.testing.assert_array_equal(cost[0], exam.test.cost_usd[:, 0])
