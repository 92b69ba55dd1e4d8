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
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Column as SqlColumn
from sqlalchemy import MetaData, Table
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    from sqlalchemy import Column, Dialect, RowMapping

LINK = ("writer", "seq", "hash")
"""The columns that hold the chain itself."""

Content = dict[str, str | int | bool | float | None]
"""A row as the database keeps it: column -> text, whole number, truth, float or null."""
Row = Any
"""The same about to be written: a struct of `forms.row_type`."""


class KeptAs(TypeDecorator[Any]):
    """A type of ours: it tells what the database keeps of a value."""

    abstract = True

    def kept(self, value: Any) -> str | int:
        """Returns what is kept of a value that is not null."""
        raise NotImplementedError

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | int | None:  # noqa: ARG002, D102
        return None if value is None else self.kept(value)


_encode = msgspec.json.Encoder(order="sorted").encode


class ChainEnd(msgspec.Struct, frozen=True):
    """The newest row of a writer's chain; `seq` is 0 where there is none yet."""

    writer: str
    seq: int
    hash: str

    def next(self, table: str, content: Content | Row) -> ChainEnd:
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


def hash_of(before: str, table: str, content: Content | Row) -> str:
    """Returns the hash of a row that follows the one with hash `before`: 64 hexadecimal digits."""
    return _sha256(f"{before}\n{table}\n".encode() + canonical(content))


def canonical(content: Content | Row) -> bytes:
    """Returns what a row says, in the one way that is hashed.

    Example:
        >>> canonical({"score": 1.0, "source": "user", "note": None, "at": 7})
        b'{"at":7,"score":"1.0","source":"user"}'
    """
    if isinstance(content, msgspec.Struct):  # its fields are sorted, and null is left out
        return _encode(_spelt(content))
    return _encode({name: repr(v) if type(v) is float else v for name, v in content.items() if v is not None})


def _spelt(row: Row) -> Row:
    """Returns a row with its floats as text."""
    kind: type[msgspec.Struct] = type(row)
    values = list(msgspec.structs.astuple(row))
    for place in _floats(kind):
        if values[place] is not None:
            values[place] = repr(values[place])
    return kind(*values)


@cache
def _floats(row: type[msgspec.Struct]) -> tuple[int, ...]:
    return tuple(i for i, field in enumerate(msgspec.structs.fields(row)) if field.type is float)


def chained(table: Table, row: RowMapping) -> ChainedRow:
    """Returns a row that was read through `plain(table)`."""
    key = tuple(row[column.name] for column in table.primary_key)
    content = {name: row[name] for name in said(table)}
    return ChainedRow(table.name, key, content, row["writer"], row["seq"], row["hash"])


@cache
def said(table: Table) -> tuple[str, ...]:
    """Returns the columns that say something, sorted."""
    own_number = {"id"} if table.c.get("id") is not None and table.c.id.autoincrement is True else set()
    return tuple(sorted({str(column.name) for column in table.c} - {*LINK, *own_number}))


@cache
def plain(table: Table) -> Table:
    """Returns the table with the types that the database knows: what is kept is read and written as it is.

    Its columns are those of `said`, then the others.
    """
    names = dict.fromkeys((*said(table), *(column.name for column in table.c)))
    columns = [table.c[name] for name in names]
    return Table(
        table.name, MetaData(), *(SqlColumn(c.name, _plain_type(c), primary_key=c.primary_key) for c in columns)
    )


def _plain_type(column: Column[Any]) -> Any:
    return column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
