"""What `fairlead doctor` looks at: each part of an installation. Nothing is changed, nobody is called."""

from __future__ import annotations

import asyncio
import importlib.util
import platform
import shutil
import socket
import sqlite3
import ssl
from contextlib import closing
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import msgspec

from fairlead import __version__
from fairlead.cli.check import checked, known_otherwise
from fairlead.errors import FairleadError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fairlead.config import HostedProvider
    from fairlead.gateway.setup import Setup

CONNECT_S = 5.0
LITTLE_ROOM_BYTES = 1024**3
LOOPBACK = {"127.0.0.1", "::1", "localhost"}
PARTS = {
    "pyarrow": "outcome tables and `fairlead fit`: `pip install 'fairlead[tables]'`",
    "onnxruntime": "features of a sentence encoder: `pip install 'fairlead[encoder]'`",
}
"""Optional package -> what it is for."""


class Finding(msgspec.Struct, kw_only=True, frozen=True):
    """What was found of one part; `note` is worth knowing, `wrong` keeps something from working."""

    about: str
    status: Literal["ok", "note", "wrong"]
    says: str


def examine(path: Path | None) -> Iterator[Finding]:
    """Yields what is found of this installation, with the configuration in `path` or that of the environment."""
    yield _ok("program", f"Fairlead {__version__}, Python {platform.python_version()}, {platform.system()}")
    missing = (name for name in PARTS if importlib.util.find_spec(name) is None)
    yield from (_note("program", f"`{name}` is not installed; it is needed for {PARTS[name]}") for name in missing)
    try:
        setup = checked(path)
    except (FairleadError, OSError) as error:
        yield _wrong("configuration", str(error))
        return
    yield _ok("configuration", f"{setup.config.source}, {len(setup.candidates)} models, {len(setup.routes)} routes")
    yield from _of_models(setup)
    yield from _of_routes(setup)
    yield from asyncio.run(_of_hosts(setup))
    yield from _of_ledger(setup.config.ledger.path)
    yield _of_port(setup.config.server.host, setup.config.server.port)


def _of_models(setup: Setup) -> Iterator[Finding]:
    unpriced = [name for name, candidate in setup.candidates.items() if candidate.price is None]
    boundless = [name for name, c in setup.candidates.items() if c.capabilities.context_tokens is None]
    if unpriced:
        yield _note("models", f"price unknown, so no part in claims on cost: {_listed(unpriced)}")
    if boundless:
        yield _note("models", f"context window unknown, so a request may be too long: {_listed(boundless)}")


def _of_routes(setup: Setup) -> Iterator[Finding]:
    for route in setup.routes:
        if route.fitted is None:
            yield _note(f"route {route.name}", "no router is fitted: the reference serves. Run `fairlead fit`")
        elif route.unseen:
            hint = f"; {known_otherwise(route.unseen, route.strangers)}" if route.strangers else ""
            yield _note(f"route {route.name}", f"the router has never seen {_listed(route.unseen)}{hint}")


async def _of_hosts(setup: Setup) -> list[Finding]:
    """Opens a connection to each host, and makes no call."""
    from fairlead.config import HostedProvider  # noqa: PLC0415 - heavy, loaded when called

    hosted = {name: table for name, table in setup.config.providers.items() if isinstance(table, HostedProvider)}
    reached = await asyncio.gather(*(_reached(name, table) for name, table in hosted.items()))
    keyless = [
        _note(f"provider {name}", "no key is set, so calls are made without one")
        for name, table in hosted.items()
        if name not in setup.config.keys and urlsplit(table.base_url).hostname not in LOOPBACK
    ]
    return [*reached, *keyless]


async def _reached(name: str, table: HostedProvider) -> Finding:
    address = urlsplit(table.base_url)
    secure = address.scheme == "https"
    port = address.port or (443 if secure else 80)
    about, where = f"provider {name}", f"{address.hostname}:{port}"
    try:
        async with asyncio.timeout(CONNECT_S):
            _, writer = await asyncio.open_connection(address.hostname, port, ssl=secure or None)
        writer.close()
    except TimeoutError:
        return _wrong(about, f"no connection to {where} within {CONNECT_S:g} s")
    except ssl.SSLError as error:
        return _wrong(about, f"no secure connection to {where}: {error.reason}")
    except OSError as error:
        return _wrong(about, f"no connection to {where}: {error.strerror or error}")
    return _ok(about, f"{where} takes connections; `fairlead check --keys` tries the key")


def _of_ledger(path: Path) -> Iterator[Finding]:
    folder = path.resolve().parent
    free = shutil.disk_usage(folder).free
    if free < LITTLE_ROOM_BYTES:
        yield _note(
            "ledger",
            f"only {free // 1024**2} MiB are free in {folder}: where nothing can be written, nothing is served",
        )
    if not path.exists():
        yield _ok("ledger", f"{path} will be made by the first `fairlead serve`")
        return
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        said = str(error)
    yield _ok("ledger", f"{path} can be read") if said == "ok" else _wrong("ledger", f"{path} is damaged: {said}")


def _of_port(host: str, port: int) -> Finding:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]
        return _note("port", f"{host}:{port} cannot be opened ({reason}): perhaps a gateway runs there already")
    return _ok("port", f"{host}:{port} is free")


def _listed(names: list[str] | tuple[str, ...], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(f"`{name}`" for name in names[:most]) + more


def _ok(about: str, says: str) -> Finding:
    return Finding(about=about, status="ok", says=says)


def _note(about: str, says: str) -> Finding:
    return Finding(about=about, status="note", says=says)


def _wrong(about: str, says: str) -> Finding:
    return Finding(about=about, status="wrong", says=says)
