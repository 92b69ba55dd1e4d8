"""What an installation has reached on the road from day 0: from serving the reference to a saving that is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairlead.proof.counterfactual import MIN_SESSIONS

if TYPE_CHECKING:
    from fairlead.dashboard.question import Installation
    from fairlead.proof.statement import Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Milestone:
    """One stretch of the road."""

    name: str
    reached: bool
    words: str
    """How far it is, or what is missing."""


def milestones(statement: Statement, installation: Installation) -> list[Milestone]:
    """Returns every milestone in order."""
    control, arms = statement.control, (statement.policy, statement.control)
    n_scored = sum(arm.n_scored for arm in arms)
    learned = [route.name for route in installation.routes if route.learned]
    shares = [route.control_share for route in installation.routes]
    shown = statement.verdict in {"saves", "costs_more", "same"}
    return [
        Milestone(
            name="Requests are served, and kept",
            reached=statement.n_requests > 0,
            words=f"{statement.n_requests:,} requests in {statement.n_sessions:,} sessions",
        ),
        Milestone(
            name="Answers are scored",
            reached=n_scored > 0,
            words=f"{n_scored:,} scored answers"
            if n_scored
            else "send scores to /v1/feedback, import a file, or set a verifier",
        ),
        Milestone(
            name="A router has learned",
            reached=bool(learned),
            words=f"routes {', '.join(learned)}" if learned else "fairlead fit, on a table or on this ledger",
        ),
        Milestone(
            name="A control arm makes savings provable",
            reached=control.n_sessions >= MIN_SESSIONS,
            words=f"{control.n_sessions:,} control sessions, {MIN_SESSIONS} are needed"
            if max(shares, default=0) > 0
            else "set control_share of a route",
        ),
        Milestone(
            name="The statement says whether routing pays",
            reached=shown,
            words="it does not tell yet" + _more(statement) if not shown else statement.verdict.replace("_", " "),
        ),
    ]


def _more(statement: Statement) -> str:
    needed = statement.sessions_needed
    return "" if needed is None else f": about {needed:,} more sessions"
