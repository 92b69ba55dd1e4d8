"""Rounds: every gateway under every load, one after the other, so that what disturbs one round disturbs all in it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

from load import SCENARIOS, Answers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from load import Load, Scenario
    from process import Running

DIRECT = "the mock itself"
SLOW_FACTOR = 2.0
"""How much longer a slow gateway is asked: else its percentiles rest on a handful."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One gateway under one load in one round."""

    answers: Answers
    cpu_us: float
    """CPU of all its processes for an answer, microseconds; 0 of the mock, whose CPU is not measured."""


@dataclass(kw_only=True)
class Runs:
    """All runs: scenario -> gateway -> one a round."""

    found: dict[str, dict[str, list[Run]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))

    def median(self, scenario: Scenario, gateway: str, value: Callable[[Run], float]) -> float | None:
        """Returns the median over the rounds, `None` where it was not measured."""
        runs = self.found[scenario.name].get(gateway)
        return median(map(value, runs)) if runs else None

    def ratio(self, scenario: Scenario, gateway: str, base: str, value: Callable[[Run], float]) -> float | None:
        """Returns the median of the ratios within each round."""
        runs, others = (self.found[scenario.name].get(name) for name in (gateway, base))
        if not runs or not others:
            return None
        return median(value(a) / max(value(b), 1e-9) for a, b in zip(runs, others, strict=True))

    def added(self, scenario: Scenario, gateway: str, value: Callable[[Answers], float]) -> float | None:
        """Returns the median of what a gateway adds to the mock's own time within each round."""
        runs, bare = (self.found[scenario.name].get(name) for name in (gateway, DIRECT))
        if not runs or not bare:
            return None
        return median(value(a.answers) - value(b.answers) for a, b in zip(runs, bare, strict=True))

    def n(self, scenario: Scenario, gateway: str) -> int:
        """Returns the answers in all rounds."""
        return sum(run.answers.n for run in self.found[scenario.name].get(gateway, []))

    @property
    def n_failed(self) -> dict[str, int]:
        """Failed answers by gateway, where there were any, with the first one's reason."""
        failed: dict[str, int] = defaultdict(int)
        for by_gateway in self.found.values():
            for name, runs in by_gateway.items():
                failed[name] += sum(run.answers.failed for run in runs)
        return {name: n for name, n in failed.items() if n}


def measured(
    load: Load, gateways: Sequence[Running], *, n_rounds: int, seconds: float, say: Callable[[str], None]
) -> Runs:
    """Returns `n_rounds` runs of everybody; each gateway is warmed up before."""
    runs = Runs()
    for gateway in gateways:
        for scenario in SCENARIOS:
            load.ask(gateway, scenario, seconds=seconds * (SLOW_FACTOR if gateway.peer.slow else 1))
    for i in range(n_rounds):
        for scenario in SCENARIOS:
            for asked in (None, *gateways):
                name = DIRECT if asked is None else asked.peer.name
                runs.found[scenario.name][name].append(_run(load, asked, scenario, seconds))
        say(f"round {i + 1} of {n_rounds}")
    return runs


def _run(load: Load, gateway: Running | None, scenario: Scenario, seconds: float) -> Run:
    if gateway is None:
        return Run(answers=load.ask(None, scenario, seconds=seconds / 2), cpu_us=0)
    seconds *= SLOW_FACTOR if gateway.peer.slow else 1
    before_s = gateway.cpu_s()
    answers = load.ask(gateway, scenario, seconds=seconds)
    return Run(answers=answers, cpu_us=1e6 * (gateway.cpu_s() - before_s) / max(answers.n, 1))
