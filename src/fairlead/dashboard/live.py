"""What a running gateway tells its dashboard: what is configured, and how it is doing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from fairlead import __version__
from fairlead.dashboard.question import BudgetShown, Installation, Live, ModelShown, RouteShown, StandingShown

if TYPE_CHECKING:
    from fairlead.gateway.setup import Setup
    from fairlead.gateway.state import Gateway
    from fairlead.ledger.budget import Limit
    from fairlead.types import Candidate


def installation(setup: Setup) -> Installation:
    """Returns what does not change while a gateway runs."""
    return Installation(
        place=setup.config.ledger.place,
        version=__version__,
        routes=tuple(
            RouteShown(
                name=route.name,
                reference=route.router.reference,
                policy=repr(route.router.policy),
                control_share=route.router.control_share,
                candidates=tuple(candidate.name for candidate in route.router.candidates),
                learned=route.fitted is not None,
                budget=None if route.budget is None else _budget(route.budget),
            )
            for route in setup.routes
        ),
        models=tuple(_model(candidate) for candidate in setup.candidates.values()),
    )


def _budget(limit: Limit) -> BudgetShown:
    return BudgetShown(owner=limit.owner, usd=limit.most, per=limit.per or "total")


def _model(candidate: Candidate) -> ModelShown:
    price = candidate.price
    return ModelShown(
        name=candidate.name,
        input_usd_per_mtok=None if price is None else str(price.input.base),
        output_usd_per_mtok=None if price is None else str(price.output.base),
        price_source=None if price is None else price.source,
        context_tokens=candidate.capabilities.context_tokens,
    )


def live(gateway: Gateway) -> Live:
    """Returns how a gateway is doing, by what it holds in memory."""
    hosts, ledger = gateway.executor.hosts, gateway.ledger
    return Live(
        breakers=dict(hosts.shown()),
        in_flight={name: state.n_in_flight for name, state in hosts.states().items() if state.n_in_flight},
        standings=tuple(
            msgspec.convert(standing, StandingShown, from_attributes=True) for standing in gateway.watch.standings()
        ),
        certified={route: certificate.id for route, certificate in gateway.watch.certificates.items()},
        n_spooled=ledger.n_spooled,
        n_rejected=ledger.n_rejected,
    )
