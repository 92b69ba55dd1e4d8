"""What routing itself costs, each on a line of its own; all of it is in what was paid."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.proof.cases import Case

PURPOSES = {
    "judge": "calls that scored an answer",
    "shadow": "copies sent to a candidate after the reply, to learn from",
    "probe": "calls of `fairlead probe`, which measure the hosts",
}
"""Requests that nobody asked for: what they are for, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Included:
    """What routing itself costs: parts of what was paid, exact."""

    router_usd: Decimal
    """Zero by construction: no model is called in order to decide."""
    judge_usd: Decimal
    n_judge: int
    shadow_usd: Decimal
    n_shadow: int
    probe_usd: Decimal
    n_probe: int
    control_usd: Decimal
    """What the control arm paid in all; what it paid above the policy is `saving.control_extra_usd`."""
    n_control: int
    retries_usd: Decimal
    """Calls whose answer was not delivered: failed, overtaken by another, or not good enough."""
    n_retries: int


def included(asked: Sequence[Case], own: Sequence[Case]) -> Included:
    """Returns the costs of routing.

    Args:
        asked: requests that somebody asked for.
        own: requests that the gateway made by itself: of judges, shadows and probes.
    """
    control = [case for case in asked if case.arm == "control"]
    beside = [call for case in asked for call in case.beside]
    judge, shadow, probe = ([case for case in own if case.purpose == purpose] for purpose in PURPOSES)
    return Included(
        router_usd=Decimal(0),
        judge_usd=_paid(judge),
        n_judge=len(judge),
        shadow_usd=_paid(shadow),
        n_shadow=len(shadow),
        probe_usd=_paid(probe),
        n_probe=len(probe),
        control_usd=_paid(control),
        n_control=len(control),
        retries_usd=sum((call.cost_usd for call in beside if call.cost_usd is not None), Decimal(0)),
        n_retries=len(beside),
    )


def _paid(cases: Sequence[Case]) -> Decimal:
    return sum((case.cost_usd for case in cases if case.cost_usd is not None), Decimal(0))
