"""What telling observers costs a request, in microseconds of CPU; run it as a program."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from fairlead.observers import Laps, Observers, Served
from fairlead.observers.logs import RequestLog
from fairlead.observers.metrics import Metrics
from fairlead.types import Attempt, Decision, Outcome, Stage, Step, Usage

if TYPE_CHECKING:
    from collections.abc import Callable

N = 20_000
ROUNDS = 7


def main() -> None:
    """Prints the least of some rounds: what else runs on the machine only ever adds."""
    metrics = Metrics()
    for name, observers in {
        "nobody": Observers(),
        "metrics": Observers([metrics]),
        "metrics and logs (of warnings)": Observers([metrics, RequestLog()]),
    }.items():
        print(f"{name:32} {_least_us(lambda observers=observers: observers.notify(_served())):6.2f} us")  # type: ignore[misc]
    print(f"{'stopwatch, five phases':32} {_least_us(_laps):6.2f} us")
    print(f"{'a scrape':32} {_least_us(metrics.text, 200):6.0f} us, {len(metrics.text()):,} bytes")


def _least_us(work: Callable[[], object], n: int = N) -> float:
    return min(_round_us(work, n) for _ in range(ROUNDS))


def _round_us(work: Callable[[], object], n: int) -> float:
    began_s = time.process_time()
    for _ in range(n):
        work()
    return 1e6 * (time.process_time() - began_s) / n


def _laps() -> None:
    laps = Laps()
    laps.lap("receive")
    laps.lap("decode")
    laps.lap("decide")
    laps.lap("ledger")
    laps.lap("upstream")


_AT = datetime.now(UTC)
_DECISION = Decision(plan=(Stage(steps=(Step(candidate="a/b"),)),), propensity=1.0, reason="reference")
_ATTEMPT = Attempt(
    candidate="a/b",
    number=1,
    stage=0,
    status="ok",
    started_at=_AT,
    latency_s=0.5,
    ttft_s=0.1,
    usage=Usage(input_tokens=100, output_tokens=200),
    cost_usd=Decimal("0.0123"),
)
_OUTCOME = Outcome(status="delivered", attempts=(_ATTEMPT,), served="a/b")
_SPENT_S = {"receive": 1e-5, "decode": 2e-5, "decide": 3e-4, "ledger": 1e-3, "upstream": 0.5}


def _served() -> Served:
    return Served(
        request_id="req_1",
        decision_id="dec_1",
        at=_AT,
        route="auto",
        dialect="openai",
        stream=True,
        decision=_DECISION,
        outcome=_OUTCOME,
        reference_cost_usd=0.02,
        served_as=None,
        settled=True,
        spent_s=_SPENT_S,  # type: ignore[arg-type]
        total_s=0.5,
        overhead_s=0.001,
    )


if __name__ == "__main__":
    main()
