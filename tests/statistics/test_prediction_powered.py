import numpy as np
import pytest

from benchmarks.coverage import JUDGES, Found, compared
from fairlead.errors import NotEnoughPointsError
from fairlead.statistics.prediction_powered import MIN_GROUPS, Judged, powered_mean, unlike


def make_judged(n_people, n, *, follows, seed=0):
    rng = np.random.default_rng(seed)
    person = (rng.random(n) < 0.7).astype(float)
    judge = np.clip(0.3 + 0.5 * follows * person + rng.normal(0, 0.1, n), 0, 1)
    return Judged(person=np.where(np.arange(n) < n_people, person, np.nan), judge=judge, group=np.arange(n))


def alone(answers):
    return Judged(person=answers.person, judge=np.full(len(answers.judge), np.nan), group=answers.group)


def width(found):
    return found.interval().high - found.interval().low


def test_a_judge_that_is_off_is_put_right():
    answers = make_judged(200, 5000, follows=1.0)
    mean = powered_mean(answers)
    assert answers.judge.mean() < 0.68  # what the judge alone would say
    assert mean.interval().low < 0.7 < mean.interval().high
    assert mean.power > 1  # its scores lie closer together than those of people


def test_a_judge_that_follows_people_narrows_the_interval_and_a_worthless_one_does_not():
    ratio = {}
    for follows in (1.0, 0.0):
        answers = make_judged(200, 5000, follows=follows)
        without = powered_mean(alone(answers))
        assert without.power == 0
        ratio[follows] = width(powered_mean(answers)) / width(without)
    assert ratio[1.0] < 0.5
    assert ratio[0.0] == pytest.approx(1, abs=0.02)


def test_scores_of_one_group_are_one_piece_of_evidence():
    once = make_judged(100, 1100, follows=0.8)
    tenfold = Judged(**{name: np.repeat(getattr(once, name), 10) for name in ("person", "judge", "group")})
    many = powered_mean(tenfold)
    assert many.variance == pytest.approx(powered_mean(once).variance)
    assert many.interval().high - many.interval().low > 0.9 * width(powered_mean(once))


def test_a_session_that_people_scored_in_part_is_not_two():
    """Its scored and its other answers are alike; taken for two, the judge's difference would look surer than it is."""
    rng = np.random.default_rng(0)
    level = np.repeat(rng.choice([0.1, 0.9], 200), 2)
    answers = Judged(
        group=np.repeat(np.arange(200), 2), person=np.where(np.arange(400) % 2, np.nan, level), judge=level
    )
    assert powered_mean(answers).power == 0  # both halves of each session say the same: the judge adds nothing
    assert not unlike(answers)


def test_equal_scores_do_not_prove_all_others():
    ones = Judged(judge=np.ones(520), person=np.where(np.arange(520) < 20, 1.0, np.nan), group=np.arange(520))
    found = powered_mean(ones).interval()
    assert found.low < 0.95
    assert found.high == 1.0


def test_its_figures_are_plain_numbers_that_json_can_say():
    ones = Judged(judge=np.ones(520), person=np.where(np.arange(520) < 60, 1.0, np.nan), group=np.arange(520))
    answers = make_judged(200, 5000, follows=1.0)
    found = [powered_mean(each).interval() for each in (ones, answers, alone(answers))]
    assert {type(end) for each in found for end in (each.value, each.low, each.high)} == {float}


def test_a_judge_that_met_people_too_rarely_does_not_count():
    answers = make_judged(MIN_GROUPS - 1, 1000, follows=1.0)
    assert powered_mean(answers).power == 0


def test_one_group_is_too_few():
    one = Judged(judge=np.ones(3), person=np.ones(3), group=np.zeros(3, dtype=int))
    with pytest.raises(NotEnoughPointsError, match="1 groups have scores of people"):
        powered_mean(one)


def test_answers_that_people_picked_are_told_from_those_drawn_at_random():
    answers = make_judged(200, 5000, follows=1.0)
    assert not unlike(answers)
    bad_ones = Judged(
        person=np.where(answers.judge < 0.5, 0.0, np.nan), judge=answers.judge, group=answers.group
    )  # people who complain of bad answers alone
    assert unlike(bad_ones)


def held(case, n, seed):
    """Returns what each mean and difference did over `n` draws of a case."""
    rng, found = np.random.default_rng(seed), {}
    names = ["refused as unlike", *(f"{a}, {b}" for a in ("mean", "difference") for b in WAYS)]
    found = {name: Found() for name in names}
    for _ in range(n):
        compared(case, rng, found)
    return found


WAYS = ("people alone", "prediction-powered")


@pytest.mark.slow
@pytest.mark.parametrize("case", JUDGES, ids=lambda case: case.name)
def test_differences_hold_as_often_as_they_say(case):
    found = held(case, 2_000, seed=21)
    assert 0.93 <= np.mean(found["difference, prediction-powered"].hits) <= 0.98
    assert 0.93 <= np.mean(found["mean, prediction-powered"].hits) <= 0.98
    assert found["refused as unlike"].n_refused <= 0.01 * 2_000


@pytest.mark.parametrize("case", JUDGES[:2], ids=lambda case: case.name)
def test_differences_hold_in_a_hundred_draws_and_are_narrower(case):
    found = held(case, 100, seed=22)
    powered, people = (found[f"difference, {way}"] for way in ("prediction-powered", "people alone"))
    assert np.mean(powered.hits) >= 0.9
    assert np.median(powered.widths) < 0.75 * np.median(people.widths)
