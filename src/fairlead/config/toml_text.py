"""A configuration as TOML text, for people to read and to change."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def toml_text(tables: Mapping[str, Mapping[str, Any]]) -> str:
    """Returns the text of a document: `providers`, `models` and `routes` as tables of tables, the rest as tables."""
    return "\n".join(_lines(tables)) + "\n"


def _lines(tables: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield "schema_version = 1"
    for name, table in tables.items():
        if all(isinstance(value, dict) for value in table.values()):
            for key, inner in table.items():
                yield f"\n[{name}.{_key(key)}]"
                yield from _settings(inner)
        else:
            yield f"\n[{name}]"
            yield from _settings(table)


def _settings(table: Mapping[str, Any]) -> Iterator[str]:
    for key, value in table.items():
        yield f"{_key(key)} = {_value(value)}"


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{ {', '.join(_settings(value))} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value, ensure_ascii=False)  # text, numbers, true and false are spelled alike


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else json.dumps(key, ensure_ascii=False)
