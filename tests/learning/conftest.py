"""A ledger in which a made-up table was served by its first model and shadowed by the others."""

from datetime import timedelta

import numpy as np
import pytest
from msgspec import structs

from fairlead.features.kept import Kept, encoded
from fairlead.ledger.base import Feedback, Payload
from fairlead.ledger.sqlite import SqliteLedger
from fairlead.types import Attempt, Decision, Outcome, Stage, Step, Usage

READER = Kept()


class Filling:
    """Writes rows of a table into a ledger."""

    def __init__(self, ledger, table, records):
        self.ledger, self.table, self.records = ledger, table, records
        self.prices = {model: price.id for model, price in table.prices.items()}
        self.n = 0

    async def answer(self, i, j, *, parent=None, keep=(), source="verifier:right", score=True, route="auto"):
        """Writes that model `j` answered prompt `i`; returns the decision id."""
        self.n += 1
        table, model = self.table, self.table.models[j]
        at = self.records.start + timedelta(seconds=self.n)
        request = table.requests[i]
        contents = {"features": lambda: encoded(READER.keep(request)), "prompt": lambda: request.prompt}
        intent = self.records.intent(
            self.n,
            at=at,
            route=route,
            session_id=f"session-{i}",
            decision=Decision(
                plan=(Stage(steps=(Step(candidate=model),)),),
                propensity=1.0,
                reason="no_evidence" if parent is None else "shadow",
                reference=table.models[0],
            ),
            candidates=self.prices,
            purpose="serve" if parent is None else "shadow",
            parent_id=parent,
            payloads=tuple(Payload(kind=kind, content=contents[kind](), salt="s") for kind in keep),
        )
        await self.ledger.intent(intent)
        usage = Usage(input_tokens=int(table.input_tokens[i, j]), output_tokens=int(table.output_tokens[i, j]))
        attempt = Attempt(
            candidate=model,
            number=1,
            stage=0,
            status="ok",
            started_at=at,
            latency_s=0.5,
            usage=usage,
            cost_usd=table.prices[model].cost_usd(usage),
            price_id=table.prices[model].id,
        )
        outcome = Outcome(status="delivered", attempts=(attempt,), served=model)
        await self.ledger.settle(structs.replace(self.records.settlement(self.n), outcome=outcome))
        if score:
            await self.scored(intent.decision_id, float(table.score[i, j]), source)
        return intent.decision_id

    async def scored(self, decision_id, score, source, **more):
        await self.ledger.feedback(
            Feedback(decision_id=decision_id, at=self.records.start, score=score, source=source, **more)
        )

    async def all(self, *, keep=("features",)):
        """Writes the whole table: the first model served, the others shadowed."""
        for i in range(len(self.table)):
            parent = await self.answer(i, 0, keep=keep)
            for j in range(1, len(self.table.models)):
                if not np.isnan(self.table.score[i, j]):
                    await self.answer(i, j, parent=parent)


@pytest.fixture
async def book(tmp_path):
    ledger = SqliteLedger.open(tmp_path / "fairlead.db")
    yield ledger
    await ledger.close()


@pytest.fixture
def filling(book, records):
    async def filling(table):
        await book.register(table.prices.values())
        return Filling(book, table, records)

    return filling
