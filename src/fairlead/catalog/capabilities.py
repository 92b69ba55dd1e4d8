"""What a model can do, by the dated tables beside this file, each fact with its source; what none says is unknown."""

from __future__ import annotations

import dataclasses
import re
from datetime import date  # noqa: TC003 - msgspec reads the annotations
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import msgspec

from fairlead.types import Capabilities

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_DATED = re.compile(r"-(\d{8}|\d{4}-\d{2}-\d{2})$")


class _Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    context_tokens: int | None = None
    max_output_tokens: int | None = None
    tools: bool | None = None
    vision: bool | None = None
    audio: bool | None = None
    files: bool | None = None
    json_schema: bool | None = None
    reasoning: bool | None = None
    prefill: bool | None = None
    source: str


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    checked: date
    models: dict[str, _Entry]


class _Gathered(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    sources: tuple[str, ...]
    models: dict[str, msgspec.Raw]
    """`PROVIDER/MODEL` -> what it can do -> [value, number of the source]."""


class Fact(msgspec.Struct, frozen=True):
    """Something that is known of a model, and who says so, with the day."""

    value: bool | int | str | tuple[str, ...]
    source: str


def known_of(provider: str, model: str) -> dict[str, Fact]:
    """Returns what the tables say of the model at its own provider: by hand first, then what was gathered.

    A snapshot, `name-20251001` or `name-2025-10-01`, can do what the model it is one of can do.
    """
    names = (f"{provider}/{model}", f"{provider}/{_DATED.sub('', model)}")
    return _by_gathering(names) | _by_hand(names)


def capabilities_of(provider: str, model: str) -> Capabilities:
    """Returns what is known of the model at its own provider; all unknown where nothing is."""
    return as_capabilities(known_of(provider, model))


def as_capabilities(known: Mapping[str, Fact]) -> Capabilities:
    """Returns those of the facts that a decision asks for."""
    asked = {field.name for field in dataclasses.fields(Capabilities)}
    values: dict[str, Any] = {name: fact.value for name, fact in known.items() if name in asked}
    return Capabilities(**values)


def every_model() -> tuple[str, ...]:
    """Returns every `PROVIDER/MODEL` of which something is known."""
    return tuple(sorted({*_table().models, *_gathered().models}))


def _by_hand(names: Iterable[str]) -> dict[str, Fact]:
    table = _table()
    entry = next((table.models[name] for name in names if name in table.models), None)
    if entry is None:
        return {}
    said = {name: value for name, value in msgspec.structs.asdict(entry).items() if name != "source"}
    source = f"{entry.source}, checked {table.checked}"
    return {name: Fact(value, source) for name, value in said.items() if value is not None}


def _by_gathering(names: Iterable[str]) -> dict[str, Fact]:
    gathered = _gathered()
    raw = next((gathered.models[name] for name in names if name in gathered.models), None)
    if raw is None:
        return {}
    said = msgspec.json.decode(raw, type=dict[str, tuple[bool | int | tuple[str, ...], int]])
    return {name: Fact(value, gathered.sources[number]) for name, (value, number) in said.items()}


@cache
def _table() -> _Table:
    text = resources.files(__package__).joinpath("capabilities.toml").read_bytes()
    return msgspec.toml.decode(text, type=_Table)


@cache
def _gathered() -> _Gathered:
    text = resources.files(__package__).joinpath("gathered.json").read_bytes()
    return msgspec.json.decode(text, type=_Gathered)
