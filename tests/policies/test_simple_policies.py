import numpy as np
import pytest

from fairlead.errors import ConfigError
from fairlead.policies import Constant, Floor, Threshold, Utility
from fairlead.policies.base import Circumstances
from fairlead.types import Predictions

NAMES = ("strong", "middle", "weak")


def choose(policy, *, p_success, cost_usd=(1.0, 0.1, 0.01), eligible=(True, True, True), reference=0):
    """Returns name and reason of a policy's choice for one request."""
    one = np.zeros((1, len(NAMES)))
    predictions = Predictions(
        candidates=NAMES,
        p_success=np.array([p_success], dtype=float),
        p_success_sd=one,
        output_tokens=one,
        latency_p95_s=one,
        cost_usd=np.array([cost_usd], dtype=float),
    )
    circumstances = Circumstances(eligible=np.array([eligible]), reference=reference, mix_draw=np.zeros(1))
    choices = policy.choose(predictions, circumstances)
    return NAMES[choices.first[0]], choices.reason[0]


nan = np.nan


def test_constant_serves_its_candidate():
    assert choose(Constant(candidate="weak"), p_success=(0.9, 0.9, 0.1)) == ("weak", "constant")


@pytest.mark.parametrize(
    ("eligible", "reference", "expected"),
    [((True, True, False), 1, "middle"), ((True, False, False), 1, "strong"), ((False, True, False), -1, "middle")],
)
def test_constant_falls_to_the_reference_and_then_to_the_next_in_order(eligible, reference, expected):
    found = choose(Constant(candidate="weak"), p_success=(0.9, 0.9, 0.9), eligible=eligible, reference=reference)
    assert found == (expected, "reference_ineligible")


@pytest.mark.parametrize(
    ("p_weak", "expected"), [(0.7, ("weak", "above_threshold")), (0.69, ("strong", "below_threshold"))]
)
def test_threshold_cuts_at_the_weak_models_success(p_weak, expected):
    assert choose(Threshold(strong="strong", weak="weak", cut=0.7), p_success=(0.1, 1.0, p_weak)) == expected


def test_threshold_takes_its_other_model_before_a_third_one():
    policy = Threshold(strong="middle", weak="weak", cut=0.7)
    found = choose(policy, p_success=(0.9, 0.9, 0.1), eligible=(True, False, True))
    assert found == ("weak", "reference_ineligible")


def test_threshold_without_a_prediction_serves_the_reference():
    policy = Threshold(strong="middle", weak="weak", cut=0.0)
    assert choose(policy, p_success=(0.9, 0.9, nan)) == ("strong", "no_evidence")


def test_utility_weighs_quality_against_money():
    p_success = (0.95, 0.85, 0.5)
    assert choose(Utility(willingness_to_pay_usd=100.0), p_success=p_success)[0] == "strong"
    assert choose(Utility(willingness_to_pay_usd=1.0), p_success=p_success) == ("middle", "highest_utility")
    assert choose(Utility(willingness_to_pay_usd=0.01), p_success=p_success)[0] == "weak"


def test_utility_leaves_out_what_it_cannot_weigh():
    policy = Utility(willingness_to_pay_usd=1.0)
    assert choose(policy, p_success=(nan, 0.2, 0.1), cost_usd=(0.0, 0.1, nan))[0] == "middle"
    assert choose(policy, p_success=(nan, 0.2, 0.1), eligible=(True, False, True))[0] == "weak"
    assert choose(policy, p_success=(nan, nan, nan)) == ("strong", "no_evidence")


def test_floor_takes_the_cheapest_that_stays_within_the_margin():
    assert choose(Floor(margin=0.1), p_success=(0.9, 0.85, 0.81)) == ("weak", "cheapest_within_floor")
    assert choose(Floor(margin=0.1), p_success=(0.9, 0.85, 0.7)) == ("middle", "cheapest_within_floor")
    assert choose(Floor(margin=0.1), p_success=(0.9, 0.7, 0.7)) == ("strong", "reference_within_floor")


def test_floor_keeps_the_reference_against_an_equal_price():
    found = choose(Floor(margin=0.5), p_success=(0.9, 0.9, 0.9), cost_usd=(0.1, 0.1, 0.1))
    assert found == ("strong", "reference_within_floor")


@pytest.mark.parametrize("unknown", ["p_success", "cost_usd"])
def test_floor_holds_nothing_against_a_reference_it_cannot_judge(unknown):
    known = {"p_success": (0.9, 0.9, 0.9), "cost_usd": (1.0, 0.1, 0.01)}
    given = known | {unknown: (nan, *known[unknown][1:])}
    assert choose(Floor(margin=0.1), **given)[0] == "strong"


def test_floor_takes_nobody_whose_price_or_quality_is_unknown():
    found = choose(Floor(margin=0.1), p_success=(0.9, nan, 0.9), cost_usd=(1.0, 0.1, nan))
    assert found == ("strong", "reference_within_floor")


def test_the_floor_is_still_the_references_where_that_cannot_serve():
    found = choose(Floor(margin=0.0), p_success=(0.9, 0.95, 0.5), eligible=(False, True, True))
    assert found == ("middle", "cheapest_within_floor")


def test_a_named_reference_sets_the_floor():
    policy = Floor(reference="middle", margin=0.0)
    assert choose(policy, p_success=(0.9, 0.6, 0.7)) == ("weak", "cheapest_within_floor")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Threshold(strong="a", weak="b", cut=1.7), r"`cut` is 1.7; expected a number in \[0, 1\]"),
        (lambda: Floor(margin=-0.1), r"`margin` is -0.1; expected a number in \[0, 1\]"),
        (lambda: Floor(margin=nan), "`margin` is nan"),
        (lambda: Utility(willingness_to_pay_usd=0), "`willingness_to_pay_usd` is 0; expected a number above 0"),
    ],
)
def test_a_setting_out_of_range_is_refused_by_name(make, message):
    with pytest.raises(ConfigError, match=message):
        make()
