"""From outcomes that nothing was fitted on to a certificate: the greediest policy that is shown to keep the margin.

    fitted on   -> a ladder of policies, the safest first                    (`ladder.py`)
    held out    -> a p-value of "it loses more than the margin" for each     (by betting, paired, one value a question)
                -> certified as long as the p-value is small enough          (a fixed sequence, so all hold at once)

What is certified is what serves: the very predictors, on questions that they have not seen. Bets are bounded, so that
the promise holds for any number of questions and any distribution of losses; where questions are too few nothing is
certified, and it is said about how many more it takes.

References:
    Angelopoulos, Bates, Candès, Jordan and Lei, Learn then Test, 2021, arXiv:2110.01052.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from fairlead.certificate import Certificate, Rung
from fairlead.policies.base import Promise
from fairlead.policies.certified import Certified
from fairlead.policies.judging import case_of
from fairlead.proof.ladder import ladder, tried
from fairlead.statistics.claims import fixed_sequence, p_value, values_needed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from fairlead.evidence import Evidence
    from fairlead.policies.base import Policy
    from fairlead.policies.judging import Case
    from fairlead.policies.realised import Recorded
    from fairlead.proof.ladder import Tried
    from fairlead.router import Router
    from fairlead.types import FloatArray, IntArray

DAYS = 90
"""How long a certificate holds where nothing else is asked for."""
ALARM_CHANCE = 0.01
"""That its monitor ever raises a false alarm, where nothing else is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a certificate is to promise, and for how long."""

    margin: float
    """Mean score that may be lost against the reference, in [0, 1)."""
    confidence: float = 0.95
    """That no more is lost, one-sided, in [0.5, 1)."""
    days: int = DAYS
    alarm_chance: float = ALARM_CHANCE
    """That its monitor ever raises an alarm while it holds, in (0, 1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certification:
    """What came of asking for a certificate."""

    router: Router
    """Serves by the certificate, or the reference where there is none."""
    certificate: Certificate | None
    tested: tuple[Rung, ...]
    """In the order of the ladder, up to the first that was not shown to keep the margin."""
    n_questions: int
    """On which they were tested."""
    needed: int | None
    """About how many questions would certify the first that was refused, 4 times in 5; `None` where it lost more than
    the margin on those at hand, or none was refused."""

    def in_words(self) -> str:
        """Returns the result for people, with what to do about it."""
        if self.certificate is not None:
            return self.certificate.in_words()[0].upper() + self.certificate.in_words()[1:] + "."
        if not self.tested:
            return (
                "Nothing to certify: on the prompts it was fitted on, no cheaper candidate and no routing was worth "
                "testing. The reference serves."
            )
        safest = self.tested[0]
        measured = (
            f"Not certified: on {self.n_questions:,} held-out questions the safest cheaper policy lost "
            f"{safest.loss:+.4f} (p = {safest.p_value:.3f})"
        )
        if self.needed is None:
            return f"{measured}; more questions of this kind would not show it. The reference serves."
        more = max(self.needed - self.n_questions, 1)
        return f"{measured}. About {more:,} more held-out questions would show it. The reference serves."


def certify(router: Router, terms: Terms, *, issued_at: datetime, latency_p95_s: float | None = None) -> Certification:
    """Returns the router that serves by the greediest certified policy, and its certificate where one could be issued.

    Args:
        router: fitted, with the evidence of what it was fitted on and the calibration outcomes; bound to the candidates
            that it is to serve, at their prices.
        terms: what is to be promised.
        issued_at: when the calibration outcomes were looked at.
        latency_p95_s: a limit on waiting under which all policies choose.
    """
    tuning, calibration = _cases(router)
    if tuning is None or calibration is None:
        return _uncertified(router, (), 0, None)
    seed = router.calibration.seed if router.calibration else 0
    policies = ladder(tuning, margin=terms.margin, seed=seed, latency_p95_s=latency_p95_s)
    results, certified = tested(policies, calibration, terms, seed)
    rungs = tuple(rung for rung, _ in results)
    n_questions = len(np.unique(calibration.groups))
    needed = None if certified == len(rungs) else _needed(results[-1][1], terms)
    if not certified:
        return _uncertified(router, rungs, n_questions, needed)
    expires_at = issued_at + timedelta(days=terms.days)
    served = replace(
        router,
        policy=Certified(
            policies=policies[:certified],
            expires_at_s=expires_at.timestamp(),
            unjudged=_outside(calibration),
        ),
    )
    certificate = _issued(served, rungs, certified, calibration, terms, issued_at=issued_at, seed=seed)
    return Certification(
        router=replace(served, certificate=certificate),
        certificate=certificate,
        tested=rungs,
        n_questions=n_questions,
        needed=needed,
    )


def tested(
    policies: Sequence[Policy], calibration: Case, terms: Terms, seed: int
) -> tuple[list[tuple[Rung, FloatArray]], int]:
    """Returns what the outcomes say of each policy, up to the first that is refused, and how many are certified.

    Args:
        policies: the safest first.
        calibration: outcomes that neither the policies nor their order depend on.
        terms: margin and confidence.
        seed: of the order in which questions are bet on.
    """
    order = np.random.default_rng(seed).permutation(len(np.unique(calibration.groups)))
    results: list[tuple[Rung, FloatArray]] = []
    for policy in policies:
        outcome = tried(policy, calibration)
        rung = _rung(outcome, outcome.loss[order], terms)
        results.append((rung, outcome.loss))
        if rung.p_value > 1 - terms.confidence:
            break
    return results, fixed_sequence(np.array([rung.p_value for rung, _ in results]), 1 - terms.confidence)


def keeps_margin(loss: FloatArray, terms: Terms) -> float:
    """Returns the p-value of "more than the margin is lost", of (n,) independent losses in [-1, 1]."""
    return p_value((1 - loss) / 2, (1 - terms.margin) / 2, alpha=1 - terms.confidence)


def _rung(outcome: Tried, loss: FloatArray, terms: Terms) -> Rung:
    return Rung(
        policy=repr(outcome.policy),
        p_value=keeps_margin(loss, terms),
        loss=float(loss.mean()),
        cost_usd=None if np.isnan(outcome.cost_usd) else outcome.cost_usd,
    )


def _needed(loss: FloatArray, terms: Terms) -> int | None:
    """Returns about how many questions with such losses would be enough."""
    gap, mean = (terms.margin - float(loss.mean())) / 2, (1 - terms.margin) / 2
    return values_needed(gap, float(loss.var()) / 4, mean=mean, alpha=1 - terms.confidence)


# The outcomes --------------------------------------------------------------------------------------------------------


def _cases(router: Router) -> tuple[Case | None, Case | None]:
    """Returns what the router was fitted on and what was held out, over the candidates measured in both."""
    tuning = _case(router, router.evidence, None)
    held_out = None if tuning is None else _case(router, router.calibration, tuning.columns)
    if held_out is None:
        return None, None
    return _case(router, router.evidence, held_out.columns), held_out


def _case(router: Router, evidence: Evidence | None, columns: IntArray | None) -> Case | None:
    """Returns the outcomes of these columns, on prompts on which all that take part were measured."""
    if evidence is None or router.reference is None:
        return None
    predictions, recorded = router.case(evidence)
    recorded = recorded if columns is None else _only(recorded, columns)
    return case_of(Promise(), predictions, recorded, router.reference, evidence.question, evidence.seed)


def _only(recorded: Recorded, columns: IntArray) -> Recorded:
    """Returns the outcomes as if nobody but these candidates had been measured."""
    score = np.full_like(recorded.score, np.nan)
    score[:, columns] = recorded.score[:, columns]
    return replace(recorded, score=score)


def _outside(case: Case) -> tuple[str, ...]:
    judged = set(case.columns.tolist())
    return tuple(name for j, name in enumerate(case.predictions.candidates) if j not in judged)


# What is issued ------------------------------------------------------------------------------------------------------


def _issued(
    router: Router,
    rungs: tuple[Rung, ...],
    certified: int,
    case: Case,
    terms: Terms,
    *,
    issued_at: datetime,
    seed: int,
) -> Certificate:
    assert router.calibration is not None
    reference_usd = float(case.recorded.cost_usd[:, case.circumstances.reference].mean())
    return Certificate(
        margin=terms.margin,
        confidence=terms.confidence,
        reference=str(router.reference),
        n_questions=len(np.unique(case.groups)),
        n_prompts=len(case.groups),
        table=router.calibration.table,
        data_hash=router.calibration.data_hash,
        router=router.version,
        rungs=rungs[:certified],
        refused=rungs[certified] if certified < len(rungs) else None,
        reference_cost_usd=None if np.isnan(reference_usd) else reference_usd,
        seed=seed,
        issued_at=issued_at,
        expires_at=issued_at + timedelta(days=terms.days),
        alarm_chance=terms.alarm_chance,
    ).named()


def _uncertified(router: Router, rungs: tuple[Rung, ...], n_questions: int, needed: int | None) -> Certification:
    return Certification(
        router=replace(router, policy=Certified(), certificate=None),
        certificate=None,
        tested=rungs,
        n_questions=n_questions,
        needed=needed,
    )
