"""What a request's `model` may say: a route, which decides, or a candidate, which is called as asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from fairlead.config.refusals import listed, nearest
from fairlead.eligibility import EXCLUSIONS
from fairlead.errors import NoCandidateError, RequestError
from fairlead.gateway.keys import ANYBODY
from fairlead.gateway.together import Together
from fairlead.types import Decision, Stage, Step
from fairlead.wire.translation import lost

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.gateway.keys import Caller
    from fairlead.gateway.knowledge import Knowledge
    from fairlead.ledger.budget import Limit
    from fairlead.router import Router
    from fairlead.types import Candidate, Context, Request

ABILITIES = frozenset(need.removesuffix("_unknown") for need in EXCLUSIONS if need.endswith("_unknown")) - {"price"}
"""What a candidate is excluded for where it is needed and nobody says whether it can."""
DIRECT = "direct"
"""Route of a request that names its candidate: a plain gateway."""
LISTED = 20
"""Names that an error shows; `GET /v1/models` has them all."""


class Routed(msgspec.Struct, frozen=True, kw_only=True):
    """A decision, and the route that made it."""

    route: str
    decision: Decision
    candidates: Mapping[str, Candidate]
    """Those that the route chooses from."""


@dataclass(frozen=True, kw_only=True)
class Routes:
    """Every name that a request may ask for."""

    routers: Mapping[str, Router]
    """Route -> the router that decides, bound to the route's candidates."""
    candidates: Mapping[str, Candidate]
    budgets: Mapping[str, Limit] = field(default_factory=dict)
    """Route -> its budget, for those that have one."""
    knowledge: Knowledge | None = None
    """Who says what is known of the candidates."""
    together: Together = field(default_factory=Together)
    """Who decides on what comes in at once."""

    def output_within(self, request: Request, routed: Routed, level: float) -> Mapping[str, float]:
        """Returns candidate -> the tokens of output that a share `level` of its answers stays within, where known."""
        router = self.routers.get(routed.route)
        if router is None:
            return {}
        try:
            return router.output_tokens_within(request, level)
        except Exception:  # noqa: BLE001 - the router's failure is not the request's failure
            return {}

    async def decide(self, request: Request, context: Context) -> Routed:
        """Returns the decision of the route that `request.model` names.

        Raises:
            RequestError: 404, the name is unknown; lists what exists.
            NoCandidateError: no candidate of the route can serve this request.
        """
        if (router := self.routers.get(request.model)) is not None:
            candidates = self._candidates_of[request.model]
            if request.dialect == "embeddings" and len({c.weights for c in candidates.values()}) > 1:
                raise _no_route_for_vectors(request.model)
            try:
                decision = await self.together.route(router, request, context)
            except NoCandidateError as error:
                raise _explained(error, request, candidates) from None
            return Routed(route=request.model, decision=decision, candidates=candidates)
        candidate = self._named(request.model)
        return Routed(route=DIRECT, decision=_as_asked(candidate), candidates={candidate.name: candidate})

    def candidates_of(self, name: str) -> Mapping[str, Candidate]:
        """Returns those that a route chooses from."""
        return self._candidates_of[name]

    def check(self, name: str, caller: Caller) -> None:
        """Raises RequestError (403) where a caller may not ask for this route or model; 404 where there is none."""
        if name in self.routers:
            caller.check_route(name)
        else:
            caller.check_model(self._named(name, caller).name)

    def trusted(self, name: str) -> Candidate:
        """Returns the candidate of that name; of a route, the one that serves where nothing is known.

        Raises:
            RequestError: 404, the name is unknown; lists what exists.
        """
        if (router := self.routers.get(name)) is None:
            return self._named(name)
        return next((c for c in router.candidates if c.name == router.reference), router.candidates[0])

    @cached_property
    def _candidates_of(self) -> Mapping[str, Mapping[str, Candidate]]:
        return {route: {c.name: c for c in router.candidates} for route, router in self.routers.items()}

    def _named(self, name: str, caller: Caller = ANYBODY) -> Candidate:
        """Returns the candidate of that name, else the first one that its provider knows by that name.

        Raises:
            RequestError: 404, there is none; lists what the caller may ask for.
        """
        by_model = (candidate for candidate in self.candidates.values() if candidate.model == name)
        if (candidate := self.candidates.get(name) or next(by_model, None)) is not None:
            return candidate
        known = [*filter(caller.may_route, self.routers), *filter(caller.may_call, self.candidates)]
        more = f" and {len(known) - LISTED} more (`GET /v1/models`)" if len(known) > LISTED else ""
        message = (
            f"The model `{name}` does not exist.{nearest(name, known)} Expected one of {listed(known[:LISTED])}{more}."
        )
        raise RequestError(message, status_code=404, param="model", code="model_not_found")


def _no_route_for_vectors(name: str) -> RequestError:
    message = (
        f"`{name}` is a route of several models, and their vectors cannot be compared. Name a model, `PROVIDER/MODEL`, "
        "or a route whose candidates are hosts of one model."
    )
    return RequestError(message, param="model", code="model_not_supported")


def _explained(error: NoCandidateError, request: Request, candidates: Mapping[str, Candidate]) -> NoCandidateError:
    """Says each reason in words, and what of the request hosts cannot be told, where that is why they are excluded."""
    words = "; ".join(f"`{reason}`: {EXCLUSIONS[reason]}" for reason in dict.fromkeys(error.excluded.values()))
    deaf = [candidates[name] for name, reason in error.excluded.items() if reason == "untranslatable"]
    names = dict.fromkeys(
        name for candidate in deaf for name in lost(request, candidate.dialects, candidate.refused).meaning
    )
    listed_names = ", ".join(f"`{name}`" for name in names)
    hint = (
        f". What their hosts cannot be told: {listed_names}. Leave it out, or add a model whose host can"
        if names
        else ""
    )
    return NoCandidateError(error.excluded, hint=f". {words}{hint}.{_sayable(error)}" if words else "")


def _sayable(error: NoCandidateError) -> str:
    """Returns what to configure where a candidate is excluded only because nobody said what it can do."""
    unsaid = ((name, reason.removesuffix("_unknown")) for name, reason in error.excluded.items())
    name, ability = next(((name, need) for name, need in unsaid if need in ABILITIES), (None, None))
    if name is None:
        return ""
    return f' If it does, say so: `[models."{name}"]`, `capabilities = {{ {ability} = true }}`.'


def _as_asked(candidate: Candidate) -> Decision:
    plan = (Stage(steps=(Step(candidate=candidate.name),)),)
    return Decision(plan=plan, propensity=1.0, reason="asked_for", policy="direct")
