"""How many requests a second the ledger keeps: each an intent, a settlement and an attempt, awaited in turn.

python benchmarks/ledger.py [--writers 64] [--requests 12800] [--rounds 1] [--folder DIR] [--url postgresql://user@host/empty-database]

With `--limits` each request claims of a budget, of requests and of tokens a minute, as one of a virtual key does; with
`--budget` of a budget alone. CPU is the least of `--rounds`. Says, too, how fast `verify` reads it all again: every
hash, and every bill.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from fairlead.catalog import priced
from fairlead.ledger.base import Intent, Settlement
from fairlead.ledger.budget import KeyTerms, Limit
from fairlead.ledger.ids import new_id
from fairlead.ledger.opening import open_ledger
from fairlead.ledger.verify import verify
from fairlead.types import Attempt, Context, Decision, Outcome, Prediction, Rate, SessionState, Stage, Step, Usage

if TYPE_CHECKING:
    from fairlead.ledger.base import Ledger

Durability = Literal["process", "power"]

NOW = datetime.now(UTC)
MODELS = tuple(f"host/model-{i}" for i in range(8))
DECISION = Decision(
    plan=tuple(Stage(steps=(Step(candidate=name),)) for name in MODELS),
    propensity=0.98,
    reason="cheapest_within_floor",
    reference=MODELS[0],
    predictions=tuple(
        Prediction(candidate=name, p_success=0.7123456, p_success_sd=0.0312, output_tokens=312.5, cost_usd=0.000123)
        for name in MODELS
    ),
)
CONTEXT = Context(now=NOW, session=SessionState(id="s", rule="header"))
PRICE = priced(input=Rate(base=Decimal(1)), output=Rate(base=Decimal(4)), source="benchmark")
USAGE = Usage(input_tokens=100, output_tokens=50)
ATTEMPT = Attempt(
    candidate=MODELS[0],
    number=1,
    stage=0,
    status="ok",
    started_at=NOW,
    latency_s=0.5,
    usage=USAGE,
    cost_usd=PRICE.cost_usd(USAGE),
    price_id=PRICE.id,
)
OUTCOME = Outcome(status="delivered", attempts=(ATTEMPT,), served=MODELS[0])


LIMITS = (
    Limit(kind="usd", owner="route:auto", most=Decimal(10) ** 9, per="month"),
    *KeyTerms(requests_per_minute=10**9, tokens_per_minute=10**12).limits("k"),
)
"""Of a request under `--limits`: none of them is reached."""


async def keep(ledger: Ledger, n_requests: int, limits: tuple[Limit, ...]) -> None:
    """Writes requests one after the other, as one caller would."""
    for _ in range(n_requests):
        intent = Intent(
            request_id=new_id("req"),
            decision_id=new_id("dec"),
            at=NOW,
            route="auto",
            model_asked="auto",
            dialect="openai",
            stream=False,
            session_id="s",
            session_rule="header",
            prompt_id=None,
            decision=DECISION,
            context=CONTEXT,
            reserved_usd=Decimal("0.01"),
            config_hash="c0ffee",
            candidates=dict.fromkeys(MODELS),
        )
        await ledger.intent(intent, [limit.claim(Decimal("0.01"), NOW) for limit in limits])
        settlement = Settlement(request_id=intent.request_id, at=NOW, outcome=OUTCOME, reference_cost_usd=0.001)
        await ledger.settle(settlement)


async def measure(
    place: str, durability: Durability, n_writers: int, n_requests: int, limits: tuple[Limit, ...], n_rounds: int
) -> str:
    """Returns one line of results."""
    ledger = open_ledger(place, durability=durability)
    await ledger.register([PRICE])
    share = n_requests // n_writers
    walls, cpus = [], []
    for _ in range(n_rounds):
        wall, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(keep(ledger, share, limits) for _ in range(n_writers)))
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    wall, cpu = min(walls), min(cpus)
    start = time.perf_counter()
    found = verify(ledger)
    reading = time.perf_counter() - start
    await ledger.close()
    assert found.ok
    done = share * n_writers
    return (
        f"durability {durability}: {done} requests by {n_writers} writers in {wall:.2f} s: "
        f"{3 * done / wall:.0f} rows/s, {done / wall:.0f} requests/s, {cpu / done * 1e6:.0f} us CPU a request; "
        f"verified at {found.n_rows / reading:.0f} rows/s"
    )


def main() -> None:
    """Prints one line a durability."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--writers", type=int, default=64)
    parser.add_argument("--requests", type=int, default=12_800)
    parser.add_argument("--folder", type=Path, help="where the disk to measure is")
    parser.add_argument("--url", help="a database to measure in place of a file")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--limits", action="store_true", help="each request claims of three limits")
    parser.add_argument("--budget", action="store_true", help="each request claims of one budget")
    given = parser.parse_args()
    limits = LIMITS if given.limits else LIMITS[:1] if given.budget else ()
    durabilities: tuple[Durability, ...] = ("process", "power")
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        for durability in durabilities:
            place = given.url or str(Path(folder, f"{durability}.db"))
            print(asyncio.run(measure(place, durability, given.writers, given.requests, limits, given.rounds)))


if __name__ == "__main__":
    main()
