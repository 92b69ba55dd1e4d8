"""Do certificates keep what they promise, what do they allow, and how soon is it seen when they no longer hold?

    python -m benchmarks.certificates worlds            [--draws 2000] [--out FILE]
    python -m benchmarks.certificates ladders           [--draws 2000] [--out FILE]
    python -m benchmarks.certificates alarms            [--draws 2000] [--out FILE]
    python -m benchmarks.certificates tables DATA       [--seeds 5] [--out FILE]

`worlds`: ladders whose true losses are known, the worst for a certificate (policies just above the margin); how often
the promise is broken, by ours, and by bounds that others use. `ladders`: the whole way, from outcomes over the ladder
and the guard to a certificate, where the truth is known. `alarms`: false ones over a whole life, and how many outcomes
a drop takes. `tables`: real outcomes; everything is chosen on training prompts and judged on held-out ones.
"""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from fairlead.fitting import calibrated, fit
from fairlead.outcomes import Outcomes
from fairlead.policies import Certified
from fairlead.policies.base import Circumstances, Promise
from fairlead.policies.judging import case_of
from fairlead.policies.realised import Recorded
from fairlead.proof.certifying import Certification, Terms, certify, keeps_margin, tested
from fairlead.proof.ladder import by_question, ladder
from fairlead.statistics.alarms import DropAlarm
from fairlead.statistics.bootstrap import resampled_means
from fairlead.statistics.claims import fallback
from fairlead.types import Predictions
from tests.statistics.certificate_worlds import WORLDS, World

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fairlead.policies.judging import Case
    from fairlead.types import FloatArray, IntArray

NOW = datetime(2026, 11, 25, tzinfo=UTC)
TABLES = ("mmlu_pro", "zeroeval", "bfcl", "routellm", "alpaca_eval2")
"""Those whose models have prices."""
MARGINS = (0.01, 0.02, 0.05)


def upper_tail(successes: int, n: int, chance: float) -> float:
    """Returns P(a binomial count is at least `successes`): the one-sided p-value of "the rate is at most `chance`"."""
    logs = [math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) for i in range(successes, n + 1)]
    k = np.arange(successes, n + 1)
    return min(1.0, float(np.exp(np.array(logs) + k * math.log(chance) + (n - k) * math.log1p(-chance)).sum()))


# Worlds --------------------------------------------------------------------------------------------------------------


def _betting(loss: FloatArray, terms: Terms) -> int:
    return _prefix(loss, terms, keeps_margin)


def _by_normal(loss: FloatArray, terms: Terms) -> int:
    return _prefix(loss, terms, _normal_p)


def _by_hoeffding(loss: FloatArray, terms: Terms) -> int:
    return _prefix(loss, terms, lambda x, t: math.exp(-len(x) * max(0.0, t.margin - float(x.mean())) ** 2 / 2))


def _by_fallback(loss: FloatArray, terms: Terms) -> int:
    """Returns up to where a fallback, whose shares are alike, shows all of the ladder."""
    p = np.array([keeps_margin(each, terms) for each in loss])
    shown = fallback(p, 1 - terms.confidence, np.full(len(p), 1 / len(p)))
    return int(np.logical_and.accumulate(shown).sum())


def _normal_p(loss: FloatArray, terms: Terms) -> float:
    sd = float(loss.std())
    gap = terms.margin - float(loss.mean())
    return float(gap <= 0) if sd == 0 else 1 - NormalDist().cdf(gap / sd * math.sqrt(len(loss)))


def _prefix(loss: FloatArray, terms: Terms, p: Callable[[FloatArray, Terms], float]) -> int:
    for i, each in enumerate(loss):
        if p(each, terms) > 1 - terms.confidence:
            return i
    return len(loss)


METHODS = {"betting": _betting, "fallback": _by_fallback, "Hoeffding": _by_hoeffding, "normal": _by_normal}


def worlds(draws: int) -> list[dict[str, Any]]:
    """Returns a row a world and method."""
    rows = []
    for name, world in WORLDS.items():
        certified = {method: np.empty(draws, dtype=np.int64) for method in METHODS}
        for seed in range(draws):
            loss = world.draw(np.random.default_rng(seed))
            for method, how in METHODS.items():
                certified[method][seed] = how(loss, world.terms)
        rows += [_world_row(name, world, method, counts) for method, counts in certified.items()]
        _tell(f"{name}: done")
    return rows


def _world_row(name: str, world: World, method: str, certified: IntArray) -> dict[str, Any]:
    draws, allowed = len(certified), 1 - world.terms.confidence
    broken = sum(world.breaks(int(k)) for k in certified)
    safe = int(np.logical_and.accumulate(world.true_loss <= world.terms.margin).sum())
    return {
        "world": name,
        "method": method,
        "allowed": allowed,
        "broken": broken,
        "draws": draws,
        "p": upper_tail(broken, draws, allowed),
        "all_safe_shown": None if not safe else float(np.mean(np.asarray(certified) >= safe)),
    }


# The whole way -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Pool:
    """Four models and how well their success is predicted: the truth behind made-up outcomes."""

    noise: float
    """Standard deviation of the predicted chances."""
    steps: bool
    """Chances are 0.05, 0.5 or 0.95 and so are the predictions: losses jump from one rate to the next."""

    def drawn(self, n: int, rng: np.random.Generator) -> tuple[Predictions, Recorded, FloatArray]:
        """Returns predictions, outcomes and the true chances of n questions."""
        hard = rng.random((n, 1))
        skill = np.array([1.3, 1.15, 0.95, 0.7])
        chance = np.clip(skill - hard + rng.normal(0, 0.15, (n, 4)), 0.02, 0.98)
        if self.steps:
            chance = np.select([chance < 0.35, chance < 0.7], [0.05, 0.5], 0.95)
        seen = np.clip(chance + rng.normal(0, self.noise, chance.shape), 0.01, 0.99)
        seen = np.round(seen * 10) / 10 if self.steps else seen
        cost = np.tile([1.0, 0.4, 0.1, 0.02], (n, 1))
        unknown = np.full_like(chance, np.nan)
        predictions = Predictions(
            candidates=("a", "b", "c", "d"),
            p_success=seen,
            p_success_sd=np.full_like(chance, self.noise),
            output_tokens=unknown,
            cost_usd=cost,
            latency_p95_s=unknown,
        )
        return predictions, Recorded(score=_hits(chance, rng), cost_usd=cost), chance


def _hits(chance: FloatArray, rng: np.random.Generator) -> FloatArray:
    return np.asarray(rng.random(chance.shape) < chance, dtype=np.float64)


POOLS = {
    "predicted well": Pool(noise=0.1, steps=False),
    "predicted badly": Pool(noise=0.4, steps=False),
    "chances in steps": Pool(noise=0.15, steps=True),
}


def ladders(draws: int) -> list[dict[str, Any]]:
    """Returns a row a pool, number of questions and margin."""
    rows = []
    for name, pool in POOLS.items():
        predictions, _, chance = pool.drawn(200_000, np.random.default_rng(10**6))
        for n, terms in ((400, Terms(margin=0.05, confidence=0.9)), (1500, Terms(margin=0.02, confidence=0.95))):
            drawn = [_ladder_draw(pool, n, terms, seed) for seed in range(draws)]
            losses = [_true(policy, predictions, chance) for policy in drawn if policy is not None]
            broken = sum(loss > terms.margin for loss, _ in losses)
            rows.append(
                {
                    "pool": name,
                    "questions": n,
                    "margin": terms.margin,
                    "allowed": 1 - terms.confidence,
                    "certified": len(losses) / draws,
                    "broken": broken,
                    "draws": draws,
                    "p": upper_tail(broken, draws, 1 - terms.confidence),
                    "mean_saving": float(np.mean([saving for _, saving in losses])) if losses else None,
                }
            )
            _tell(f"{name}, {n}: {broken} of {draws} broken, {len(losses)} certified")
    return rows


def _ladder_draw(pool: Pool, n: int, terms: Terms, seed: int) -> Any:
    """Returns the policy that serves after one draw of n questions to tune on and n to certify on."""
    rng = np.random.default_rng(seed)
    tuning, calibration = (_case(*pool.drawn(n, rng)[:2]) for _ in range(2))
    policies = ladder(tuning, margin=terms.margin, seed=seed)
    _, certified = tested(policies, calibration, terms, seed)
    return policies[certified - 1] if certified else None


def _case(predictions: Predictions, recorded: Recorded) -> Case:
    case = case_of(Promise(), predictions, recorded, "a", None, 0)
    assert case is not None
    return case


def _true(policy: Any, predictions: Predictions, chance: FloatArray) -> tuple[float, float]:
    """Returns what a policy loses in truth, and the share of the reference's cost that it saves."""
    n = len(chance)
    everyone = Circumstances(eligible=np.ones(chance.shape, dtype=np.bool_), reference=0, mix_draw=np.zeros(n))
    first = policy.choose(predictions, everyone).first
    served = np.arange(n), first
    return float((chance[:, 0] - chance[served]).mean()), float(1 - predictions.cost_usd[served].mean())


# Alarms --------------------------------------------------------------------------------------------------------------

MARGIN, CHANCE, DAYS, PER_DAY = 0.02, 0.01, 90, 50
QUIET_DAYS = 30
DROPS = (0.05, 0.1, 0.2)


def alarms(draws: int) -> list[dict[str, Any]]:
    """Returns a row a kind of outcome and loss: false alarms over a life, or the delay after a drop on day 30."""
    rows = []
    for kind in ("paired", "two samples"):
        for loss in (0.0, MARGIN):
            raised = _life(kind, [loss] * DAYS, draws)
            false = int((raised >= 0).sum())
            rows.append(
                {
                    "kind": kind,
                    "before": loss,
                    "after": None,
                    "false_alarms": false,
                    "draws": draws,
                    "p": upper_tail(false, draws, CHANCE),
                    "outcomes": DAYS * PER_DAY,
                }
            )
        for drop in DROPS:
            raised = _life(kind, [0.0] * QUIET_DAYS + [drop] * (DAYS - QUIET_DAYS), draws)
            delay = raised[raised >= 0] - QUIET_DAYS * PER_DAY
            rows.append(
                {
                    "kind": kind,
                    "before": 0.0,
                    "after": drop,
                    "draws": draws,
                    "seen": float(np.mean(raised >= 0)),
                    "median_delay": float(np.median(delay)) if delay.size else None,
                    "delay_90": float(np.quantile(delay, 0.9)) if delay.size else None,
                }
            )
        _tell(f"{kind}: done")
    return rows


def _life(kind: str, loss_by_day: Sequence[float], draws: int) -> FloatArray:
    """Returns (draws,) the number of outcomes after which an alarm was raised, -1 where none was."""
    rng = np.random.default_rng(0)
    alarm, raised, seen = DropAlarm(bound=MARGIN, n_periods=DAYS), np.full(draws, -1), 0
    for day, loss in enumerate(loss_by_day):
        for _ in range(PER_DAY):
            alarm.see(_outcomes(kind, loss, draws, rng), day)
            seen += 1
            raised[(alarm.capital >= 1 / CHANCE) & (raised < 0)] = seen
    return raised


def _outcomes(kind: str, loss: float, draws: int, rng: np.random.Generator) -> FloatArray:
    """Returns outcomes of 0/1 scores: pairs that differ one time in ten, or a control session against twenty."""
    if kind == "paired":
        u, differ = rng.random(draws), max(0.1, loss)
        return np.where(u < (differ + loss) / 2, 1.0, np.where(u < differ, -1.0, 0.0))
    control = (rng.random(draws) < 0.8) * 1.0
    against = rng.geometric(0.05, draws)
    return np.asarray(control - rng.binomial(against, 0.8 - loss) / against)


# Real tables ---------------------------------------------------------------------------------------------------------


def tables(data: Path, seeds: int, names: Sequence[str]) -> list[dict[str, Any]]:
    """Returns a row a table and margin, over all seeds."""
    rows = []
    for name in names:
        table = Outcomes.read(data / name)
        results: dict[float, list[Held]] = {m: [] for m in MARGINS}
        for seed in range(seeds):
            train, held_out = table.split(0.7, seed)
            tuned_on, certified_on = train.split(0.5, seed)
            router = calibrated(fit(tuned_on, seed=seed), certified_on)
            judged = calibrated(router, held_out)
            for margin in MARGINS:
                certification = certify(router, Terms(margin=margin), issued_at=NOW)
                results[margin].append(_judged(certification, judged))
            _tell(f"{name}, seed {seed}: {[r[-1].certification.in_words()[:60] for r in results.values()]}")
        rows += [_table_row(name, margin, found) for margin, found in results.items()]
    return rows


@dataclass(frozen=True, kw_only=True)
class Held:
    """A certification, and what its policy came to on questions that were held out, (n,) each."""

    certification: Certification
    question: IntArray
    """The same number is the same question, in all splits."""
    loss: FloatArray
    cost_usd: FloatArray
    """(n, 2) of the policy and of the reference."""

    @property
    def saving(self) -> float:
        """Share of the reference's cost."""
        policy, reference = self.cost_usd.mean(axis=0)
        return float(1 - policy / reference)


def _judged(certification: Certification, judged: Any) -> Held:
    predictions, recorded = judged.case(judged.calibration)
    case = case_of(Promise(), predictions, recorded, judged.reference, judged.calibration.question, 0)
    assert case is not None
    policy = certification.router.policy
    assert isinstance(policy, Certified)
    reference = case.recorded.of(np.full(len(case.groups), case.circumstances.reference))
    realised = policy.realised(case.predictions, case.circumstances, case.recorded)
    spent = np.column_stack([realised.cost_usd, reference.cost_usd])
    every, first_row = np.unique(judged.calibration.question, return_index=True)
    at = np.searchsorted(every, np.unique(case.groups))
    return Held(
        certification=certification,
        question=judged.calibration.prompt_hash[first_row[at]],
        loss=by_question(reference.score - realised.score, case.groups),
        cost_usd=np.column_stack([by_question(column, case.groups) for column in spent.T]),
    )


def _table_row(name: str, margin: float, found: Sequence[Held]) -> dict[str, Any]:
    question = np.concatenate([each.question for each in found])
    loss = np.concatenate([each.loss for each in found])
    spent = np.vstack([each.cost_usd for each in found])
    means = resampled_means(np.column_stack([loss, spent]), groups=question, n_boot=2000)
    certified = [each.certification.certificate for each in found if each.certification.certificate is not None]
    saving = 1 - means[:, 1] / means[:, 2]
    return {
        "table": name,
        "margin": margin,
        "seeds": len(found),
        "certified": len(certified),
        "questions_certified_on": [each.certification.n_questions for each in found],
        "needed": [each.certification.needed for each in found],
        "serves": [c.serves.policy for c in certified],
        "held_out": len(loss),
        "different_questions": len(np.unique(question)),
        "lost": float(loss.mean()),
        "lost_95": [float(np.quantile(means[:, 0], q)) for q in (0.025, 0.975)],
        "lost_by_seed": [float(each.loss.mean()) for each in found],
        "saving": float(1 - spent[:, 0].mean() / spent[:, 1].mean()),
        "saving_95": [float(np.quantile(saving, q)) for q in (0.025, 0.975)],
        "saving_by_seed": [each.saving for each in found],
    }


def _tell(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def main() -> None:
    """Prints a row a line, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["worlds", "ladders", "alarms", "tables"])
    parser.add_argument("data", nargs="?", type=Path)
    parser.add_argument("--tables", nargs="+", default=TABLES)
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    if asked.what == "tables":
        if asked.data is None:
            parser.error("`tables` needs the folder of the outcome tables")
        rows = tables(asked.data, asked.seeds, asked.tables)
    else:
        rows = {"worlds": worlds, "ladders": ladders, "alarms": alarms}[asked.what](asked.draws)
    lines = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
    sys.stdout.buffer.write(lines)
    if asked.out is not None:
        asked.out.write_bytes(lines)


if __name__ == "__main__":
    main()
