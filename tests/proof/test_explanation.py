"""What is told of a decision follows from its entry, and leaves nothing of it out."""

from datetime import UTC, datetime
from decimal import Decimal

from fairlead.ledger.base import Feedback
from fairlead.proof.explanation import explanation
from fairlead.types import Acceptance, Prediction, Stage, Step

START = datetime(2026, 11, 1, tzinfo=UTC)
PREDICTIONS = (
    Prediction(candidate="sim/large", p_success=0.9, p_success_sd=0.02, output_tokens=300.0, cost_usd=0.004),
    Prediction(candidate="sim/small", p_success=0.89, p_success_sd=0.03, output_tokens=200.0, cost_usd=0.001),
)
DIRECT = tuple(Stage(steps=(Step(candidate=name),)) for name in ("sim/small", "sim/large"))


def told(entry):
    return {line.topic: line.text for line in explanation(entry).lines}


def test_every_part_of_a_decision_is_told(entry):
    lines = told(
        entry(
            predictions=PREDICTIONS,
            excluded={"sim/blind": "vision_unsupported"},
            candidates={"sim/large": "p1", "sim/small": "p2", "sim/blind": None},
            plan=DIRECT,
            policy="Floor(margin=0.01)",
            router_version="7f",
            chances={"sim/small": 0.75, "sim/large": 0.25},
            score=0.5,
            feedback=(
                Feedback(decision_id="dec-0", at=START, score=1.0, source="judge"),
                Feedback(decision_id="dec-0", at=START, score=0.5, source="user"),
            ),
            reference_cost_usd=0.004,
        )
    )
    assert "session `session-0`, known by header" in lines["asked"]
    assert lines["excluded"] == "1 of 3 candidates could not serve. `sim/blind`: vision is needed and it has none."
    assert lines["expected"].startswith("Expected: `sim/large` succeeds at 90.0% ± 2.0%, for 0.004000 USD; `sim/small`")
    assert "`sim/small` was chosen (cheapest_within_floor): the cheapest candidate" in lines["chosen"]
    assert "`Floor(margin=0.01)`, router 7f." in lines["chosen"]
    assert lines["chance"] == "In the policy's arm. The chance of `sim/small` was 0.75, `sim/large` 0.25."
    assert lines["plan"] == "Plan: `sim/small`, then `sim/large`; the next where a call fails."
    assert lines["calls"] == "Call 1: `sim/small` answered in 0.50 s, 0.001 USD."
    assert "Delivered by `sim/small` for 0.001 USD." in lines["outcome"]
    assert "`sim/large`, was predicted to cost 0.004000 USD" in lines["outcome"]
    assert lines["score"] == "The answer was scored 1 by `judge`, 0.5 by `user`; 0.5 counts."


def test_what_is_unknown_is_said_to_be_unknown(entry, attempt):
    lines = told(entry(attempts=(attempt(cost_usd=None, status="failed"),), status="failed", served=None))
    assert "failed after 0.50 s, its cost is unknown" in lines["calls"]
    assert lines["outcome"] == "Failed at an unknown cost."
    unsettled = told(entry(status="unsettled", reserved_usd=Decimal("0.0500")))
    assert unsettled["outcome"] == "It was never settled: it cost at most 0.0500 USD."


def test_a_cascade_says_that_answers_are_weighed(entry):
    first = Stage(
        steps=(Step(candidate="sim/small"), Step(candidate="sim/mid")), acceptance=Acceptance(rule="posterior")
    )
    lines = told(entry(plan=(first, *DIRECT[1:]), propensity=1.0))
    assert lines["plan"] == (
        "Plan: `sim/small` beside `sim/mid`, then `sim/large`; the next where an answer does not convince or fails."
    )
    assert lines["chance"] == "In the policy's arm. Nothing was left to chance."


def test_a_fault_of_the_router_is_named(entry):
    assert (
        "What broke inside the router: `ValueError`."
        in told(entry(reason="router_fault", fault="ValueError"))["chosen"]
    )


def test_a_candidate_carries_what_the_decision_saw_of_it(entry):
    found = explanation(
        entry(
            predictions=PREDICTIONS,
            plan=DIRECT,
            candidates={"sim/large": "p1", "sim/small": None},
            chances={"sim/small": 1.0},
        )
    )
    large, small = found.candidates
    assert (large.candidate, large.prediction, large.places, large.chance) == ("sim/large", PREDICTIONS[0], (2,), 0.0)
    assert (small.places, small.chance, small.price_id) == ((1,), 1.0, None)
