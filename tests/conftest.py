"""Fixtures that tests of several folders share."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import hypothesis
import pytest
from msgspec import structs

from fairlead.ledger.base import Feedback, Intent, Settlement
from fairlead.types import (
    Attempt,
    CallerLimits,
    Context,
    Decision,
    HostState,
    Outcome,
    Prediction,
    Price,
    Rate,
    SessionState,
    Stage,
    Step,
    Usage,
)
from tests.postgres import PostgresServer

# A busy machine makes an example slow, not wrong.
hypothesis.settings.register_profile("fairlead", deadline=None)
hypothesis.settings.load_profile("fairlead")


class LedgerRecords:
    """Made-up records; the same number gives the same request."""

    start = datetime(2026, 11, 1, 12, 0, 0, 123456, tzinfo=UTC)
    price = Price(
        id="price_cheap",
        input=Rate(base=Decimal("0.15"), tiers=((1000, Decimal("0.30")),)),
        output=Rate(base=Decimal("0.600")),
        cache_read=Rate(base=Decimal("0.0750")),
        source="made up",
    )
    usage = Usage(input_tokens=900, output_tokens=333, cache_read_tokens=200, reasoning_tokens=11)

    def intent(self, n: int = 1, **changes) -> Intent:
        decision = Decision(
            plan=(Stage(steps=(Step(candidate="a/cheap"),)), Stage(steps=(Step(candidate="a/dear"),))),
            propensity=0.98,
            reason="cheapest_within_floor",
            reference="a/dear",
            excluded={"a/blind": "vision_unknown"},
            predictions=(
                Prediction(
                    candidate="a/cheap", p_success=0.1 + 0.2, p_success_sd=0.05, output_tokens=300.5, cost_usd=1e-5
                ),
                Prediction(candidate="a/dear", p_success=0.75, p_success_sd=None, output_tokens=None, cost_usd=None),
            ),
            policy="Floor(margin=0.01)",
            router_version="7f",
            chances={"a/cheap": 0.98, "a/dear": 0.02},
            mix_draw=0.1 + 0.2,
            answer_form="number",
        )
        intent = Intent(
            request_id=f"req_{n:04}",
            decision_id=f"dec_{n:04}",
            at=self.start + timedelta(seconds=n),
            route="auto",
            model_asked="auto",
            dialect="openai",
            stream=False,
            session_id="s",
            session_rule="header",
            prompt_id=f"prompt-{n}",
            decision=decision,
            context=self.context,
            reserved_usd=Decimal("0.0500"),
            config_hash="c0ffee",
            candidates={"a/cheap": "price_cheap", "a/dear": "price_cheap", "a/blind": None},
        )
        return structs.replace(intent, **changes)

    @property
    def context(self) -> Context:
        return Context(
            now=self.start,
            seed=3,
            hosts={"a": HostState(n_in_flight=2, ttft_p95_s=0.1)},
            session=SessionState(id="s", rule="header", control_draw=0.7),
            budget_remaining_usd=Decimal("1.50"),
            limits=CallerLimits(allowed=frozenset({"a/cheap"}), max_cost_usd=Decimal("0.2")),
        )

    def attempt(self, number: int = 1, **changes) -> Attempt:
        attempt = Attempt(
            candidate="a/cheap",
            number=number,
            stage=0,
            status="ok",
            started_at=self.start + timedelta(seconds=number),
            latency_s=0.25,
            ttft_s=0.125,
            model_asked="cheap",
            model_served="cheap-2026",
            usage=self.usage,
            cost_usd=self.price.cost_usd(self.usage),
            price_id=self.price.id,
        )
        return structs.replace(attempt, **changes)

    def failed_attempt(self, number: int = 1) -> Attempt:
        refused = {"status": "failed", "error": "RateLimitError", "status_code": 429, "retryable": True}
        unpaid = {"usage": None, "cost_usd": Decimal(0), "price_id": None, "ttft_s": None, "model_served": None}
        return self.attempt(number, **refused, **unpaid, retry_after_s=2.0)

    def settlement(self, n: int = 1, *attempts: Attempt, **changes) -> Settlement:
        outcome = Outcome(status="delivered", attempts=attempts or (self.attempt(),), served="a/cheap")
        settlement = Settlement(
            request_id=f"req_{n:04}",
            at=self.start + timedelta(seconds=n + 0.5),
            outcome=outcome,
            reference_cost_usd=0.001,
        )
        return structs.replace(settlement, **changes)

    def feedback(self, n: int = 1, score: float = 1.0, *, after_s: float = 60) -> Feedback:
        return Feedback(
            decision_id=f"dec_{n:04}", at=self.start + timedelta(seconds=after_s), score=score, source="user"
        )


@pytest.fixture(scope="session")
def records() -> LedgerRecords:
    """Made-up ledger records."""
    return LedgerRecords()


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server for the whole run."""
    server = PostgresServer()
    server.ledger()  # its tables are made here, outside of any event loop
    yield server
    server.close()


@pytest.fixture(scope="session")
def _stopping_server():
    server = PostgresServer()
    server.ledger()  # its tables are made here, outside of any event loop
    yield server
    server.close()


@pytest.fixture
def fragile(_stopping_server):
    """A PostgreSQL server that a test may stop."""
    yield _stopping_server
    if not _stopping_server.running:
        _stopping_server.start()


@pytest.fixture(scope="session")
def tamper():
    """Changes a ledger's file as somebody would who can write to it: without the triggers and foreign keys."""
    return change_rows


def change_rows(path, *statements) -> None:
    connection = sqlite3.connect(path)
    triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    for statement in [*statements, *(sql for _, sql in triggers)]:
        connection.execute(statement)
    connection.commit()
    connection.close()
