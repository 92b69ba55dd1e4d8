"""A small ledger to look at, and the pages of it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from fairlead.dashboard.pages import Pages
from fairlead.dashboard.queries import Queries
from fairlead.dashboard.question import Installation, Live, ModelShown, Question, RouteShown
from fairlead.ledger.opening import reading
from fairlead.ledger.sqlite import SqliteLedger


async def fill(path, records):
    ledger = SqliteLedger.open(path)
    await ledger.register([records.price])
    for n in range(1, 4):
        await ledger.intent(records.intent(n, kind="code"))
    await ledger.settle(records.settlement(1))
    await ledger.settle(records.settlement(2, records.failed_attempt(1), records.attempt(2)))
    await ledger.feedback(records.feedback(1, 0.5))
    await ledger.close()


@pytest.fixture
def ledger(tmp_path, records):
    """Three requests: one delivered, one that was retried, one unsettled."""
    asyncio.run(fill(tmp_path / "fairlead.db", records))
    with reading(str(tmp_path / "fairlead.db")) as ledger:
        yield ledger


INSTALLATION = Installation(
    place="fairlead.db",
    version="1",
    routes=(
        RouteShown(
            name="auto", reference="a/dear", policy="Order()", control_share=0.1, candidates=("a/dear",), learned=False
        ),
    ),
    models=(
        ModelShown(
            name="a/dear", input_usd_per_mtok="5", output_usd_per_mtok=None, price_source="us", context_tokens=None
        ),
    ),
)


@pytest.fixture
def queries(ledger, records):
    return Queries(ledger, now=lambda: records.start + timedelta(hours=1))


@pytest.fixture
def ask(queries):
    """Returns what answers a page of the small ledger."""
    pages = Pages(INSTALLATION, queries)

    def asked(page, *, fragment=False, live=None, **query):
        return pages.page(Question(page=page, query=query, fragment=fragment, live=live or Live()))

    return asked
