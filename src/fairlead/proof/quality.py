"""How good the policy's answers were against the reference's, on the requests of the policy arm.

    one kind of source   the policy's scores are known; the reference's are carried over from the control arm
    two kinds            a prediction-powered mean of either arm, over all answers that either kind scored

The second is a statement about what the more trusted kind would have said of all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fairlead.proof.cases import Case, Experiment, n_sessions, scores
from fairlead.proof.counterfactual import MIN_SESSIONS, Total, project
from fairlead.proof.sources import Sources, is_enough, judged, sources
from fairlead.statistics.bootstrap import Interval
from fairlead.statistics.prediction_powered import NOTHING, Powered, powered_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fairlead.ledger.sources import Kind
    from fairlead.statistics.prediction_powered import Judged


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """Scored requests only: how good the answers were, and how good the reference's would have been on them."""

    n_policy: int
    """Scored answers of the policy arm; with a helper, those that either kind of source scored."""
    n_control: int
    n_control_sessions: int
    policy: float
    """Mean score of the policy arm; with a helper an estimate."""
    reference: Interval
    """Mean score that the reference would have had on the policy arm's requests."""
    difference: Interval
    """Policy minus reference."""
    said_by: Sources
    """Whose scores these are."""


def quality(trials: Sequence[Experiment], said_by: Sources | None = None) -> Quality | None:
    """Returns how good the policy arm's answers were against the reference's, over the scored requests.

    Args:
        trials: the experiments.
        said_by: whose scores count; those of `sources` where not given.

    Returns:
        `None` where no experiment has enough scored sessions in both arms.
    """
    said_by = sources(trials) if said_by is None else said_by
    if said_by.kind is None or said_by.helper is None:
        return _of_one_kind(trials, said_by)
    return _of_two_kinds(trials, said_by, said_by.kind, said_by.helper)


def total_score(cases: Iterable[Case]) -> float:
    """Returns the sum of the known scores."""
    return sum(case.score for case in cases if case.score is not None)


def _of_one_kind(trials: Sequence[Experiment], said_by: Sources) -> Quality | None:
    parts = [trial.scored(said_by.kind) for trial in trials]
    trials = [part for part in parts if part.conclusive and part.cases]
    answered = [case for trial in trials for case in trial.cases if case.arm == "policy"]
    compared, control = ([case for trial in trials for case in trial.arm(arm)] for arm in ("policy", "control"))
    if not answered or (not compared and len(trials) < sum(bool(part.cases) for part in parts)):
        return None  # what is the same in both arms does not speak for what was sent elsewhere
    totals = (project(scores(t.control), scores(t.policy), bounds=(0.0, 1.0)) for t in trials if t.policy)
    unseen = sum(totals, Total(value=0.0, variance=0.0, n_sessions=0)).interval()
    n, achieved = len(answered), total_score(answered)
    unchanged = achieved - total_score(compared)
    ends = [(achieved - unchanged - total) / n for total in (unseen.high, unseen.low)]
    return Quality(
        n_policy=n,
        n_control=len(control),
        n_control_sessions=n_sessions(control),
        policy=achieved / n,
        reference=Interval(
            value=(unchanged + unseen.value) / n, low=(unchanged + unseen.low) / n, high=(unchanged + unseen.high) / n
        ),
        difference=Interval(value=(achieved - unchanged - unseen.value) / n, low=ends[0], high=ends[1]),
        said_by=said_by,
    )


def _of_two_kinds(trials: Sequence[Experiment], said_by: Sources, kind: Kind, helper: Kind) -> Quality | None:
    arms = [_Arms.of(trial, kind, helper) for trial in trials if _tells(trial, kind, helper)]
    n = sum(each.n for each in arms)
    if not n:
        return None
    settled = sum((each.settled for each in arms), NOTHING)
    policy, reference = (sum((getattr(each, name) for each in arms), NOTHING) for name in ("policy", "reference"))
    return Quality(
        n_policy=n,
        n_control=sum(each.n_control for each in arms),
        n_control_sessions=sum(each.n_control_sessions for each in arms),
        policy=(policy + settled).scaled(1 / n).value,
        reference=(reference + settled).scaled(1 / n).interval(),
        difference=(policy + reference.scaled(-1)).scaled(1 / n).difference_interval(),
        said_by=said_by,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arms:
    """The sums of one experiment, each over the scored answers of its policy arm."""

    n: int
    n_control: int
    n_control_sessions: int
    policy: Powered
    reference: Powered
    """What the control arm says of the compared ones."""
    settled: Powered
    """Answers that are the same in both arms: no difference, and a level all the same."""

    @classmethod
    def of(cls, trial: Experiment, kind: Kind, helper: Kind) -> _Arms:
        policy, control = (judged(arm, kind, helper) for arm in (trial.policy, trial.control))
        same = judged([case for case in trial.settled if case.arm == "policy"], kind, helper)
        n_compared = len(policy.group)
        return cls(
            n=n_compared + len(same.group),
            n_control=len(control.group),
            n_control_sessions=control.n_groups(control.by_people | control.by_judge_alone),
            policy=_mean(policy).scaled(n_compared),
            reference=_mean(control).scaled(n_compared),
            settled=_mean(same).scaled(len(same.group)),
        )


def _tells(trial: Experiment, kind: Kind, helper: Kind) -> bool:
    """Says whether enough of what was scored and compared was scored by the kind that counts, or nothing was."""
    compared = (*trial.policy, *trial.control)
    return is_enough(trial, kind) or not any(kind in case.scores or helper in case.scores for case in compared)


def _mean(answers: Judged) -> Powered:
    """Returns the powered mean; what little was scored where that is not enough for an interval."""
    if answers.n_groups(answers.by_people) >= MIN_SESSIONS:
        return powered_mean(answers)
    known = answers.person[answers.by_people] if answers.by_people.any() else answers.judge
    return replace(NOTHING, value=float(np.mean(known))) if len(known) else NOTHING
