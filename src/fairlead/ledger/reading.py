"""What is read of a ledger in a SQL database, each in one transaction."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, exists, literal_column, select

from fairlead.ledger import rows
from fairlead.ledger.chain import ChainedRow, ChainEnd, Writer, chained, plain
from fairlead.ledger.schema import ROWS, attempts, feedback, prices, requests, writers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, RowMapping, Select

    from fairlead.ledger.base import Entry, Feedback
    from fairlead.types import Price


def writer_of(row: Any) -> Writer:
    """Returns the writer of a `writers` row."""
    after = None
    if row["after_writer"] is not None:
        after = ChainEnd(row["after_writer"], row["after_seq"], row["after_hash"])
    return Writer(row["id"], row["began_at"], after, row["seq"], row["hash"])


def between(connection: Connection, writer: str, first: int, last: int) -> list[ChainedRow]:
    """Returns rows `first` to `last` of a writer's chain, in order."""
    found = []
    for table in ROWS:
        columns = plain(table).c
        query = select(plain(table)).where(columns.writer == writer, columns.seq.between(first, last))
        found += [chained(table, row) for row in connection.execute(query).mappings()]
    return sorted(found, key=lambda row: row.seq or 0)


def unchained(connection: Connection) -> list[ChainedRow]:
    """Returns the rows that are in no chain, or behind the end of their writer's."""
    found = []
    for table in ROWS:
        columns = plain(table).c
        held = exists(literal_column("1")).where(and_(writers.c.id == columns.writer, writers.c.seq >= columns.seq))
        query = select(plain(table)).where(~held)
        found += [chained(table, row) for row in connection.execute(query).mappings()]
    return found


def entries(connection: Connection, page: Select[Any]) -> list[Entry]:
    """Returns the requests that a query finds, each with all that belongs to it."""
    found = connection.execute(page).mappings().all()
    tried = _attempts(connection, [row["request_id"] for row in found])
    scores = _scores(connection, [row["decision_id"] for row in found])
    known = prices_by_id(connection)
    return [rows.entry(row, tried[row["request_id"]], scores[row["decision_id"]], known) for row in found]


def prices_by_id(connection: Connection) -> dict[str, Price]:
    """Returns every price row by its id."""
    return {row["id"]: rows.price(row) for row in connection.execute(select(prices)).mappings()}


def _attempts(connection: Connection, request_ids: Sequence[str]) -> dict[str, list[RowMapping]]:
    query = select(attempts).where(attempts.c.request_id.in_(request_ids)).order_by(attempts.c.number)
    found = defaultdict(list)
    for row in connection.execute(query).mappings():
        found[row["request_id"]].append(row)
    return found


def _scores(connection: Connection, decision_ids: Sequence[str]) -> dict[str, list[Feedback]]:
    query = select(feedback).where(feedback.c.decision_id.in_(decision_ids))
    found = defaultdict(list)
    for row in connection.execute(query.order_by(feedback.c.at, feedback.c.writer, feedback.c.seq)).mappings():
        found[row["decision_id"]].append(rows.feedback(row))
    return found


def decided(connection: Connection, decision_ids: Sequence[str]) -> dict[str, Sequence[Feedback]]:
    """Returns each of these decisions that was made -> its feedback, oldest first."""
    made = connection.scalars(select(requests.c.decision_id).where(requests.c.decision_id.in_(decision_ids))).all()
    scored = _scores(connection, made)
    return {decision_id: scored.get(decision_id, []) for decision_id in made}
