"""How often routing lost: the reference would have succeeded, and the answer that was served failed.

Both scores of one request are never seen together, so the control arm alone cannot tell how often that happened. It
tells between which bounds it lies, whatever the scores have to do with each other. With R the reference's score of a
request and S that of the answer that was served, both in [0, 1], and the mean over requests that were sent elsewhere:

    max(0, mean R - mean S)  <=  mean of max(0, R - S)  <=  min(mean R, 1 - mean S)

The mean of S is known and that of R estimated from the control arm, so its interval carries over to both ends. Where
scores are right or wrong, max(0, R - S) is 1 just where the reference was right and the answer wrong; where they are
fractions, it is the score that was lost. Requests that the policy itself leaves to the reference lose nothing.

Feedback that scores the reference's answer to the same request as well makes pairs, and the mean of max(0, R - S) over
them is an estimate, of the requests that were paired so.

References:
    Heckman, Smith and Clements, Making the most out of programme evaluations, 1997 (Fréchet bounds of a joint effect).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fairlead.proof.cases import Case, Experiment, costs, scores
from fairlead.proof.counterfactual import Total, project
from fairlead.proof.means import mean_score, names_of
from fairlead.statistics.bootstrap import Interval  # noqa: TC001 - msgspec reads the annotations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.ledger.sources import Kind

Bound = Literal["kept", "broken", "not_settled", "none_declared"]

BOUNDS = {
    "kept": "the loss of quality lies within the declared margin, its whole interval",
    "broken": "the loss of quality lies beyond the declared margin, its whole interval",
    "not_settled": "the evidence does not tell yet whether the loss of quality lies within the declared margin",
    "none_declared": "no margin was declared: set `quality_floor` of the route",
}
"""What became of the declared margin, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Two ends that hold a quantity which cannot be pinned down; 95 % where they rest on an estimate."""

    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Misroute:
    """How often routing lost, as a share of the scored requests of the policy arm, and what that cost."""

    n: int
    """Scored requests of the policy arm."""
    n_elsewhere: int
    """Those of them that the policy sent to another model."""
    rate: Range
    """Between these bounds, with the control arm's uncertainty inside; scores as fractions: the score that was lost."""
    n_paired: int
    """Requests of which both scores are known."""
    paired_rate: Interval | None
    """Estimated from those; `None` without any."""
    paid_in_vain_usd: float
    """What the answers cost that failed, of those sent elsewhere; the misrouted ones are among them."""
    again_usd: Range
    """What it would cost to ask the reference about the misrouted ones, at its mean cost on those sent elsewhere."""


def misroute(trials: Sequence[Experiment], kind: Kind | None = None) -> Misroute | None:
    """Returns the misroute rate over the experiments with enough scored sessions in both arms; `None` without any.

    Args:
        trials: the experiments.
        kind: of source whose scores count; `None` for whatever score counts of each answer.
    """
    scored = [part for part in (trial.scored(kind) for trial in trials) if part.conclusive and part.cases]
    answered = [case for trial in scored for case in trial.cases if case.arm == "policy"]
    away = [part for part in map(elsewhere, scored) if part.policy and part.conclusive]
    if not answered or (any(map(_sends_elsewhere, scored)) and not away):
        return None
    sent = [case for trial in away for case in trial.policy]
    lost, pairs = _lost(away, sent), [case for case in answered if case.reference_score is not None]
    return Misroute(
        n=len(answered),
        n_elsewhere=len(sent),
        rate=Range(low=lost.low / len(answered), high=lost.high / len(answered)),
        n_paired=len(pairs),
        paired_rate=_paired(pairs) if pairs else None,
        paid_in_vain_usd=sum(float(c.cost_usd or 0) * (1 - (c.score or 0)) for c in sent),
        again_usd=_again(lost, away),
    )


def elsewhere(trial: Experiment) -> Experiment:
    """Returns the part of an experiment that the policy would not leave to the reference, in both arms."""
    policy, control = (tuple(c for c in arm if not c.same_in_both_arms) for arm in (trial.policy, trial.control))
    return Experiment(policy=policy, control=control, settled=())


def _sends_elsewhere(trial: Experiment) -> bool:
    return any(not case.same_in_both_arms for case in trial.policy)


def _lost(away: Sequence[Experiment], sent: Sequence[Case]) -> Range:
    """Returns the bounds of the sum of max(0, R - S) over the requests that were sent elsewhere."""
    if not sent:
        return Range(low=0.0, high=0.0)
    totals = (project(scores(t.control), scores(t.policy), bounds=(0.0, 1.0)) for t in away)
    reference = sum(totals, Total(value=0.0, variance=0.0, n_sessions=0)).interval()
    return bounds(reference, sum(case.score or 0.0 for case in sent), len(sent))


def bounds(reference: Interval, served: float, n: int) -> Range:
    """Returns between what ends the sum of max(0, R - S) over `n` requests lies.

    Args:
        reference: the sum of R, with its interval.
        served: the sum of S.
        n: number of requests.
    """
    return Range(low=max(0.0, reference.low - served), high=max(0.0, min(reference.high, n - served)))


def _paired(pairs: Sequence[Case]) -> Interval:
    losses = [max(0.0, (case.reference_score or 0.0) - (case.score or 0.0)) for case in pairs]
    return mean_score(names_of(pairs), losses)


def _again(lost: Range, away: Sequence[Experiment]) -> Range:
    policy = [case for trial in away for case in trial.policy]
    if not policy:
        return Range(low=0.0, high=0.0)
    totals = (project(costs(t.control), costs(t.policy)) for t in away)
    each = sum(totals, Total(value=0.0, variance=0.0, n_sessions=0)).interval(scale=len(policy), positive=True)
    return Range(low=lost.low * each.low, high=lost.high * each.high)


def bound(difference: Interval | None, margin: float | None) -> Bound:
    """Returns what became of a declared margin.

    Args:
        difference: of the mean scores, policy minus reference; `None` where there is not enough evidence.
        margin: that was declared; `None` for none.
    """
    if margin is None:
        return "none_declared"
    if difference is None:
        return "not_settled"
    if difference.low >= -margin:
        return "kept"
    return "broken" if difference.high < -margin else "not_settled"
