"""How the commands that fit ask for an objective: the words of the configuration, as options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from fairlead.errors import ConfigError
from fairlead.policies.objectives import Objective, policy_for

if TYPE_CHECKING:
    from fairlead.policies.base import Policy

ObjectiveOption = Annotated[
    Objective,
    typer.Option(
        help="cost: as little spent as the floor allows; quality: the highest score; latency: the fastest within the "
        "floor; order: candidates in the tables' order."
    ),
]
ObjectiveAsked = Annotated[
    Objective | None,
    typer.Option(help="The same words as of `fairlead fit`. Default: what `fit` does by default, or what was fitted."),
]
Margin = Annotated[
    float | None,
    typer.Option(help="Mean score that may be given up against the reference, in [0, 1). Default 0.01."),
]
Confidence = Annotated[
    float | None,
    typer.Option(help="How surely no more is given up, for the objective cost, in [0.5, 1). Default 0.95."),
]
UsdPerRequest = Annotated[
    float | None, typer.Option(help="Mean cost of a request, USD, for the objective quality. Default: no limit.")
]
LatencyP95 = Annotated[
    float | None,
    typer.Option(
        "--latency-p95-s", help="Only models predicted to answer within so many seconds, 19 times in 20. Default: all."
    ),
]

CascadeOption = Annotated[
    bool,
    typer.Option(
        "--cascade",
        help="Cheap models may be asked first, and a dearer one where their answers do not convince: for the "
        "objectives cost and quality (at no more than the reference's cost), on tables that hold the models' answers.",
    ),
]

_OPTIONS = {
    name: f"--{name.replace('_', '-')}" for name in ("objective", "margin", "confidence", "usd_per_request", "cascade")
}


def asked(
    objective: Objective,
    *,
    margin: float | None,
    confidence: float | None,
    usd_per_request: float | None,
    latency_p95_s: float | None,
    cascade: bool = False,
) -> Policy:
    """Returns the policy that the options ask for.

    Raises:
        ConfigError: one is out of range, or means nothing under the objective.
    """
    if margin is not None and not 0 <= margin < 1:
        raise ConfigError(f"`--margin` is {margin}; expected a number in [0, 1), such as 0.01 for one point of score.")
    return policy_for(
        objective,
        margin=margin,
        confidence=confidence,
        usd_per_request=usd_per_request,
        latency_p95_s=latency_p95_s,
        cascade=cascade,
        spelled=_OPTIONS,
    )
