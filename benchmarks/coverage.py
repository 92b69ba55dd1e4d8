"""How often the intervals of a log hold the truth: prints a table, asserts nothing.

Worlds are made up in which the truth is known: sessions have a level of their own, a share of them goes the reference's
way by chance, and each request has a cost and a score under either candidate. `python benchmarks/coverage.py --help`.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from fairlead.proof.counterfactual import MIN_SESSIONS, Arm, project
from fairlead.proof.off_policy import Sample, estimate, overlap, sequence
from fairlead.proof.off_policy.estimators import ESTIMATORS
from fairlead.statistics.betting import betting_cs
from fairlead.statistics.bootstrap import Interval, interval, resampled_means
from fairlead.statistics.prediction_powered import Judged, powered_mean, unlike

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fairlead.types import BoolArray, FloatArray, IntArray

REFERENCE, CHEAP = 0, 1


@dataclass(frozen=True, kw_only=True)
class Case:
    """A world to draw logs from."""

    name: str
    of: str = "cost"
    """`cost` or `score`."""
    target: str = "reference"
    """Whose worth is asked for: `reference`, or `other`, a policy that calls either candidate."""
    n_sessions: int = 400
    share: float = 0.25
    """Of the sessions that go the reference's way by chance."""
    sd_session: float = 0.5
    sd_request: float = 0.8
    explained: float = 0.3
    """Share of the request's own variance that was foreseen."""
    long_sessions: bool = False
    drift: float = 1.0
    """What costs, or the odds of a right answer, are multiplied by in the second half."""
    factor: float = 0.3
    """The cheap candidate's cost or odds, relative to the reference's."""
    easy: float = 1.0
    fractional: bool = False
    certain: float = 0.2
    """Share of the requests on which the log's policy calls the reference anyway."""


@dataclass(frozen=True, kw_only=True)
class World:
    """One log, and what either candidate would have come to."""

    case: Case
    session: IntArray
    expected: FloatArray
    outcome: FloatArray
    """(n, 2) under either candidate."""
    control: BoolArray
    """(n,)."""
    certain: BoolArray
    """(n,)."""

    @property
    def sample(self) -> Sample:
        """What the estimators read of it."""
        taken = np.where(self.control | self.certain, REFERENCE, CHEAP)
        share = self.case.share
        propensity = np.where(self.certain, 1.0, np.where(self.control, share, 1 - share))
        return Sample(
            session=self.session,
            taken=taken,
            propensity=propensity,
            wanted=np.eye(2)[self.wanted],
            expected=self.expected,
            observed=self.outcome[np.arange(len(taken)), taken],
        )

    @property
    def wanted(self) -> IntArray:
        """(n,) what the target calls; only what had a chance."""
        if self.case.target == "reference":
            return np.full(len(self.session), REFERENCE)
        return np.where(self.certain | (self.expected[:, 0] > np.median(self.expected[:, 0])), REFERENCE, CHEAP)

    @property
    def truth(self) -> float:
        """The mean under the target."""
        return float(self.outcome[np.arange(len(self.session)), self.wanted].mean())


def drawn(case: Case, rng: np.random.Generator) -> World:
    """Returns one log of a case."""
    session = np.repeat(np.arange(case.n_sessions), _sizes(case, rng))
    late = session >= case.n_sessions / 2
    worth = _costs if case.of == "cost" else _scores
    expected, outcome = worth(case, rng, session, np.where(late, case.drift, 1.0))
    return World(
        case=case,
        session=session,
        expected=expected,
        outcome=outcome,
        control=(rng.random(case.n_sessions) < case.share)[session],
        certain=rng.random(len(session)) < case.certain,
    )


def _sizes(case: Case, rng: np.random.Generator) -> IntArray:
    if case.long_sessions:
        return np.asarray(np.minimum(1 + np.floor(rng.pareto(1.3, case.n_sessions)), 60), dtype=np.int64)
    return np.asarray(rng.geometric(1 / 3, case.n_sessions), dtype=np.int64)


def _costs(case: Case, rng: np.random.Generator, session: IntArray, drift: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Lognormal: a level of the session, a part that was expected, and a part that was not."""
    n, e = len(session), case.explained
    level = rng.normal(0, case.sd_session, case.n_sessions)[session]
    foreseen = rng.normal(0, case.sd_request * np.sqrt(e), n)
    surprise = rng.normal(0, case.sd_request * np.sqrt(1 - e), (n, 2))
    worth = np.exp(level[:, None] + foreseen[:, None] + surprise) * drift[:, None] * [1.0, case.factor]
    expected = np.exp(0.5 * level + foreseen) if e else np.exp(rng.normal(size=n))
    return np.stack([expected, case.factor * expected], axis=1), worth


def _scores(
    case: Case, rng: np.random.Generator, session: IntArray, drift: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Right or wrong, or a fraction, with a difficulty of the session and one of the request."""
    ease = case.easy + rng.normal(0, 0.7, case.n_sessions)[session] + rng.normal(0, 0.7, len(session))
    odds = np.log([1.0, case.factor])
    chance = 1 / (1 + np.exp(-(ease[:, None] + odds)))
    true_chance = 1 / (1 + np.exp(-(ease[:, None] + odds + np.log(drift)[:, None])))
    if case.fractional:
        return chance, rng.beta(2 * true_chance, 2 * (1 - true_chance))
    return chance, (rng.random(chance.shape) < true_chance).astype(np.float64)


CASES = (
    Case(name="costs, CV 1.2"),
    Case(name="costs, predictions worthless", explained=0.0),
    Case(name="costs, sessions of up to 60 requests", long_sessions=True),
    Case(name="costs, drift half-way (x 3)", drift=3.0),
    Case(name="costs, router dearer than the reference", factor=1.6),
    Case(name="costs, 30 control sessions of 1,500", n_sessions=1500, share=0.02),
    Case(name="costs, lognormal sigma 1.5, CV 2.9", sd_session=0.5, sd_request=1.4142),
    Case(name="costs, lognormal sigma 1.5, 2,000 sessions", sd_session=0.5, sd_request=1.4142, n_sessions=2000),
    Case(name="costs, lognormal sigma 2, CV 7.3", sd_session=0.5, sd_request=1.9365),
    Case(name="costs, lognormal sigma 2.5, CV 23", sd_session=0.5, sd_request=2.4495),
    Case(name="costs, another policy", target="other"),
    Case(name="costs, another policy, sigma 1.5", target="other", sd_session=0.5, sd_request=1.4142),
    Case(name="scores, 70 % right", of="score"),
    Case(name="scores, 95 % right, 120 sessions", of="score", easy=3.5, n_sessions=120),
    Case(name="scores, fractional", of="score", fractional=True),
    Case(name="scores, drift half-way", of="score", drift=0.2),
    Case(name="scores, router better than the reference", of="score", factor=3.0),
    Case(name="scores, 30 control sessions of 1,500", of="score", n_sessions=1500, share=0.02),
    Case(name="scores, another policy", of="score", target="other"),
)


@dataclass(kw_only=True)
class Found:
    """What an estimator did over the repetitions of a case."""

    errors: list[float] = field(default_factory=list)
    truths: list[float] = field(default_factory=list)
    widths: list[float] = field(default_factory=list)
    hits: list[bool] = field(default_factory=list)
    n_refused: int = 0

    def add(self, found: Interval, truth: float, *, hit: bool | None = None) -> None:
        """Notes one interval."""
        self.errors.append(found.value - truth)
        self.truths.append(truth)
        self.widths.append(found.high - found.low)
        self.hits.append(found.low <= truth <= found.high if hit is None else hit)

    def row(self) -> str:
        """Returns n, relative bias, coverage and relative width."""
        if not self.hits:
            return f"{0:>6} {'':>8} {'':>9} {'':>8} {self.n_refused:>8}"
        mean = float(np.mean(self.truths))
        bias, width = float(np.mean(self.errors)) / mean, float(np.median(self.widths)) / mean
        return f"{len(self.hits):>6} {bias:>+8.2%} {np.mean(self.hits):>9.1%} {width:>8.2f} {self.n_refused:>8}"


def look(world: World) -> Iterator[tuple[str, Interval | None, float, bool | None]]:
    """Yields estimator, its interval (`None` where refused), the truth, and whether every limit held."""
    case, sample, truth = world.case, world.sample, world.truth
    cost, bounds = case.of == "cost", None if case.of == "cost" else (0.0, 1.0)
    refused = overlap(sample, positive=cost).refusal is not None
    for name in ESTIMATORS:
        yield name, estimate(sample, name, bounds=bounds).interval(positive=cost), truth, None
    dr = estimate(sample, "dr", bounds=bounds).interval(positive=cost)
    yield "dr, where not refused", None if refused else dr, truth, None
    yield "dr, bootstrap of sessions", _bootstrap(sample), truth, None
    if case.target == "reference":
        yield "regression on the control arm (statement)", *_statement(world, bounds), None
    path = sequence(sample, positive=cost, bounds=bounds)
    yield "dr, at every moment", path.last, truth, all_held(world, path.low, path.high)


def all_held(world: World, low: FloatArray, high: FloatArray) -> bool:
    """Says whether no limit was ever wrong."""
    n = np.cumsum(world.sample.by_session(np.ones(len(world.session))))
    worth = world.outcome[np.arange(len(world.session)), world.wanted]
    truth = np.cumsum(world.sample.by_session(worth)) / n
    return not bool(((low > truth) | (high < truth)).any())


def _statement(world: World, bounds: tuple[float, float] | None) -> tuple[Interval, float]:
    """What the statement does: the reference's sum on the policy arm's requests."""
    control = world.control
    arms = [
        Arm(session=world.session[rows], expected=world.expected[rows, 0], observed=world.outcome[rows, 0])
        for rows in (control, ~control)
    ]
    n = int((~control).sum())
    return project(*arms, bounds=bounds).interval(scale=n, positive=bounds is None), float(
        world.outcome[~control, 0].mean()
    )


def _bootstrap(sample: Sample) -> Interval:
    """The usual one: sessions drawn with replacement, the weighted mean (snips) by percentiles."""
    columns = np.column_stack([sample.weight * sample.observed, sample.weight])
    means = resampled_means(columns, groups=sample.session, n_boot=400, seed=0)
    value = float(columns[:, 0].sum() / columns[:, 1].sum())
    return interval(value, means[:, 0] / means[:, 1])


def run(case: Case, n: int, seed: int) -> dict[str, Found]:
    """Returns what every estimator found over `n` logs of a case."""
    rng = np.random.default_rng(seed)
    found: dict[str, Found] = defaultdict(Found)
    for _ in range(n):
        world = drawn(case, rng)
        for name, interval_, truth, hit in look(world):
            if interval_ is None:
                found[name].n_refused += 1
            else:
                found[name].add(interval_, truth, hit=hit)
    return found


def means(n: int, seed: int) -> dict[str, dict[str, Found]]:
    """Returns case -> what betting and prediction-powered means found over `n` draws."""
    rng = np.random.default_rng(seed)
    found: dict[str, dict[str, Found]] = defaultdict(lambda: defaultdict(Found))
    for _ in range(n):
        for name, (draw, truth) in _BOUNDED.items():
            x = draw(rng)
            low, high = betting_cs(x)
            last = Interval(value=float(x.mean()), low=float(low[-1]), high=float(high[-1]))
            held = not bool(((low > truth) | (high < truth)).any())
            found[name]["betting, at every moment"].add(last, truth, hit=held)
        for case in JUDGES:
            compared(case, rng, found[case.name])
    return found


_BOUNDED: dict[str, tuple[Callable[[np.random.Generator], FloatArray], float]] = {
    "500 scores, 70 % right": (lambda rng: (rng.random(500) < 0.7).astype(np.float64), 0.7),
    "500 scores, 98 % right": (lambda rng: (rng.random(500) < 0.98).astype(np.float64), 0.98),
    "500 fractional scores": (lambda rng: rng.beta(2, 1, 500), 2 / 3),
}


@dataclass(frozen=True, kw_only=True)
class JudgeCase:
    """Answers of two arms, of which people score some and a judge many."""

    name: str
    n_sessions: tuple[int, int] = (1000, 250)
    """Of the policy and of the control arm."""
    by_people: tuple[float, float] = (0.1, 0.2)
    """Chance that people score a session."""
    whole: bool = True
    """People score all answers of a session, or each by itself."""
    by_judge: float = 1.0
    """Chance that the judge scores an answer."""
    follows: float = 0.8
    """How far the judge goes along with people."""
    leans: float = 0.0
    """What it gives the policy's answers above what it gives equal ones of the reference."""
    right: float = 1.05
    """Log odds that people find an answer of the reference good."""
    worse: float = 0.3
    """By how much less those of the policy."""


JUDGES = (
    JudgeCase(name="people some, a lenient judge the rest"),
    JudgeCase(name="a judge that leans to the policy's style", leans=0.25),
    JudgeCase(name="a judge that is worthless", follows=0.0),
    JudgeCase(name="a judge that says the opposite", follows=-0.8),
    JudgeCase(name="people score single answers, not sessions", whole=False, by_people=(0.05, 0.1)),
    JudgeCase(name="the judge scores half of the answers", by_judge=0.5),
    JudgeCase(name="people score about 15 sessions an arm", by_people=(0.015, 0.06), follows=0.6),
    JudgeCase(name="nearly all answers are good", right=3.5, worse=0.2),
)


def compared(case: JudgeCase, rng: np.random.Generator, found: dict[str, Found]) -> None:
    """Notes what the mean of the policy arm and the difference of both arms came to, with the judge and without."""
    arms = [_answers(case, rng, arm) for arm in (0, 1)]
    if any(arm.n_groups(arm.by_people) < MIN_SESSIONS for arm in arms):
        found["difference, prediction-powered"].n_refused += 1
        return
    truths = [_found_good(case.right - case.worse), _found_good(case.right)]
    found["refused as unlike"].n_refused += any(map(unlike, arms))
    alone = [powered_mean(replace(arm, judge=np.full(len(arm.judge), np.nan))) for arm in arms]
    powered = [powered_mean(arm) for arm in arms]
    for name, (policy, reference) in (("people alone", alone), ("prediction-powered", powered)):
        difference = (policy + reference.scaled(-1)).difference_interval()
        found[f"mean, {name}"].add(policy.interval(), truths[0])
        found[f"difference, {name}"].add(difference, truths[0] - truths[1])


def _answers(case: JudgeCase, rng: np.random.Generator, arm: int) -> Judged:
    n = case.n_sessions[arm]
    group = np.repeat(np.arange(n), rng.geometric(0.5, n))
    ease = case.right - case.worse * (arm == 0) + rng.normal(0, 0.8, n)[group]
    person = (rng.random(len(group)) < 1 / (1 + np.exp(-ease))).astype(np.float64)
    offset = 0.35 + case.leans * (arm == 0) + 0.6 * max(-case.follows, 0)
    judge = np.clip(offset + 0.6 * case.follows * person + rng.normal(0, 0.15, len(group)), 0, 1)
    drawn_ = rng.random(n)[group] if case.whole else rng.random(len(group))
    people, judges = drawn_ < case.by_people[arm], rng.random(len(group)) < case.by_judge
    return Judged(group=group, person=np.where(people, person, np.nan), judge=np.where(judges, judge, np.nan))


@cache
def _found_good(log_odds: float) -> float:
    """Returns the chance that people find an answer good, over sessions."""
    ease = log_odds + 0.8 * np.random.default_rng(0).normal(size=4_000_000)
    return float(np.mean(1 / (1 + np.exp(-ease))))


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--case", help="only cases whose name holds this, or `means`")
    arguments = parser.parse_args()
    print(f"{arguments.repetitions} repetitions, seed {arguments.seed}; bias and width relative to the truth")
    for case in CASES:
        if arguments.case is None or arguments.case in case.name:
            started = time.perf_counter()
            _print(case.name, run(case, arguments.repetitions, arguments.seed), time.perf_counter() - started)
    for name, found in (
        means(arguments.repetitions, arguments.seed).items() if arguments.case in {None, "means"} else ()
    ):
        _print(name, found, 0.0)


def _print(name: str, found: dict[str, Found], seconds: float) -> None:
    print(
        f"\n{name:<44} {'n':>6} {'bias':>8} {'coverage':>9} {'width':>8} {'refused':>8}   {seconds:.0f} s", flush=True
    )
    for estimator, what in found.items():
        print(f"  {estimator:<42} {what.row()}", flush=True)


if __name__ == "__main__":
    main()
