"""A simulated month through the statement, the truth beside each estimate; one month saves, one loses.

python benchmarks/statement.py [--seed 0] [--tasks 6000] [--control 0.1] [--html FOLDER]

The router decides, and the ledger keeps every request, as in a gateway; only the calls are made up. In the losing month
a rule written by hand sends everything to the model whose tokens are cheapest: it writes nine times as many.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from msgspec import structs

from fairlead import wording
from fairlead.features.kinds import task_kind
from fairlead.fitting import fit
from fairlead.ledger.base import Feedback, Intent, Settlement
from fairlead.ledger.sqlite import SqliteLedger
from fairlead.policies import Constant
from fairlead.proof import page as pages
from fairlead.proof.control import draws
from fairlead.proof.shown import verdict
from fairlead.proof.statement import statement
from fairlead.providers.simulated import World
from fairlead.types import Attempt, Context, Outcome, Request, SessionState, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fairlead.ledger.base import Ledger
    from fairlead.outcomes import Outcomes
    from fairlead.proof.statement import Statement
    from fairlead.providers.simulated import Task
    from fairlead.router import Router
    from fairlead.types import Candidate, Decision

Pool = Literal["saving", "losing"]

PROVIDER = "simulated"
END = datetime(2026, 11, 1, tzinfo=UTC)
SECRET = b"a simulated month"
N_TRAINED_ON = 1_500
BATCH = 500
FAILS = 0.02
"""Share of the calls that break off half-way, are billed for that, and are made again."""
SCORED = 0.8
"""Share of the answers that somebody scores."""
CHEAPEST_TOKENS = "jackdaw"


@dataclass(frozen=True, kw_only=True)
class Month:
    """What is played."""

    pool: Pool = "saving"
    seed: int = 0
    n_tasks: int = 6_000
    control_share: float = 0.1
    end: datetime = END
    days: int = 30

    @cached_property
    def world(self) -> World:
        """The simulated world; its first model is the reference."""
        return World(self.seed, pool=self.pool)

    @cached_property
    def tasks(self) -> Sequence[Task]:
        """What is asked."""
        return self.world.tasks(self.n_tasks, 2)

    @cached_property
    def router(self) -> Router:
        """What decides: fitted on other tasks, or told what to do."""
        world, told = self.world, None
        if self.pool == "losing":
            told = Constant(candidate=CHEAPEST_TOKENS)
        fitted = fit(world.outcomes(N_TRAINED_ON, 1), told, reference=world.models[0], seed=self.seed)
        reference = f"{PROVIDER}/{world.models[0]}"
        return fitted.bind(world.candidates(PROVIDER), reference=reference, control_share=self.control_share)

    def contexts(self, rng: np.random.Generator) -> list[Context]:
        """Returns when and in which session each task is asked: more by day than by night, a minute between turns."""
        days = rng.integers(self.days, size=len(self.tasks))
        hours = np.clip(rng.normal(14, 3.5, len(self.tasks)), 0, 23.5)
        begun: dict[str, datetime] = {}
        turns: dict[str, int] = defaultdict(int)
        contexts = []
        for task, day, hour in zip(self.tasks, days.tolist(), hours.tolist(), strict=True):
            began = self.end - timedelta(days=self.days) + timedelta(days=day, hours=hour)
            began = begun.setdefault(task.session_id, began)
            contexts.append(_context(task.session_id, began + timedelta(minutes=turns[task.session_id])))
            turns[task.session_id] += 1
        return contexts


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What the statement estimates, exact, over the same requests."""

    saving_share: float
    saving_usd: float
    quality_difference: float
    """Of the scored answers of the policy arm."""
    misroute_rate: float
    """Of the same."""


async def play(month: Month, ledger: Ledger) -> Truth:
    """Writes a month into a ledger; returns what is true of it."""
    rng = np.random.default_rng([month.seed, 3])
    requests, contexts = [Request.from_prompt(task.prompt) for task in month.tasks], month.contexts(rng)
    decisions = month.router.decide(requests, contexts)
    world = month.world
    calls = _Calls(candidates={c.name: c for c in world.candidates(PROVIDER)}, truth=world.truth(month.tasks), rng=rng)
    await ledger.register(world.prices.values())
    for start in range(0, len(requests), BATCH):
        rows = range(start, min(start + BATCH, len(requests)))
        made = [calls.made(row, requests[row], contexts[row], decisions[row]) for row in rows]
        await asyncio.gather(*(ledger.intent(intent) for intent, _, _ in made))
        await asyncio.gather(*(ledger.settle(settlement) for _, settlement, _ in made))
        await asyncio.gather(*(ledger.feedback(score) for _, _, score in made if score is not None))
    return calls.sums()


@dataclass(kw_only=True)
class _Calls:
    """Makes up what comes of each decision, and remembers what would have come of the reference."""

    candidates: Mapping[str, Candidate]
    truth: Outcomes
    rng: np.random.Generator
    paid: list[float] = field(default_factory=list)
    reference_usd: list[float] = field(default_factory=list)
    scores: list[tuple[float, float]] = field(default_factory=list)
    """Of the scored answers of the policy arm: of what was served, and of the reference."""

    def made(
        self, row: int, request: Request, context: Context, decision: Decision
    ) -> tuple[Intent, Settlement, Feedback | None]:
        fails = bool(self.rng.random() < FAILS)  # whoever is asked: the host has a bad moment
        attempts = self._attempts(decision.model, row, context.now, fails=fails)
        would = self._attempts(decision.reference or "", row, context.now, fails=fails)
        self.paid.append(float(sum(a.cost_usd or 0 for a in attempts)))
        self.reference_usd.append(float(sum(a.cost_usd or 0 for a in would)))
        outcome = Outcome(status="delivered", attempts=attempts, served=decision.model)
        at = attempts[-1].started_at + timedelta(seconds=attempts[-1].latency_s)
        settlement = Settlement(request_id=f"req_{row:06d}", at=at, outcome=outcome, reference_cost_usd=None)
        return self._intent(row, request, context, decision), settlement, self._score(row, at, decision)

    def _attempts(self, name: str, row: int, at: datetime, *, fails: bool) -> tuple[Attempt, ...]:
        whole = self._attempt(name, row, at)
        if not fails:
            return (whole,)
        half = structs.replace(self._attempt(name, row, at, share=0.5), status="failed", error="BadResponseError")
        again = at + timedelta(seconds=half.latency_s)
        return half, self._attempt(name, row, again, number=2)

    def _attempt(self, name: str, row: int, at: datetime, *, share: float = 1.0, number: int = 1) -> Attempt:
        candidate, column = self.candidates[name], self.truth.models.index(name.partition("/")[2])
        tokens = int(share * self.truth.output_tokens[row, column])
        usage = Usage(input_tokens=int(self.truth.input_tokens[row, column]), output_tokens=tokens)
        assert candidate.price is not None
        return Attempt(
            candidate=name,
            number=number,
            stage=0,
            status="ok",
            started_at=at,
            latency_s=0.4 + tokens / 80,
            model_asked=candidate.model,
            model_served=candidate.model,
            usage=usage,
            cost_usd=candidate.price.cost_usd(usage),
            price_id=candidate.price.id,
        )

    def _intent(self, row: int, request: Request, context: Context, decision: Decision) -> Intent:
        assert context.session is not None
        return Intent(
            request_id=f"req_{row:06d}",
            decision_id=f"dec_{row:06d}",
            at=context.now,
            route="auto",
            model_asked="auto",
            dialect="openai",
            stream=False,
            session_id=context.session.id,
            session_rule=context.session.rule,
            prompt_id=None,
            decision=decision,
            context=context,
            reserved_usd=Decimal("0.05"),
            config_hash="simulated",
            candidates={name: c.price.id if c.price else None for name, c in self.candidates.items()},
            kind=task_kind(request),
        )

    def _score(self, row: int, at: datetime, decision: Decision) -> Feedback | None:
        if self.rng.random() >= SCORED:
            return None
        served, reference = (self._right(row, name) for name in (decision.model, decision.reference or ""))
        if decision.arm == "policy":
            self.scores.append((served, reference))
        return Feedback(decision_id=f"dec_{row:06d}", at=at, score=served, source="human")

    def _right(self, row: int, name: str) -> float:
        return float(self.truth.score[row, self.truth.models.index(name.partition("/")[2])])

    def sums(self) -> Truth:
        served, reference = np.array(self.scores).T
        total, saved = sum(self.reference_usd), sum(self.reference_usd) - sum(self.paid)
        return Truth(
            saving_share=saved / total,
            saving_usd=saved,
            quality_difference=float(served.mean() - reference.mean()),
            misroute_rate=float(np.maximum(reference - served, 0).mean()),
        )


def _context(session_id: str, at: datetime) -> Context:
    drawn = draws(SECRET, session_id)
    session = SessionState(id=session_id, rule="header", control_draw=drawn.control, mix_draw=drawn.mix)
    return Context(now=at, session=session)


async def stated(month: Month, path: Path) -> tuple[Statement, Truth]:
    """Returns the statement of a month that was written to a ledger at `path`, and the truth."""
    ledger = SqliteLedger.open(path)
    try:
        truth = await play(month, ledger)
        return statement(ledger.entries()), truth
    finally:
        await ledger.close()


def show(month: Month, found: Statement, truth: Truth) -> None:
    """Prints estimates beside the truth."""
    saving, quality, misroute, gap = found.saving, found.quality, found.misroute, found.gap
    assert saving is not None
    assert quality is not None
    assert misroute is not None
    assert gap is not None
    print(f"\n{month.pool} month, seed {month.seed}: {found.n_requests:,} requests, {found.n_sessions:,} sessions")
    print(f"  {verdict(found)}")
    print(f"  paid              {wording.usd(found.paid_usd)}")
    saved = wording.interval(saving.saving_usd, wording.usd)
    print(f"  saving            {saved}   truth {wording.usd(truth.saving_usd)}")
    share = wording.interval(saving.saving_share, wording.percent)
    print(f"  as a share        {share}   truth {wording.percent(truth.saving_share)}")
    print(f"  naive saving      {wording.usd(gap.naive_saving_usd)}")
    for step in gap.steps:
        print(f"    {step.name:<15} {wording.interval(step.usd, wording.signed_usd)}")
    difference = wording.interval(quality.difference, wording.points)
    print(
        f"  quality           {difference}   truth {wording.points(truth.quality_difference)}, n = {quality.n_policy:,}"
    )
    rate = f"[{wording.percent(misroute.rate.low)}, {wording.percent(misroute.rate.high)}]"
    print(f"  misrouted         {rate}   truth {wording.percent(truth.misroute_rate)}")
    print(f"  bound             {found.margin}: {found.bound}")


def main() -> None:
    """Plays both months."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tasks", type=int, default=6_000)
    parser.add_argument("--control", type=float, default=0.1)
    parser.add_argument("--html", type=Path)
    given = parser.parse_args()
    for pool in ("saving", "losing"):
        month = Month(pool=pool, seed=given.seed, n_tasks=given.tasks, control_share=given.control)
        with tempfile.TemporaryDirectory() as folder:
            found, truth = asyncio.run(stated(month, Path(folder) / "month.db"))
        show(month, found, truth)
        if given.html is not None:
            beside = pages.Truth(saving_share=truth.saving_share, quality_difference=truth.quality_difference)
            page = pages.page(found, title=f"A {pool} month, simulated", truth=beside)
            (given.html / f"{pool}.html").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
