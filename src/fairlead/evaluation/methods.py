"""The contract of what is judged: a table in, the models that would have been called out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from fairlead.evaluation.offline import serve_offline
from fairlead.policies import HullGuard
from fairlead.types import Context, SessionState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.outcomes import Outcomes
    from fairlead.policies.base import Policy
    from fairlead.router import Router
    from fairlead.types import Candidate, Decision, FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What a method does on each prompt of a table."""

    share: FloatArray
    """(n, m) chance that each model's answer is served; a row of zeros where a model outside the table is called."""
    p_success: FloatArray
    """(n,) the score it predicted for its choice; NaN where it predicts none."""
    calls: FloatArray | None = None
    """(n, m) expected number of calls to each model, where more are called than the one that is served."""
    n_faults: int = 0
    """Prompts on which it broke down, so that something else served."""

    @property
    def called(self) -> FloatArray:
        """(n, m) expected number of calls to each model: what is paid."""
        return self.share if self.calls is None else self.calls


class Method(Protocol):
    """Anything that names a model for every prompt: a router, a baseline, or a bound on both."""

    @property
    def name(self) -> str:
        """What it is called in the table of results."""
        ...

    @property
    def bound(self) -> bool:
        """It looks at each prompt's own outcomes: nothing that could serve, a bound on what can."""
        ...

    def choose(self, test: Outcomes, *, seed: int, spent_usd: float) -> Chosen:
        """Returns its choices.

        Args:
            test: every model was measured on every prompt.
            seed: of any draw it makes.
            spent_usd: mean cost of the first method of the list, for those that match it; NaN for that one itself.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Routed:
    """A router as a method: each prompt is a session of its own, none is in the control arm."""

    router: Router
    name: str
    bound: bool = False

    def choose(self, test: Outcomes, *, seed: int, spent_usd: float) -> Chosen:  # noqa: ARG002 - it matches nobody
        """Returns what every decision, made by the code that serves, comes to."""
        draws = np.random.default_rng(seed).random(len(test))
        sessions = (
            SessionState(id=prompt_id, rule="evaluation", mix_draw=float(draw))
            for prompt_id, draw in zip(test.prompt_ids, draws, strict=True)
        )
        contexts = [Context(seed=seed, session=session) for session in sessions]
        if self.router.policy.compares_answers:
            return _replayed(self.router, test, contexts)
        decisions = self.router.decide(test.requests, contexts)
        columns = np.array([column_of(candidate, test) for candidate in self.router.candidates], dtype=np.int64)
        called = np.where(decisions.first >= 0, columns[decisions.first], -1)  # -1: nobody could serve
        predicted = decisions.predictions.p_success[np.arange(len(test)), decisions.first]
        n_faults = sum(fault is not None for fault in decisions.fault)
        return Chosen(share=one_each(called, len(test.models)), p_success=predicted, n_faults=n_faults)


def _replayed(router: Router, test: Outcomes, contexts: Sequence[Context]) -> Chosen:
    """Returns what came of plans whose next call depends on the answers so far: each is served from the record.

    Nothing is predicted of a plan as a whole; where one call was all, its prediction stands.
    """
    columns = [column_of(candidate, test) for candidate in router.candidates]
    named = [
        replace(candidate, model=test.models[column]) if column >= 0 else candidate
        for candidate, column in zip(router.candidates, columns, strict=True)
    ]
    place = {candidate.name: column for candidate, column in zip(named, columns, strict=True)}
    share, calls, p_success = np.zeros(test.score.shape), np.zeros(test.score.shape), np.full(len(test), np.nan)
    n_faults = 0
    for i, row in enumerate(serve_offline(replace(router, candidates=tuple(named)), test, contexts=contexts)):
        called = [place[attempt.candidate] for attempt in row.outcome.attempts]
        if row.model is None or row.decision is None or min(called) < 0:
            continue
        share[i, place[row.model]] = 1.0
        np.add.at(calls[i], called, 1.0)
        n_faults += row.decision.fault is not None
        if len(called) == 1:
            p_success[i] = _expected(row.decision, row.model)
    return Chosen(share=share, calls=calls, p_success=p_success, n_faults=n_faults)


def _expected(decision: Decision, candidate: str) -> float:
    found = next(one.p_success for one in decision.predictions if one.candidate == candidate)
    return float("nan") if found is None else found


def column_of(candidate: Candidate, outcomes: Outcomes) -> int:
    """Returns the column in which a candidate was measured, under any of its names; -1 where it was not."""
    names = (candidate.name, candidate.weights, *candidate.known_as, candidate.model)
    return next((outcomes.column_of[name] for name in names if name in outcomes.column_of), -1)


def one_each(column: IntArray, n_models: int) -> FloatArray:
    """Returns the shares of calling one model a prompt; zeros where the column is -1."""
    share = np.zeros((len(column), n_models))
    called = np.flatnonzero(column >= 0)
    share[called, column[called]] = 1.0
    return share


def label(policy: Policy) -> str:
    """Returns a policy in a few words; of a guarded one, whether it or a fixed choice serves."""
    if not isinstance(policy, HullGuard):
        return repr(policy)
    if policy.allowed:
        return "router, guarded"
    other = "" if policy.other is None else f" + {policy.share:.0%} {policy.other}"
    return f"router, guarded: {policy.fixed}{other}"
