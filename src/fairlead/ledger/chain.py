"""The hash chain: each row bears a hash over what it says and over the hash of the row before it.

    hash     SHA-256 of: hash of the row before, a line feed, name of the table, a line feed, content
    content  JSON of the row's columns but for `writer`, `seq`, `hash`, and `id` of feedback: nulls left out, names
             sorted, no spaces, no character escaped that JSON does not force; floats as text, the shortest that
             reads back the same

Each process that writes is a *writer* with a chain of its own, so that nobody waits for anybody. A chain begins with
the hash of its own `writers` row, which names the end of the chain that began before it: the chains are linked, too.
Columns that a later schema adds are null in the rows before, so their hashes stay as they are.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Boolean, Float, MetaData, Table
from sqlalchemy import Column as SqlColumn
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Column, Dialect, RowMapping

    Converter = Callable[[Any], str | int | bool | float | None]
    Conversions = Sequence[tuple[str, Converter]]

LINK = ("writer", "seq", "hash")
"""The columns that hold the chain itself."""

Content = dict[str, str | int | bool | float | None]
"""A row as the database keeps it: column -> text, whole number, truth, float or null."""


class KeptAs(TypeDecorator[Any]):
    """A type of ours: it tells what the database keeps of a value."""

    abstract = True

    def kept(self, value: Any) -> str | int:
        """Returns what is kept of a value that is not null."""
        raise NotImplementedError

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | int | None:  # noqa: ARG002, D102
        return None if value is None else self.kept(value)


Kept = tuple[tuple[Table, Content], ...]
"""Rows that are kept together or not at all, as the database keeps them."""

_encode = msgspec.json.Encoder(order="sorted").encode


@dataclass(frozen=True, slots=True)
class ChainEnd:
    """The newest row of a writer's chain; `seq` is 0 where there is none yet."""

    writer: str
    seq: int
    hash: str

    def next(self, table: str, content: Content) -> ChainEnd:
        """Returns the end with one more row."""
        return ChainEnd(self.writer, self.seq + 1, hash_of(self.hash, table, content))


@dataclass(frozen=True, slots=True)
class Writer:
    """A row of `writers`: who it is, which chain's end it saw as it began, and the end of its own."""

    id: str
    began_at: int
    """Microseconds since 1970, UTC."""
    after: ChainEnd | None
    seq: int
    hash: str

    @property
    def start(self) -> ChainEnd:
        """The end of its chain before its first row."""
        return begin(self.id, self.began_at, self.after)

    @property
    def end(self) -> ChainEnd:
        """The end of its chain, as its row of `writers` says."""
        return ChainEnd(self.id, self.seq, self.hash)


@dataclass(frozen=True, slots=True)
class ChainedRow:
    """A row of any table with its place in a chain; all three are `None` where it was put in from outside."""

    table: str
    key: tuple[str | int, ...]
    """Its primary key."""
    content: Content
    writer: str | None
    seq: int | None
    hash: str | None

    @property
    def name(self) -> str:
        """Returns what to call it, such as `attempts req_1/2`."""
        return f"{self.table} {'/'.join(map(str, self.key))}"


def begin(writer: str, began_at: int, after: ChainEnd | None) -> ChainEnd:
    """Returns the end of a chain that has no row yet."""
    seen = None if after is None else [after.writer, after.seq, after.hash]
    return ChainEnd(writer, 0, _sha256(_encode(["fairlead.ledger.chain/1", writer, began_at, seen])))


def hash_of(before: str, table: str, content: Content) -> str:
    """Returns the hash of a row that follows the one with hash `before`: 64 hexadecimal digits."""
    return _sha256(f"{before}\n{table}\n".encode() + canonical(content))


def canonical(content: Content) -> bytes:
    """Returns what a row says, in the one way that is hashed.

    Example:
        >>> canonical({"score": 1.0, "source": "user", "note": None, "at": 7})
        b'{"at":7,"score":"1.0","source":"user"}'
    """
    said = {name: repr(v) if type(v) is float else v for name, v in content.items() if v is not None}
    return _encode(said)


def stored(table: Table, row: Mapping[str, Any]) -> Content:
    """Returns a row as the database will keep it.

    Raises:
        TypeError, ValueError, ArithmeticError: a value does not fit its column.
    """
    names, values, conversions = _plan(table)
    content: Content = dict(zip(names, values(row), strict=True))
    for name, convert in conversions:
        if (value := content[name]) is not None:
            content[name] = convert(value)
    return content


def chained(table: Table, row: RowMapping) -> ChainedRow:
    """Returns a row that was read through `plain(table)`."""
    key = tuple(row[column.name] for column in table.primary_key)
    content = {name: row[name] for name in _plan(table)[0]}
    return ChainedRow(table.name, key, content, row["writer"], row["seq"], row["hash"])


@cache
def plain(table: Table) -> Table:
    """Returns the table with the types that the database knows: what is kept is read and written as it is."""
    return Table(
        table.name, MetaData(), *(SqlColumn(c.name, _plain_type(c), primary_key=c.primary_key) for c in table.c)
    )


@cache
def _plan(table: Table) -> tuple[tuple[str, ...], Callable[[Mapping[str, Any]], tuple[Any, ...]], Conversions]:
    """Returns the columns that say something, what takes them from a row, and what values of some must go through."""
    own_number = {"id"} if table.c.get("id") is not None and table.c.id.autoincrement is True else set()
    said = [column for column in table.c if column.name not in {*LINK, *own_number}]
    names = tuple(str(column.name) for column in said)
    conversions = [(str(c.name), convert) for c in said if (convert := _converter(c)) is not None]
    return names, itemgetter(*names), conversions


def _converter(column: Column[Any]) -> Converter | None:
    kind = column.type
    return kind.kept if isinstance(kind, KeptAs) else _CONVERTERS.get(type(kind))


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)  # SQLite keeps NaN as null


_CONVERTERS: Mapping[type, Converter] = {Float: _number, Boolean: bool}


def _plain_type(column: Column[Any]) -> Any:
    return column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
