"""From configured routes to routers: who takes part, whom the savings are measured against, what was learned."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from fairlead.config.wording import nearest
from fairlead.errors import ConfigError
from fairlead.policies import Floor, Utility
from fairlead.router import Router

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fairlead.config import Config, RouteConfig
    from fairlead.policies.base import Policy
    from fairlead.types import Candidate

OBJECTIVES = ("cost", "quality")
"""`auto:cost` and `auto:quality` are there beside `auto`, whatever its own objective."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundRoute:
    """A route that is ready to decide."""

    name: str
    router: Router
    assumed: bool
    """Nobody named the reference: it is the dearest candidate."""
    fitted: Path | None
    """Where the router was read from; `None` where nothing was learned yet."""

    @property
    def unseen(self) -> tuple[str, ...]:
        """Candidates of which the router has never seen an outcome; without a router, all of them."""
        known = set(self.router.models)
        return tuple(c.name for c in self.router.candidates if known.isdisjoint({c.name, c.weights, *c.known_as}))


def bound_routes(config: Config, candidates: Mapping[str, Candidate]) -> tuple[BoundRoute, ...]:
    """Returns every route of the configuration, `auto:cost` and `auto:quality` included.

    Raises:
        ConfigError: a route names a model that is not there.
        ArtifactError: a fitted router cannot be read; says why.
    """
    return tuple(bound for name, route in config.routes.items() for bound in _with_variants(name, route, candidates))


def _with_variants(name: str, route: RouteConfig, candidates: Mapping[str, Candidate]) -> list[BoundRoute]:
    taking_part = _taking_part(f"routes.{name}", route, candidates)
    reference = route.reference or _dearest(taking_part)
    router = Router(candidates=taking_part, reference=reference) if route.router is None else _load(route.router)
    router = router.bind(taking_part, reference=reference, control_share=route.control_share)
    objectives: dict[str, str] = {name: route.objective}
    if name == "auto":
        objectives |= {f"auto:{objective}": objective for objective in OBJECTIVES}
    return [
        BoundRoute(
            name=variant,
            router=replace(_pursuing(objective, router, route), evidence=None),  # it judges, it does not serve
            assumed=route.reference is None,
            fitted=route.router,
        )
        for variant, objective in objectives.items()
    ]


def _taking_part(place: str, route: RouteConfig, candidates: Mapping[str, Candidate]) -> tuple[Candidate, ...]:
    names = tuple(candidates) if route.candidates is None else tuple(dict.fromkeys(route.candidates))
    if not names:
        raise ConfigError(f"`{place}.candidates` is empty; expected at least one model.")
    for i, name in enumerate(names):
        if name not in candidates:
            raise _no_model(f"{place}.candidates[{i}]", name, candidates)
    if route.reference is not None and route.reference not in candidates:
        raise _no_model(f"{place}.reference", route.reference, candidates)
    if route.reference is not None and route.reference not in names:
        raise ConfigError(
            f"`{place}.reference` is `{route.reference}`, which is not among `{place}.candidates`. Add it there: "
            "what serves without evidence must be able to serve."
        )
    return tuple(candidates[name] for name in names)


def _no_model(place: str, name: str, candidates: Mapping[str, Candidate]) -> ConfigError:
    hint = nearest(name, list(candidates))
    return ConfigError(f'`{place}` is `{name}`, which is no configured model.{hint} Add `[models."{name}"]`.')


def _dearest(candidates: tuple[Candidate, ...]) -> str:
    """Returns the candidate with the highest price; the first one where no price is known."""
    return max(candidates, key=_usd_per_mtok).name


def _usd_per_mtok(candidate: Candidate) -> Decimal:
    """Returns the price of a million tokens in and a million out; an unknown one is below all others."""
    return Decimal(-1) if candidate.price is None else candidate.price.input.base + candidate.price.output.base


def _load(path: Path) -> Router:
    from fairlead.artifact import load  # noqa: PLC0415 - only where a router was fitted

    return load(path)


def _pursuing(objective: str, router: Router, route: RouteConfig) -> Router:
    """Returns the router with the policy of an objective, under a guard that judged this very policy."""
    policy: Policy | None = None
    if objective == "quality":
        policy = Utility(willingness_to_pay_usd=math.inf)
    elif route.quality_floor is not None:
        policy = Floor(margin=route.quality_floor.margin)
    if policy is None or router.evidence is None:
        return router
    return router.bind(
        router.candidates,
        reference=router.reference,
        policy=router.judged(policy),
        control_share=router.control_share,
    )
