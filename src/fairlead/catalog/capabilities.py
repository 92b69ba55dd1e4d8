"""What a model can do, by the dated table beside this file; what it does not say is unknown."""

from __future__ import annotations

import re
from datetime import date  # noqa: TC003 - msgspec reads the annotations
from functools import cache
from importlib import resources

import msgspec

from fairlead.types import Capabilities

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
    source: str


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    checked: date
    models: dict[str, _Entry]


def capabilities_of(provider: str, model: str) -> Capabilities:
    """Returns what the table says of the model at its own provider; all unknown where it says nothing.

    A snapshot, `name-20251001` or `name-2025-10-01`, can do what the model it is one of can do.
    """
    models = _table().models
    entry = models.get(f"{provider}/{model}") or models.get(f"{provider}/{_DATED.sub('', model)}")
    if entry is None:
        return Capabilities()
    return Capabilities(**{name: value for name, value in msgspec.structs.asdict(entry).items() if name != "source"})


@cache
def _table() -> _Table:
    text = resources.files(__package__).joinpath("capabilities.toml").read_bytes()
    return msgspec.toml.decode(text, type=_Table)
