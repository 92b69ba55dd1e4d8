"""Entries made by hand and by a small random world in which the truth is known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from fairlead.ledger.base import Entry
from fairlead.types import Attempt, Prediction, Price, Rate, Usage

START = datetime(2026, 11, 1, tzinfo=UTC)
REFERENCE, CHEAP = "sim/large", "sim/small"
REFERENCE_PRICE = Price(id="large", input=Rate(base=Decimal(2)), output=Rate(base=Decimal(10)))


def make_attempt(candidate=CHEAP, *, cost_usd="0.001", number=1, status="ok", usage=None, latency_s=0.5):
    return Attempt(
        candidate=candidate,
        number=number,
        stage=number - 1,
        status=status,
        started_at=START,
        latency_s=latency_s,
        usage=usage or Usage(input_tokens=100, output_tokens=200),
        cost_usd=None if cost_usd is None else Decimal(cost_usd),
    )


def make_entry(i=0, **changes):
    """Returns an entry of one delivered request; `attempts` decide the cost."""
    attempts = changes.pop("attempts", None) or (make_attempt(changes.get("chosen", CHEAP)),)
    costs = [attempt.cost_usd for attempt in attempts]
    values = {
        "request_id": f"req-{i}",
        "decision_id": f"dec-{i}",
        "at": START + timedelta(minutes=i),
        "route": "auto",
        "session_id": f"session-{i}",
        "session_rule": "header",
        "arm": "policy",
        "propensity": 0.75,
        "reason": "cheapest_within_floor",
        "chosen": CHEAP,
        "reference": REFERENCE,
        "model_asked": "auto",
        "predictions": (),
        "excluded": {},
        "prompt_id": None,
        "reserved_usd": Decimal("0.05"),
        "status": "delivered",
        "served": attempts[-1].candidate,
        "attempts": attempts,
        "cost_usd": None if None in costs else sum(costs, Decimal(0)),
        "latency_s": 0.5,
        "score": None,
        "reference_price": REFERENCE_PRICE,
    }
    return Entry(**{**values, **changes})


@dataclass(frozen=True)
class World:
    """Entries, and what the reference would have cost and scored on the very requests of the policy arm."""

    entries: list[Entry]
    reference_usd: float
    reference_score: float
    paid_usd: Decimal


def make_world(seed=0, *, n_sessions=120, control_share=0.3, factor=0.4, route="auto", scored=True):
    """Returns a log of sessions whose requests cost `factor` of the reference when the policy serves them."""
    rng = np.random.default_rng(seed)
    entries, costs, scores = [], [], []
    for session in range(n_sessions):
        in_control, level = rng.random() < control_share, rng.normal(0, 0.5)
        for _ in range(rng.geometric(0.4)):
            expected = float(np.exp(level + rng.normal(0, 0.4)))
            cost = round(expected * float(np.exp(rng.normal(0, 0.3))) / 1000, 7)
            score, worse = float(rng.random() < 0.8), rng.random() < 0.05
            costs.append(cost)
            scores.append(score)
            name = REFERENCE if in_control else CHEAP
            usd = cost if in_control else cost * factor
            predicted = Prediction(
                candidate=REFERENCE, p_success=0.8, p_success_sd=0.1, output_tokens=100.0, cost_usd=expected / 1000
            )
            entries.append(
                make_entry(
                    len(entries),
                    route=route,
                    request_id=f"{route}-{len(entries)}",
                    session_id=f"session-{session}",
                    arm="control" if in_control else "policy",
                    propensity=control_share if in_control else 1 - control_share,
                    reason="control_arm" if in_control else "cheapest_within_floor",
                    chosen=name,
                    attempts=(make_attempt(name, cost_usd=f"{usd:.7f}"),),
                    predictions=(predicted,),
                    score=(score if in_control else score * (not worse)) if scored else None,
                )
            )
    policy = [i for i, entry in enumerate(entries) if entry.arm == "policy"]
    return World(
        entries=entries,
        reference_usd=sum(costs[i] for i in policy) + sum(float(e.cost_usd) for e in entries if e.arm == "control"),
        reference_score=float(np.mean([scores[i] for i in policy])),
        paid_usd=sum((entry.cost_usd for entry in entries), Decimal(0)),
    )


@pytest.fixture
def entry():
    return make_entry


@pytest.fixture
def attempt():
    return make_attempt


@pytest.fixture
def world():
    return make_world
