"""What routes learn from their answers, and the task beside the gateway that looks at them."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fairlead.config.refusals import listed
from fairlead.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping

    from fairlead.config import Config, RouteConfig
    from fairlead.gateway.state import Gateway
    from fairlead.learning.aftermath import Aftermath, Study
    from fairlead.types import Candidate


def studies(config: Config, candidates: Mapping[str, Candidate]) -> Mapping[str, Study]:
    """Returns route -> what it learns, for the routes that learn anything.

    Raises:
        ConfigError: it cannot be learned so; says why.
    """
    learning = {name: route for name, route in config.routes.items() if route.verifiers or route.shadow is not None}
    return {name: _study(name, route, candidates) for name, route in learning.items()}


def _study(name: str, route: RouteConfig, candidates: Mapping[str, Candidate]) -> Study:
    from fairlead.learning.aftermath import Study  # noqa: PLC0415 - most gateways need none of it
    from fairlead.learning.judging import Judging  # noqa: PLC0415
    from fairlead.learning.shadowing import Shadowing  # noqa: PLC0415
    from fairlead.learning.verifying import Verifying  # noqa: PLC0415
    from fairlead.ledger.budget import Limit  # noqa: PLC0415

    shadowing, judging = None, None
    if (shadow := route.shadow) is not None:
        known = candidates if route.candidates is None else route.candidates
        for i, copied in enumerate(shadow.candidates or ()):
            _check(copied, f"routes.{name}.shadow.candidates[{i}]", known)
        limit = Limit(kind="usd", owner=f"shadow:{name}", most=shadow.usd_per_day, per="day")
        shadowing = Shadowing(share=shadow.share, limit=limit, candidates=shadow.candidates)
    if (judge := route.judge) is not None:
        _check(judge.model, f"routes.{name}.judge.model", candidates)
        limit = Limit(kind="usd", owner=f"judge:{name}", most=judge.usd_per_day, per="day")
        judging = Judging(model=judge.model, limit=limit, share=judge.share)
    return Study(verifying=Verifying.of(route.verifiers), shadowing=shadowing, judging=judging)


def _check(name: str, place: str, known: Iterable[str]) -> None:
    if name not in known:
        raise ConfigError(f"`{place}` is `{name}`; expected one of {listed(list(known))}.")


@asynccontextmanager
async def looking(studied: Mapping[str, Study], gateway: Gateway) -> AsyncIterator[Aftermath | None]:
    """Yields what looks at answers once they were delivered, at work; `None` where nothing is learned."""
    if not studied:
        yield None
        return
    from fairlead.gateway.asides import Asides  # noqa: PLC0415 - as above
    from fairlead.learning.aftermath import Aftermath  # noqa: PLC0415
    from fairlead.learning.verifiers.bench import Bench  # noqa: PLC0415

    bench = Bench()
    aftermath = Aftermath(studied, gateway.ledger, bench, Asides(gateway))
    task = asyncio.create_task(aftermath.run())
    try:
        yield aftermath
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await bench.aclose()
