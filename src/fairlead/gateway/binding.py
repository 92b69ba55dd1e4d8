"""From configured routes to routers: who takes part, whom the savings are measured against, what was learned."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from fairlead.config.learning import POINTER
from fairlead.config.refusals import nearest
from fairlead.errors import ArtifactError, ConfigError
from fairlead.judgements import Judgements
from fairlead.policies import HullGuard, LatencyLimit
from fairlead.policies.objectives import CONFIDENCE, policy_for
from fairlead.router import Router

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fairlead.certificate import Certificate
    from fairlead.config import CacheConfig, Config, RouteConfig
    from fairlead.ledger.budget import Limit
    from fairlead.policies.base import Policy
    from fairlead.proof.certifying import Terms
    from fairlead.types import Candidate


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundRoute:
    """A route that is ready to decide."""

    name: str
    router: Router
    assumed: bool
    """Nobody named the reference: it is the dearest candidate."""
    fitted: Path | None
    """Where the router was read from; `None` where nothing was learned yet."""
    budget: Limit | None = None
    """Routes that stand beside another one share its budget."""
    cache: CacheConfig | None = None
    certification: str | None = None
    """What came of asking for a certificate, in words; `None` where the router was not fitted for one."""

    @property
    def unseen(self) -> tuple[str, ...]:
        """Candidates of which the router has never seen an outcome; without a router, all of them."""
        known = set(self.router.models)
        return tuple(c.name for c in self.router.candidates if known.isdisjoint(_names(c)))

    @property
    def strangers(self) -> tuple[str, ...]:
        """Models that the router was fitted on and that no candidate is known as; none where nothing was learned."""
        ours = {name for candidate in self.router.candidates for name in _names(candidate)}
        return tuple(name for name in self.router.models if name not in ours) if self.fitted is not None else ()


def _names(candidate: Candidate) -> set[str]:
    """Returns what a candidate may be called in outcome tables."""
    return {candidate.name, candidate.weights, *candidate.known_as}


def bound_routes(config: Config, candidates: Mapping[str, Candidate]) -> tuple[BoundRoute, ...]:
    """Returns every route of the configuration, `auto:cost` and `auto:quality` included.

    Raises:
        ConfigError: a route names a model that is not there.
        ArtifactError: a fitted router cannot be read; says why.
    """
    return tuple(bound for name, route in config.routes.items() for bound in _with_variants(name, route, candidates))


def _with_variants(name: str, route: RouteConfig, candidates: Mapping[str, Candidate]) -> list[BoundRoute]:
    taking_part = _taking_part(f"routes.{name}", route, candidates)
    _policy(route, _spelled(f"routes.{name}"))  # what contradicts itself is refused, used or not
    reference = route.reference or _dearest(taking_part)
    folder = _saved(route.router)
    learned = Router(candidates=taking_part, reference=reference) if folder is None else _load(folder, name)
    judgements = Judgements(folder)
    found = []
    for variant, wanted in _variants(name, route).items():
        router, certification = _bound(learned, wanted, taking_part, reference, judgements)
        found.append(
            BoundRoute(
                name=variant,
                router=replace(router, evidence=None, calibration=None),  # judged with
                assumed=route.reference is None,
                fitted=None if folder is None else route.router,
                budget=_budget(name, route),
                cache=route.cache,
                certification=certification,
            )
        )
    return found


def _budget(name: str, route: RouteConfig) -> Limit | None:
    if route.budget is None:
        return None
    from fairlead.ledger.budget import Limit  # noqa: PLC0415 - only where there is one

    return Limit(kind="usd", owner=f"route:{name}", most=route.budget.usd, per=route.budget.per)


def _bound(
    learned: Router, route: RouteConfig, candidates: tuple[Candidate, ...], reference: str, judgements: Judgements
) -> tuple[Router, str | None]:
    """Returns the router with the policy of the route's objective, and what came of asking for a certificate.

    It serves by a certificate where it was fitted for one and saving is the objective; else under a guard that judged
    this very policy.
    """
    unguarded = learned.bind(
        candidates, reference=reference, policy=learned.carried(candidates), control_share=route.control_share
    )
    if learned.certificate is not None and route.objective == "cost" and not route.cascade:
        return judgements.certified(
            unguarded,
            _terms(route, learned.certificate),
            issued_at=learned.certificate.issued_at,
            latency_p95_s=route.latency_p95_s,
        )
    policy = _wanted(route, unguarded.policy)
    if policy is unguarded.policy and not isinstance(learned.policy, HullGuard):
        return unguarded, None  # whoever saved it took the guard off
    return replace(unguarded, policy=judgements.judged(unguarded, policy)), None


def _terms(route: RouteConfig, fitted: Certificate) -> Terms:
    """Returns what a certificate of the route promises: what is configured, else what it was fitted for."""
    from fairlead.proof.certifying import Terms  # noqa: PLC0415 - only where a router was certified

    floor = route.quality_floor
    if floor is None:
        return Terms(
            margin=fitted.margin,
            confidence=fitted.confidence,
            days=fitted.life_days,
            alarm_chance=fitted.alarm_chance,
        )
    return Terms(
        margin=floor.margin,
        confidence=CONFIDENCE if floor.confidence is None else floor.confidence,
        days=floor.certificate_days or fitted.life_days,
        alarm_chance=floor.alarm_chance or fitted.alarm_chance,
    )


def _wanted(route: RouteConfig, fitted: Policy) -> Policy:
    """Returns the policy of the route's objective: the fitted one, where it pursues it and nothing else was asked."""
    as_fitted = route.objective == "cost" and route.quality_floor is None and not route.cascade and _saves(fitted)
    if not as_fitted:
        return _policy(route)
    return fitted if route.latency_p95_s is None else LatencyLimit(policy=fitted, latency_p95_s=route.latency_p95_s)


def _variants(name: str, route: RouteConfig) -> dict[str, RouteConfig]:
    """Returns the route and what stands beside `auto`: the same with another objective and the settings it knows."""
    if name != "auto":
        return {name: route}
    cost = msgspec.structs.replace(route, objective="cost", usd_per_request=None)
    quality = msgspec.structs.replace(route, objective="quality", quality_floor=None)
    return {name: route, "auto:cost": cost, "auto:quality": quality}


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
    remedy = f'Add `[models."{name}"]`.' if "/" in name else "Expected `PROVIDER/MODEL`."
    return ConfigError(f"`{place}` is `{name}`, which is no configured model.{hint} {remedy}")


def _dearest(candidates: tuple[Candidate, ...]) -> str:
    """Returns the candidate with the highest price; the first one where no price is known."""
    return max(candidates, key=_usd_per_mtok).name


def _usd_per_mtok(candidate: Candidate) -> Decimal:
    """Returns the price of a million tokens in and a million out; an unknown one is below all others."""
    return Decimal(-1) if candidate.price is None else candidate.price.input.base + candidate.price.output.base


def _saved(path: Path | None) -> Path | None:
    """Returns the folder of a route's router; `None` where there is none yet.

    A pointer that `fairlead promote` moves is followed once, so that all files are of one version.
    """
    if path is None or (path.name == POINTER and not path.exists() and not path.is_symlink()):
        return None
    return path.resolve() if path.name == POINTER else path


def _load(path: Path, route: str) -> Router:
    from fairlead.artifact import load  # noqa: PLC0415 - only where a router was fitted

    try:
        return load(path)
    except ArtifactError as error:
        raise ArtifactError(f"`routes.{route}.router` cannot be read: {error}") from None


def _saves(policy: Policy) -> bool:
    """Says whether a policy weighs cost, so that it can stand for the objective that does."""
    return policy.promise.spends == "cost_usd" and not policy.promise.as_told


def _policy(route: RouteConfig, spelled: Mapping[str, str] | None = None) -> Policy:
    floor = route.quality_floor
    return policy_for(
        route.objective,
        margin=None if floor is None else floor.margin,
        confidence=None if floor is None else floor.confidence,
        usd_per_request=route.usd_per_request,
        latency_p95_s=route.latency_p95_s,
        cascade=route.cascade,
        spelled=spelled,
    )


def _spelled(place: str) -> dict[str, str]:
    """Returns how the file spells the settings of a policy."""
    names = {"margin": "quality_floor", "confidence": "quality_floor.confidence"}
    return {
        name: f"{place}.{names.get(name, name)}"
        for name in ("objective", "margin", "confidence", "usd_per_request", "cascade")
    }
