"""When to read the configuration anew: on SIGHUP, and when one of its files changed."""

from __future__ import annotations

import asyncio
import signal
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from fairlead.config import Config
    from fairlead.gateway.reload import Reloading

MANIFEST = "manifest.json"
"""Of a saved router: it changes with every other part."""

Look = tuple[int, int, int] | None
"""What tells a file from another one under its name; `None` where there is none."""


def files_of(config: Config) -> tuple[Path, ...]:
    """Returns the files that a configuration is read from: itself, its routers, its second source of prices."""
    routers = [route.router / MANIFEST for route in config.routes.values() if route.router is not None]
    prices = [] if config.prices.second_source is None else [config.prices.second_source]
    return (Path(config.source), *routers, *prices)


def look(paths: Iterable[Path]) -> dict[Path, Look]:
    """Returns how the files look now."""
    return {path: _look(path) for path in paths}


def _look(path: Path) -> Look:
    with suppress(OSError):
        found = path.stat()
        return found.st_mtime_ns, found.st_size, found.st_ino
    return None


@asynccontextmanager
async def noticing(reloading: Reloading, *, poll_s: float) -> AsyncIterator[None]:
    """Reloads, while it is open, on SIGHUP and within `poll_s` of a change; 0 looks at no file."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    has_signal = hasattr(signal, "SIGHUP")  # Windows has none
    if has_signal:
        loop.add_signal_handler(signal.SIGHUP, asked.set)
    task = asyncio.create_task(_notice(reloading, asked, poll_s or None))
    try:
        yield
    finally:
        if has_signal:
            loop.remove_signal_handler(signal.SIGHUP)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await reloading.aclose()


async def _notice(reloading: Reloading, asked: asyncio.Event, poll_s: float | None) -> None:
    seen = look(files_of(reloading.setup.config))
    while True:
        with suppress(TimeoutError):
            async with asyncio.timeout(poll_s):
                await asked.wait()
        now = look(seen)
        if asked.is_set() or now != seen:
            asked.clear()
            await reloading.reload()
            # as they looked before they were read: what changed meanwhile is seen the next time
            seen = look(files_of(reloading.setup.config)) | {path: now[path] for path in now}
            seen = {path: seen[path] for path in files_of(reloading.setup.config)}
