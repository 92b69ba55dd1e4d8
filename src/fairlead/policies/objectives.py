"""From what a user wants, in the words of the configuration and the command line, to the policy that pursues it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, get_args

from fairlead.errors import ConfigError
from fairlead.policies.budget import Budget
from fairlead.policies.cascade import Cascade
from fairlead.policies.floor import Latency
from fairlead.policies.latency_limit import LatencyLimit
from fairlead.policies.order import Order
from fairlead.policies.thrifty import Thrifty
from fairlead.policies.utility import Utility

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.policies.base import Policy

Objective = Literal["cost", "quality", "latency", "order"]
OBJECTIVES: tuple[Objective, ...] = get_args(Objective)
MARGIN, CONFIDENCE = 0.01, 0.95


def policy_for(
    objective: Objective,
    *,
    margin: float | None = None,
    confidence: float | None = None,
    usd_per_request: float | None = None,
    latency_p95_s: float | None = None,
    cascade: bool = False,
    spelled: Mapping[str, str] | None = None,
) -> Policy:
    """Returns the policy of an objective, under its limit on waiting.

    Args:
        objective: `cost`, as little spent as the floor allows; `quality`, the highest expected score, or the highest
            that `usd_per_request` buys; `latency`, the fastest within the floor; `order`, candidates in their order.
        margin: score that may be given up against the reference, in [0, 1); 0.01 where not given.
        confidence: with which that is shown on average, in [0.5, 1); 0.95 where not given.
        usd_per_request: mean cost of a request, USD.
        latency_p95_s: only candidates predicted to answer within it, 19 times in 20, are chosen from.
        cascade: cheap candidates may be asked first, and a dearer one where their answers do not convince. For `cost`;
            and for `quality`, whose mean cost is then the reference's where `usd_per_request` is not given.
        spelled: how a message spells the names of settings: name here -> name there.

    Raises:
        ConfigError: a setting contradicts the objective.
    """
    given = {"margin": margin, "confidence": confidence, "usd_per_request": usd_per_request}
    for name, objectives in _MEANT_FOR.items():
        if given[name] is not None and objective not in objectives:
            raise ConfigError(_contradiction(name, objective, objectives, spelled or {}))
    margin = MARGIN if margin is None else margin
    policy: Policy
    if cascade:
        policy = _cascade(objective, margin, confidence, usd_per_request, spelled or {})
    else:
        policy = _direct(objective, margin, CONFIDENCE if confidence is None else confidence, usd_per_request)
    return policy if latency_p95_s is None else LatencyLimit(policy=policy, latency_p95_s=latency_p95_s)


def _direct(objective: Objective, margin: float, confidence: float, usd_per_request: float | None) -> Policy:
    match objective:
        case "cost":
            return Thrifty(margin=margin, confidence=confidence)
        case "latency":
            return Latency(margin=margin)
        case "order":
            return Order()
        case "quality" if usd_per_request is not None:
            return Budget(usd_per_request=usd_per_request)
        case "quality":
            return Utility(willingness_to_pay_usd=math.inf)


def _cascade(
    objective: Objective,
    margin: float,
    confidence: float | None,
    usd_per_request: float | None,
    spelled: Mapping[str, str],
) -> Policy:
    setting, wanted = spelled.get("cascade", "cascade"), spelled.get("objective", "objective")
    if objective not in {"cost", "quality"}:
        raise ConfigError(
            f"`{setting}` says nothing under `{wanted}` `{objective}`; it belongs to `cost` or `quality`. Remove it."
        )
    if confidence is not None:
        name = spelled.get("confidence", "confidence")
        raise ConfigError(f"`{name}` says nothing beside `{setting}`. Remove one of the two.")
    if objective == "cost":
        return Cascade(objective="cost", margin=margin)
    return Cascade(objective="quality", usd_per_request=usd_per_request)


_MEANT_FOR: dict[str, tuple[Objective, ...]] = {
    "margin": ("cost", "latency"),
    "confidence": ("cost",),
    "usd_per_request": ("quality",),
}
"""Setting -> the objectives under which it means something."""


def _contradiction(name: str, objective: str, objectives: tuple[str, ...], spelled: Mapping[str, str]) -> str:
    setting, wanted = spelled.get(name, name), spelled.get("objective", "objective")
    known = " or ".join(f"`{each}`" for each in objectives)
    return (
        f"`{setting}` says nothing under `{wanted}` `{objective}`; it belongs to {known}. "
        "Change the objective, or remove the setting."
    )
