"""What the reader of a refused file is told: the place, the value, what was expected, the nearest known key."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from msgspec import inspect as types

from fairlead.config.references import shown
from fairlead.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

_NOUNS: dict[type[types.Type], str] = {
    types.FloatType: "a number",
    types.IntType: "a whole number",
    types.DecimalType: "an amount in USD",
    types.BoolType: "true or false",
    types.StrType: "text that is not empty",
    types.CustomType: "a path",
    types.StructType: "a table",
    types.DictType: "a table",
}
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*?)`")
_MISSING = re.compile(r"Object missing required field `(.*?)`")


def checked(value: object, table: type[T], place: str = "") -> T:
    """Returns `value` as a `table`.

    Args:
        value: what TOML gave.
        table: the struct it should be.
        place: dotted path of `value` in the file.

    Raises:
        ConfigError: a key is unknown or missing, or a value is of the wrong kind or out of range.
    """
    try:
        return msgspec.convert(value, table, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise ConfigError(_explained(str(error), value, table, place)) from None


def _path(kind: type, value: object) -> Path:
    if kind is not Path or not isinstance(value, str) or not value:
        raise ValueError("Expected a path")
    return Path(value)


def below(place: str, key: str) -> str:
    """Returns the dotted path of `key` within `place`, quoted as TOML wants it."""
    quoted = key if _BARE_KEY.fullmatch(key) else f'"{key}"'
    return f"{place}.{quoted}" if place else quoted


def nearest(name: str, known: list[str]) -> str:
    """Returns ` Did you mean ...?` where a known name is close, else nothing."""
    return did_you_mean(difflib.get_close_matches(name, known, n=1))


def did_you_mean(names: Sequence[str]) -> str:
    """Returns ` Did you mean ...?` where there are names, else nothing."""
    return f" Did you mean {' or '.join(f'`{name}`' for name in names)}?" if names else ""


def listed(names: list[str]) -> str:
    """Returns names in backticks, joined by commas."""
    return ", ".join(f"`{name}`" for name in names)


def _explained(message: str, value: object, table: type, place: str) -> str:
    text, _, path = message.partition(" - at `$")
    kind: types.Type = types.type_info(table)
    for key, index in _STEP.findall(path.removesuffix("`")):
        if index == "...":  # msgspec does not say which key: the whole table is shown
            break
        place = f"{place}[{index}]" if index else below(place, key)
        value, kind = _step(value, kind, key, index)
    if unknown := _UNKNOWN.match(text):
        return _unknown_key(place, unknown[1], kind)
    if missing := _MISSING.match(text):
        return f"`{below(place, missing[1])}` is missing; expected {_kind_of(kind, missing[1])}."
    return f"`{place}` is {msgspec.json.encode(value, enc_hook=shown).decode()}; expected {_worded(kind)}."


def _step(value: Any, kind: types.Type, key: str, index: str) -> tuple[Any, types.Type]:
    kind = _without_none(kind)
    if index:
        items = kind.item_type if isinstance(kind, types.VarTupleType) else types.AnyType()
        return value[int(index)], items
    field = next((f for f in _fields(kind) if f.encode_name == key), None)
    return value[key], field.type if field else types.AnyType()


def _unknown_key(place: str, key: str, kind: types.Type) -> str:
    known = [field.encode_name for field in _fields(kind)]
    return f"`{below(place, key)}` is not a setting.{nearest(key, known)} Expected one of {listed(known)}."


def _kind_of(kind: types.Type, key: str) -> str:
    return next(_worded(field.type) for field in _fields(kind) if field.encode_name == key)


def _fields(kind: types.Type) -> tuple[types.Field, ...]:
    kind = _without_none(kind)
    return kind.fields if isinstance(kind, types.StructType) else ()


def _without_none(kind: types.Type) -> types.Type:
    if isinstance(kind, types.UnionType):
        kinds = [each for each in kind.types if not isinstance(each, types.NoneType)]
        return kinds[0] if len(kinds) == 1 else kind
    return kind


def _worded(kind: types.Type) -> str:
    kind = _without_none(kind)
    match kind:
        case types.Metadata(extra_json_schema={"description": str(description)}):
            return description
        case types.FloatType() | types.IntType():
            return _NOUNS[type(kind)] + _interval(kind)
        case types.LiteralType(values=values):
            return f"one of {listed([str(value) for value in values])}" if len(values) > 1 else f"`{values[0]}`"
        case types.VarTupleType(item_type=item):
            return f"a list, each item {_worded(item)}"
        case types.DictType(value_type=types.UnionType()):
            return "a table of text, numbers, true and false"
        case _:
            return _NOUNS[type(kind)]


def _interval(number: types.FloatType | types.IntType) -> str:
    """Returns ` in [low, high)`, with the bounds that there are."""
    low = f"[{number.ge}" if number.ge is not None else f"({number.gt}"
    high = f"{number.le}]" if number.le is not None else f"{number.lt})"
    return f" in {low}, {high}" if "None" not in low + high else ""
