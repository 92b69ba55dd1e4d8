"""From a TOML file, or from nothing but keys in the environment, to a checked `Config`."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import urlsplit

import msgspec

from fairlead.config.base import Table
from fairlead.config.environment import with_environment
from fairlead.config.flavours import FLAVOURS
from fairlead.config.known import KNOWN_PROVIDERS, almost_a_key, with_a_key
from fairlead.config.learning import check_learning
from fairlead.config.price_checks import check_price
from fairlead.config.references import Referenced
from fairlead.config.refusals import below, checked, listed, nearest
from fairlead.config.tables import (
    Config,
    HostedProvider,
    LedgerConfig,
    LimitsConfig,
    ModelConfig,
    ObservabilityConfig,
    PricesConfig,
    ProviderConfig,
    RecordedProvider,
    RouteConfig,
    Secret,
    ServerConfig,
    SimulatedProvider,
)
from fairlead.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T", bound=Table)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
_DIALECTS = ["openai", "responses", "anthropic", "gemini", "simulated", "recorded"]
_OURS = frozenset({"model", "messages", "input", "stream", "stream_options"})


class _Document(Table, frozen=True, kw_only=True):
    """The whole file; tables are checked one by one, so that a message can name its place."""

    schema_version: Literal[1] = 1
    """Version of this layout. Default 1, the only one."""
    server: dict[str, Any] = msgspec.field(default_factory=dict)
    """A `ServerConfig`."""
    limits: dict[str, Any] = msgspec.field(default_factory=dict)
    """A `LimitsConfig`."""
    ledger: dict[str, Any] = msgspec.field(default_factory=dict)
    """A `LedgerConfig`."""
    observability: dict[str, Any] = msgspec.field(default_factory=dict)
    """An `ObservabilityConfig`."""
    prices: dict[str, Any] = msgspec.field(default_factory=dict)
    """A `PricesConfig`."""
    providers: dict[str, dict[str, Any]] = msgspec.field(default_factory=dict)
    """Name -> a `ProviderConfig`. Default: the known providers whose key is in the environment."""
    models: dict[str, dict[str, Any]] = msgspec.field(default_factory=dict)
    """`PROVIDER/MODEL` -> a `ModelConfig`. Default: a few chat models of each known provider."""
    routes: dict[str, dict[str, Any]] = msgspec.field(default_factory=dict)
    """Name -> a `RouteConfig`. Default: `auto` alone, which is always there."""


def load(path: Path | None, environ: Mapping[str, str]) -> Config:
    """Returns the configuration of a file, or without one that of the keys in the environment.

    Args:
        path: the TOML file.
        environ: where `api_key_env` and `${NAME}` are looked up; read here and nowhere else.

    Raises:
        ConfigError: names the place, the value, what was expected and the next step.
    """
    document = checked(with_environment(_read(path), environ) if path else {}, _Document)
    folder = path.parent if path else Path()
    providers = _providers(document.providers or _found(environ), folder)
    server = checked(document.server, ServerConfig, "server")
    return Config(
        source=str(path) if path else "the environment",
        server=server,
        admin_key=_admin_key(server, environ),
        limits=checked(document.limits, LimitsConfig, "limits"),
        ledger=_rooted(_ledger(document.ledger), "path", folder),
        observability=checked(document.observability, ObservabilityConfig, "observability"),
        prices=_rooted(checked(document.prices, PricesConfig, "prices"), "second_source", folder),
        providers=providers,
        models=_models(document.models, providers),
        routes=_routes(document.routes, folder),
        keys=_keys(providers, environ),
    )


def _ledger(table: dict[str, Any]) -> LedgerConfig:
    config = checked(table, LedgerConfig, "ledger")
    if config.url is not None:
        _check_url(config.url)
    return config


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        address = parts.scheme in {"postgresql", "postgres"} and len(parts.path) > 1
    except ValueError:
        address = False
    if not address:
        raise ConfigError("`ledger.url` is no address of a database; expected `postgresql://user@host:port/database`.")
    if parts.password is not None:
        raise ConfigError(
            "`ledger.url` holds a password; expected none in this file. Give it by `PGPASSWORD` or `~/.pgpass`."
        )


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))  # some editors begin a file with a mark
    except OSError as error:
        raise ConfigError(f"cannot read `{path}`: {error.strerror}. Give the path of a TOML file.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"`{path}` is not UTF-8 text; expected a TOML file.") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"`{path}` is not TOML: {error}.") from None


def _found(environ: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    names = with_a_key(environ)
    if not names:
        variables = [provider.api_key_env for provider in KNOWN_PROVIDERS.values()]
        raise ConfigError(
            f"no provider is configured{almost_a_key(environ)}; expected one of {listed(variables)} in the "
            "environment, or `[providers.NAME]` in a file given by `--config`. To see it work without a key, run "
            "`fairlead demo`."
        )
    return {name: {} for name in names}


def _providers(tables: Mapping[str, dict[str, Any]], folder: Path) -> dict[str, ProviderConfig]:
    return {name: _provider(name, table, folder) for name, table in tables.items()}


def _provider(name: str, table: dict[str, Any], folder: Path) -> ProviderConfig:
    place = _named("providers", name)
    if table.get("dialect") == "simulated":
        return checked(table, SimulatedProvider, place)
    if table.get("dialect") == "recorded":
        return _rooted(checked(table, RecordedProvider, place), "table", folder)
    if table.get("dialect", "openai") not in _DIALECTS:
        raise ConfigError(f"`{place}.dialect` is {table['dialect']!r}; expected one of {listed(_DIALECTS)}.")
    known = KNOWN_PROVIDERS[name].table() if name in KNOWN_PROVIDERS else {}
    flavour = {"flavour": name} if name in FLAVOURS else {}
    return _without_userinfo(checked(flavour | known | table, HostedProvider, place), place)


def _without_userinfo(host: HostedProvider, place: str) -> HostedProvider:
    if "@" in urlsplit(host.base_url).netloc:  # it would be shown where addresses are; and a key goes into a header
        raise ConfigError(
            f"`{place}.base_url` holds a user or password; expected none in this file. Give a key by `api_key_env`."
        )
    return host


def _models(tables: Mapping[str, dict[str, Any]], providers: Mapping[str, ProviderConfig]) -> dict[str, ModelConfig]:
    given = {name: _model(name, table, providers) for name, table in tables.items()}
    for name, provider in providers.items():
        if isinstance(provider, HostedProvider) and not any(model.startswith(f"{name}/") for model in given):
            given |= {f"{name}/{model}": ModelConfig() for model in _default_models(name)}
    return given


def _default_models(provider: str) -> tuple[str, ...]:
    if provider not in KNOWN_PROVIDERS:
        raise ConfigError(f'`providers.{provider}` has no models. Add `[models."{provider}/NAME"]` for each of them.')
    return KNOWN_PROVIDERS[provider].models


def _model(name: str, table: dict[str, Any], providers: Mapping[str, ProviderConfig]) -> ModelConfig:
    place = below("models", name)
    provider, slash, model = name.partition("/")
    if not slash or not model:
        raise ConfigError(f"`{place}` does not name a model; expected `PROVIDER/MODEL`.")
    if provider not in providers:
        hint = nearest(provider, list(providers))
        raise ConfigError(
            f"`{place}` is at `{provider}`, which is no provider of this file.{hint} "
            f"Expected one of {listed(list(providers))}, or add `[providers.{provider}]`."
        )
    config = checked(table, ModelConfig, place)
    _check_settings(config, below(place, "settings"))
    check_price(config, place)
    return config


def _check_settings(model: ModelConfig, place: str) -> None:
    if clash := sorted(_OURS & model.settings.keys()):
        raise ConfigError(f"`{place}.{clash[0]}` cannot be set: the request itself says it. Remove it.")


def _routes(tables: Mapping[str, dict[str, Any]], folder: Path) -> dict[str, RouteConfig]:
    given = {name: _route(name, table, folder) for name, table in tables.items()}
    return {"auto": RouteConfig()} | given


def _route(name: str, table: dict[str, Any], folder: Path) -> RouteConfig:
    place = _named("routes", name)
    route = _rooted(checked(table, RouteConfig, place), "router", folder)
    _check_budget(route, place)
    check_learning(place, shadow=route.shadow, judge=route.judge, verifiers=route.verifiers)
    verifiers = tuple(_rooted(_rooted(verifier, "schema", folder), "folder", folder) for verifier in route.verifiers)
    return msgspec.structs.replace(route, verifiers=verifiers)


def _check_budget(route: RouteConfig, place: str) -> None:
    if route.budget is not None and not (route.budget.usd.is_finite() and route.budget.usd > 0):
        raise ConfigError(f"`{place}.budget.usd` is {route.budget.usd}; expected more than 0, in USD.")


def _keys(providers: Mapping[str, ProviderConfig], environ: Mapping[str, str]) -> dict[str, Secret]:
    hosts = {name: host for name, host in providers.items() if isinstance(host, HostedProvider)}
    found = {name: _key_of(name, host, environ) for name, host in hosts.items()}
    return {name: key for name, key in found.items() if key is not None}


def _key_of(name: str, host: HostedProvider, environ: Mapping[str, str]) -> Secret | None:
    if host.api_key is not None:
        place = f"providers.{name}.api_key"
        if not isinstance(host.api_key, Referenced):  # it is the key itself: do not show it
            raise ConfigError(f"`{place}` holds a key; expected a reference, as in `${{OPENAI_API_KEY}}`.")
        return _secret(host.api_key, place)
    return (
        None
        if host.api_key_env is None
        else _key(f"providers.{name}.api_key_env", host.api_key_env, environ, otherwise="the provider")
    )


def _admin_key(server: ServerConfig, environ: Mapping[str, str]) -> Secret | None:
    if server.admin_key_env is None:
        return None
    key = _key("server.admin_key_env", server.admin_key_env, environ, otherwise="this setting")
    if len(key.reveal()) < LEAST_ADMIN_KEY:
        raise ConfigError(
            f"`{server.admin_key_env}` holds {len(key.reveal())} characters; expected at least {LEAST_ADMIN_KEY}, "
            "since this key opens everything. Make one with `openssl rand -hex 32`."
        )
    return key


LEAST_ADMIN_KEY = 16


def _key(place: str, variable: str, environ: Mapping[str, str], *, otherwise: str) -> Secret:
    if not _VARIABLE.fullmatch(variable):  # it may be the key itself: do not show it
        raise ConfigError(
            f"`{place}` does not name a variable; expected capitals such as `OPENAI_API_KEY`, never the key itself."
        )
    key = environ.get(variable, "").strip()  # a key read from a file often ends in a line end
    if not key:
        raise ConfigError(f"`{place}` names `{variable}`, which is not set. Set it, or remove {otherwise}.")
    return _secret(key, variable)


def _secret(key: str, place: str) -> Secret:
    if not (key.isascii() and key.isprintable()):
        raise ConfigError(f"`{place}` holds what no HTTP header can carry; expected one key, on one line, in ASCII.")
    return Secret(str(key))


def _named(table: str, name: str) -> str:
    place = below(table, name)
    if not _NAME.fullmatch(name):
        raise ConfigError(f"`{place}` is not a name; expected letters, digits, `.`, `_` and `-`.")
    return place


def _rooted(table: T, field: str, folder: Path) -> T:
    """Returns the table with the path in `field` starting at the config file."""
    path = getattr(table, field)
    return table if path is None else msgspec.structs.replace(table, **{field: folder / path})
