"""Rows as the database keeps them, and how a record becomes one.

A row is a struct: a field for each column that says something, in the order of their names. That is the order of the
canonical form of the chain and the one in which values are handed to the database, so neither has to sort or to copy.
"""

from __future__ import annotations

import math
from functools import cache
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Boolean, Float

from fairlead.ledger.chain import KeptAs, Row, said

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Column, Table

    Values = Callable[[Any], tuple[Any, ...]]
    Converter = Callable[[Any], str | int | bool | float | None]

Kept = tuple[tuple["Table", Row], ...]
"""Rows that are kept together or not at all."""


@cache
def row_type(table: Table) -> type[msgspec.Struct]:
    """Returns the type of a table's rows; encoded, nulls are left out."""
    fields = [(name, float if isinstance(table.c[name].type, Float) else Any, None) for name in said(table)]
    return msgspec.defstruct(str(table.name), fields, frozen=True, omit_defaults=True, gc=False)


class Form:
    """How a record becomes a row.

    Args:
        table: of the row.
        columns: in the order in which `values` takes what they hold from a record.
        values: see `fields`.
        first: column -> what its value, unless it is null, goes through before it is made what its type asks for.
    """

    def __init__(self, table: Table, columns: Sequence[str], values: Values, **first: Callable[[Any], Any]) -> None:
        self._values = values
        self._row = row_type(table)
        names = self._row.__struct_fields__
        self._in_order = itemgetter(*(columns.index(name) for name in names))
        through = [_both(first.get(name), _converter(table.c[name])) for name in names]
        self._converters = [(i, convert) for i, convert in enumerate(through) if convert is not None]

    def __call__(self, record: Any) -> Row:
        """Returns the row of a record.

        Raises:
            TypeError, ValueError, ArithmeticError: a value does not fit its column.
        """
        values = list(self._in_order(self._values(record)))
        for i, convert in self._converters:
            if (value := values[i]) is not None:
                values[i] = convert(value)
        return self._row(*values)


def fields(*columns: str, **elsewhere: str) -> tuple[tuple[str, ...], Values]:
    """Returns the columns of a form, and what takes their values from a record.

    Args:
        columns: that bear the names of the record's fields.
        elsewhere: column -> where in the record it is found.
    """
    return (*columns, *elsewhere), attrgetter(*columns, *elsewhere.values())


def beside(columns: tuple[str, ...], of_record: tuple[tuple[str, ...], Values]) -> tuple[tuple[str, ...], Values]:
    """Returns the fields of a tuple: what stands in these columns, and a record at its end."""
    more, values = of_record
    return (*columns, *more), lambda given: (*given[:-1], *values(given[-1]))


def _both(first: Callable[[Any], Any] | None, then: Converter | None) -> Converter | None:
    if first is None or then is None:
        return first or then
    return lambda value: None if (value := first(value)) is None else then(value)


def _converter(column: Column[Any]) -> Converter | None:
    kind = column.type
    return kind.kept if isinstance(kind, KeptAs) else _CONVERTERS.get(type(kind))


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)  # SQLite keeps NaN as null


_CONVERTERS: Mapping[type, Converter] = {Float: _number, Boolean: bool}
