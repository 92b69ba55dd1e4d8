"""`POST /v1/route`: the decision alone; nobody is called, nothing is kept."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - msgspec reads the annotations
from typing import TYPE_CHECKING, Self

import msgspec

from fairlead.gateway.body import send_json
from fairlead.gateway.keys import caller_of
from fairlead.types import Prediction  # noqa: TC001 - msgspec reads the annotations
from fairlead.wire import openai_chat

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from fairlead.gateway.routes import Routed
    from fairlead.gateway.state import Gateway
    from fairlead.types import Request


class DecisionShown(msgspec.Struct, kw_only=True, frozen=True):
    """A decision, as `fairlead route --json` prints it; `null` is unknown."""

    schema: str = "fairlead.route/1"
    route: str | None
    model: str
    """The candidate that would be called first."""
    reason: str
    arm: str
    propensity: float
    reference: str | None
    plan: tuple[str, ...]
    """Whom to call, in this order."""
    excluded: Mapping[str, str]
    predictions: tuple[Prediction, ...]
    policy: str
    router_version: str
    fault: str | None
    certificate: str | None = None
    """Id of the certificate that the router serves by; `null` where it serves without."""
    prior: tuple[Prediction, ...] = ()
    """Where nothing was learned yet: what the shipped prior expects of each candidate. It is no evidence about these
    models at these tasks, and nothing is decided by it."""

    @classmethod
    def of(cls, routed: Routed, request: Request) -> Self:
        """Returns what a caller is shown of the decision on a request."""
        decision, route = routed.decision, routed.route
        return cls(
            route=route,
            model=decision.model,
            reason=decision.reason,
            arm=decision.arm,
            propensity=decision.propensity,
            reference=decision.reference,
            plan=tuple(step.candidate for stage in decision.plan for step in stage.steps),
            excluded=decision.excluded,
            predictions=decision.predictions,
            policy=decision.policy,
            router_version=decision.router_version,
            fault=decision.fault,
            certificate=decision.certificate,
            prior=_prior(routed, request),
        )


def _prior(routed: Routed, request: Request) -> tuple[Prediction, ...]:
    predictions = routed.decision.predictions
    if not predictions or any(prediction.p_success is not None for prediction in predictions):
        return ()
    from fairlead.prior import expected  # noqa: PLC0415 - reads a file, which a fitted router has no use for

    return expected(request, tuple(routed.candidates.values()))


class Decide:
    """Takes the body of a chat completion and answers with the decision."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request, as ASGI asks."""
        request = openai_chat.decode(await self._gateway.body(scope, receive))
        caller = caller_of(scope)
        limits = self._gateway.limits_of(request.model, caller)
        routed, _ = await self._gateway.decide(request, self._gateway.context(request, scope, limits), caller)
        await send_json(send, msgspec.json.encode(DecisionShown.of(routed, request)))
