"""Prices over time through a running gateway: each bill names the row of its moment, and is rebuilt from it."""

from decimal import Decimal

from fairlead.ledger.rebuild import rebuild

TERMS = """
[models."host/heron".price]
input_usd_per_mtok = "0.1"
output_usd_per_mtok = "0.4"
[[models."host/heron".price.terms]]
starts = 2020-01-01
factor = 3
[[models."host/heron".price.terms]]
starts = 2099-01-01
factor = 5
"""


async def test_a_bill_names_the_row_of_its_moment_and_is_rebuilt_from_it(start):
    running = await start(TERMS)
    await running.post(json={"model": "host/heron", "messages": [{"role": "user", "content": "Hello"}]})
    (attempt,) = running.entry().attempts
    ledger = running.gateway.ledger
    price = ledger.prices()[attempt.price_id]
    assert price.input.base == Decimal("0.3")
    assert price.source.endswith("price.terms[0]")
    assert attempt.cost_usd == price.cost_usd(attempt.usage)
    found = rebuild(ledger)
    assert (found.n_requests, found.n_differences, found.rebuilt_usd) == (1, 0, attempt.cost_usd)


async def test_every_row_that_a_bill_may_name_is_kept_before_any_call(start):
    running = await start(TERMS)
    (candidate,) = (c for name, c in running.gateway.executor.candidates.items() if name == "host/heron")
    assert {term.price.id for term in candidate.tariff.terms} <= running.gateway.ledger.prices().keys()
