"""Expected costs: what the exact bill says, for many candidates at once."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from fairlead.costs import Rates
from fairlead.types import Candidate, Price, Rate, Usage

PLAIN = Price(id="plain", input=Rate(base=Decimal("0.15")), output=Rate(base=Decimal("0.60")))
TIERED = Price(
    id="tiered",
    input=Rate(base=Decimal("1.25"), tiers=((200_000, Decimal("2.50")),)),
    output=Rate(base=Decimal(10), tiers=((200_000, Decimal(15)), (500_000, Decimal(20)))),
)
BY_CALL = replace(PLAIN, id="by call", request=Rate(base=Decimal(12)))
RATES = Rates.of([Candidate(name="a", price=PLAIN), Candidate(name="b"), Candidate(name="c", price=TIERED)])


def bill(price, input_tokens, output_tokens):
    return float(price.cost_usd(Usage(input_tokens=input_tokens, output_tokens=output_tokens)))


@pytest.mark.parametrize("input_tokens", [0, 10, 200_000, 200_001, 600_000])
def test_a_prediction_is_priced_as_the_bill_would_be(input_tokens):
    cost = RATES.cost_usd(np.array([[input_tokens]], dtype=float), np.array([[70.0, 70.0, 70.0]]))
    assert cost[0, 0] == pytest.approx(bill(PLAIN, input_tokens, 70))
    assert cost[0, 2] == pytest.approx(bill(TIERED, input_tokens, 70))


def test_a_price_of_the_call_itself_is_predicted_too():
    rates = Rates.of([Candidate(name="a", price=BY_CALL)])
    assert rates.cost_usd(np.array([[10.0]]), np.array([[70.0]]))[0, 0] == pytest.approx(bill(BY_CALL, 10, 70))


def test_an_unknown_price_or_length_is_an_unknown_cost():
    cost = RATES.cost_usd(np.array([[10.0], [np.nan]]), np.array([[np.nan, 1.0, 1.0], [1.0, 1.0, 1.0]]))
    np.testing.assert_array_equal(np.isnan(cost), [[True, True, False], [True, True, True]])


def test_input_may_differ_by_candidate():
    cost = RATES.cost_usd(np.array([[10.0, 20.0, 300_000.0]]), np.array([[1.0, 1.0, 1.0]]))
    assert cost[0, 0] == pytest.approx(bill(PLAIN, 10, 1))
    assert cost[0, 2] == pytest.approx(bill(TIERED, 300_000, 1))


def test_no_request_costs_nothing():
    assert RATES.cost_usd(np.empty((0, 1)), np.empty((0, 3))).shape == (0, 3)
