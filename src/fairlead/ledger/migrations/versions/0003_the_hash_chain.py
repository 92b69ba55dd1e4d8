"""The hash chain: rows that are there already become the first chain, and from then on nothing may be changed."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from fairlead.ledger import chain, triggers
from fairlead.ledger.ids import new_id

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KEYS = {
    "prices": ("id",),
    "requests": ("request_id",),
    "settlements": ("request_id",),
    "attempts": ("request_id", "number"),
    "feedback": ("id",),
}
PAGE = 1_000


def upgrade() -> None:
    op.create_table(
        "writers",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("after_writer", sa.String(), nullable=True),
        sa.Column("after_seq", sa.BigInteger(), nullable=True),
        sa.Column("after_hash", sa.String(), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    for table in KEYS:
        op.add_column(table, sa.Column("writer", sa.String(), nullable=True))
        op.add_column(table, sa.Column("seq", sa.BigInteger(), nullable=True))
        op.add_column(table, sa.Column("hash", sa.String(), nullable=True))
    _chain_what_is_there(op.get_bind())
    for table in KEYS:
        op.create_index(f"{table}_chain", table, ["writer", "seq"], unique=True)
    triggers.create_for(op.get_bind(), KEYS)
    triggers.create_for_writers(op.get_bind())


def _chain_what_is_there(connection: sa.Connection) -> None:
    """Makes one chain of all rows, table by table, each by its key."""
    now = int(datetime.now(UTC).timestamp() * 1_000_000)
    end = chain.begin(new_id("wrt"), now, None)
    for name, key in KEYS.items():
        end = _chain_table(connection, sa.Table(name, sa.MetaData(), autoload_with=connection), key, end)
    if end.seq:
        writers = sa.Table("writers", sa.MetaData(), autoload_with=connection)
        connection.execute(sa.insert(writers), {"id": end.writer, "began_at": now, "seq": end.seq, "hash": end.hash})


def _chain_table(
    connection: sa.Connection, table: sa.Table, key: tuple[str, ...], end: chain.ChainEnd
) -> chain.ChainEnd:
    columns = [table.c[name] for name in key]
    link = sa.update(table).where(*(column == sa.bindparam(f"key_{column.name}") for column in columns))
    page = sa.select(table).order_by(*columns).limit(PAGE)
    rows = connection.execute(page).mappings().all()
    while rows:
        links = []
        for row in rows:
            end = end.next(table.name, _content(table.name, row))
            place = {"writer": end.writer, "seq": end.seq, "hash": end.hash}
            links.append({**{f"key_{name}": row[name] for name in key}, **place})
        connection.execute(link, links)
        rows = connection.execute(page.where(sa.tuple_(*columns) > tuple(rows[-1][c] for c in key))).mappings().all()
    return end


def _content(table: str, row: sa.RowMapping) -> chain.Content:
    own_number = {"id"} if table == "feedback" else set()
    return {name: value for name, value in row.items() if name not in {*chain.LINK, *own_number}}
