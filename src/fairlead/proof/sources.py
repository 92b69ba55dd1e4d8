"""Whose scores a figure of quality rests on: one kind of source for both arms, helped by one that says more.

    people score few answers, a judge scores many     what people say; the judge counts as far as it follows them
    too few scores by people                          what the next kind says of the answers, and that it is so
    people scored other answers than the judge did    what people say of theirs: they were not drawn at random

A person's word on one arm and a rule's on the other say nothing of which is better, so kinds are never mixed within a
figure, unless no kind alone has enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairlead.ledger.sources import KINDS, Kind
from fairlead.proof.cases import n_sessions
from fairlead.proof.counterfactual import MIN_SESSIONS
from fairlead.statistics.prediction_powered import MIN_GROUPS, Judged, unlike

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.proof.cases import Case, Experiment

SAYERS: dict[Kind, str] = {"human": "people", "verifier": "verifiers", "judge": "judges", "implicit": "behaviour"}
"""Kind of source -> who that is, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCount:
    """How many answers one kind of source scored."""

    kind: Kind
    n_policy: int
    """Of the policy arm."""
    n_control: int
    """Of the control arm, without sessions that are the same in both arms."""
    n_alone: int
    """Of both, those that the kind which counts did not score."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Whose scores a figure of quality rests on."""

    kind: Kind | None
    """The kind of source that counts; `None` where each answer's most trusted score does: none alone has enough."""
    helper: Kind | None = None
    """The kind whose scores of the other answers count too, as far as they follow (prediction-powered)."""
    too_few: tuple[Kind, ...] = ()
    """More trusted kinds that scored something, in too few sessions."""
    unlike: Kind | None = None
    """The kind that does not help, as it finds the answers that both scored unlike its others."""
    counts: tuple[SourceCount, ...] = ()
    """The most trusted kind first; empty where sources are not known."""


def sources(trials: Sequence[Experiment]) -> Sources:
    """Returns whose scores a comparison of these experiments rests on."""
    kinds = [kind for kind in KINDS if any(kind in case.scores for trial in trials for case in trial.cases)]
    enough = [kind for kind in kinds if any(is_enough(trial, kind) for trial in trials)]
    if not enough:
        return Sources(kind=kinds[0] if len(kinds) == 1 else None, counts=_counts(trials, kinds, None))
    kind = enough[0]
    found = Sources(kind=kind, too_few=tuple(kinds[: kinds.index(kind)]), counts=_counts(trials, kinds, kind))
    helper = max(found.counts[kinds.index(kind) + 1 :], key=lambda count: count.n_alone, default=None)
    if helper is None or not any(_helps(trial, kind, helper.kind) for trial in trials):
        return found
    arms = (judged(arm, kind, helper.kind) for t in trials if is_enough(t, kind) for arm in (t.policy, t.control))
    apart = any(map(unlike, arms))
    return Sources(
        kind=kind,
        helper=None if apart else helper.kind,
        too_few=found.too_few,
        unlike=helper.kind if apart else None,
        counts=found.counts,
    )


def judged(cases: Sequence[Case], kind: Kind, helper: Kind) -> Judged:
    """Returns what these two kinds of sources say of the answers that either scored; the first one is believed."""
    scored = [case for case in cases if kind in case.scores or helper in case.scores]
    names = [case.session or f"request-{i}" for i, case in enumerate(scored)]
    number = {name: i for i, name in enumerate(dict.fromkeys(names))}
    return Judged(
        group=np.array([number[name] for name in names], dtype=np.int64),
        person=np.array([case.scores.get(kind, np.nan) for case in scored], dtype=np.float64),
        judge=np.array([case.scores.get(helper, np.nan) for case in scored], dtype=np.float64),
    )


def is_enough(trial: Experiment, kind: Kind) -> bool:
    """Says whether a kind of source scored enough sessions of both arms for an interval."""
    return min(_n_sessions(trial.policy, kind), _n_sessions(trial.control, kind)) >= MIN_SESSIONS


def _helps(trial: Experiment, kind: Kind, helper: Kind) -> bool:
    """Says whether the helper tells of answers of its own, and of enough that both scored, in either arm."""
    if not is_enough(trial, kind):
        return False
    arms = [judged(arm, kind, helper) for arm in (trial.policy, trial.control)]
    return any(min(arm.n_groups(arm.by_both), arm.n_groups(arm.by_judge_alone)) >= MIN_GROUPS for arm in arms)


def _n_sessions(cases: Sequence[Case], kind: Kind) -> int:
    return n_sessions([case for case in cases if kind in case.scores])


def _counts(trials: Sequence[Experiment], kinds: Sequence[Kind], counting: Kind | None) -> tuple[SourceCount, ...]:
    policy = [case.scores for trial in trials for case in trial.cases if case.arm == "policy"]
    control = [case.scores for trial in trials for case in trial.control]
    return tuple(
        SourceCount(
            kind=kind,
            n_policy=sum(kind in scores for scores in policy),
            n_control=sum(kind in scores for scores in control),
            n_alone=sum(kind in scores and counting not in scores for scores in (*policy, *control)),
        )
        for kind in kinds
    )
