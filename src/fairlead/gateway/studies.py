"""What routes learn from their answers, and the task beside the gateway that looks at them."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from fairlead.config import Config
    from fairlead.learning.aftermath import Aftermath, Study
    from fairlead.ledger.base import Ledger


def studies(config: Config) -> Mapping[str, Study]:
    """Returns route -> what it learns, for the routes that learn anything.

    Raises:
        ConfigError: it cannot be learned so; says why.
    """
    learning = {name: route for name, route in config.routes.items() if route.verifiers}
    if not learning:
        return {}
    from fairlead.learning.aftermath import Study  # noqa: PLC0415 - most gateways need none of it
    from fairlead.learning.verifying import Verifying  # noqa: PLC0415

    return {name: Study(verifying=Verifying.of(route.verifiers)) for name, route in learning.items()}


@asynccontextmanager
async def looking(studied: Mapping[str, Study], ledger: Ledger) -> AsyncIterator[Aftermath | None]:
    """Yields what looks at answers once they were delivered, at work; `None` where nothing is learned."""
    if not studied:
        yield None
        return
    from fairlead.learning.aftermath import Aftermath  # noqa: PLC0415 - as above
    from fairlead.learning.verifiers.bench import Bench  # noqa: PLC0415

    bench = Bench()
    aftermath = Aftermath(studied, ledger, bench)
    task = asyncio.create_task(aftermath.run())
    try:
        yield aftermath
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await bench.aclose()
