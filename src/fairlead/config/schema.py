"""The JSON Schema of the configuration file, made from the very tables that it is checked by."""

from __future__ import annotations

from typing import Any

import msgspec

from fairlead.config.environment import TABLES
from fairlead.config.known import KNOWN_PROVIDERS
from fairlead.config.tables import (
    HostedProvider,
    LedgerConfig,
    LimitsConfig,
    ModelConfig,
    ObservabilityConfig,
    PricesConfig,
    RecordedProvider,
    RouteConfig,
    ServerConfig,
    SimulatedProvider,
)

NAME = "fairlead.config.1.json"
_ONE_EACH: dict[str, type[msgspec.Struct]] = {
    "server": ServerConfig,
    "limits": LimitsConfig,
    "ledger": LedgerConfig,
    "observability": ObservabilityConfig,
    "prices": PricesConfig,
}
_HOSTS = (HostedProvider, SimulatedProvider, RecordedProvider)
REFERENCE = {"type": "string", "pattern": r"\$\{[A-Z_][A-Z0-9_]*\}"}


def config_schema() -> dict[str, Any]:
    """Returns the schema; editors that know TOML complete and check a file by it."""
    structs = [*_ONE_EACH.values(), *_HOSTS, ModelConfig, RouteConfig]
    references, parts = msgspec.json.schema_components(structs, schema_hook=_schema_of, ref_template="#/$defs/{name}")
    parts = _with_numbers(parts)
    of = dict(zip(structs, references, strict=True))
    known_host = {**parts["HostedProvider"], "required": []}  # it brings its own address
    providers = {"anyOf": [of[struct] for struct in _HOSTS]}
    for name in _referring():
        _allow_references(parts[name])
    _allow_references(known_host)
    properties = {
        "schema_version": {"const": 1, "default": 1},
        **{name: of[struct] for name, struct in _ONE_EACH.items()},
        "providers": {
            "type": "object",
            "properties": {name: {"$ref": "#/$defs/KnownProvider"} for name in KNOWN_PROVIDERS},
            "additionalProperties": providers,
        },
        "models": {
            "type": "object",
            "propertyNames": {"pattern": "^[^/]+/.+"},
            "additionalProperties": of[ModelConfig],
        },
        "routes": {"type": "object", "additionalProperties": of[RouteConfig]},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Fairlead's configuration",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "$defs": {**parts, "KnownProvider": known_host},
    }


def _referring() -> list[str]:
    """Returns the tables in which texts may refer to the environment."""
    return [struct.__name__ for name, struct in _ONE_EACH.items() if name in TABLES] + ["HostedProvider"]


def _allow_references(part: dict[str, Any]) -> None:
    for name, setting in part["properties"].items():
        options = setting.get("anyOf", [setting])
        if any(option.get("type") == "string" and "pattern" in option for option in options):
            part["properties"][name] = {**{k: v for k, v in setting.items() if k in {"default", "description"}}}
            bare = [{k: v for k, v in option.items() if k != "default"} for option in options]
            part["properties"][name]["anyOf"] = [*bare, REFERENCE]


def _with_numbers(part: Any) -> Any:
    """Returns a schema in which an amount may be a number as well as text."""
    if isinstance(part, dict):
        if part.get("format") == "decimal":
            return {**{k: v for k, v in part.items() if k != "format"}, "type": ["string", "number"]}
        return {name: _with_numbers(inner) for name, inner in part.items()}
    return [_with_numbers(inner) for inner in part] if isinstance(part, list) else part


def _schema_of(_kind: type) -> dict[str, Any]:
    """Returns the schema of a path, the one kind of value that JSON has no form of."""
    return {"type": "string", "minLength": 1}
