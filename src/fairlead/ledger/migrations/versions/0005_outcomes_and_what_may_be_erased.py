"""Outcomes: shadows and judges, whose feedback it is, and payloads that can be erased."""

import sqlalchemy as sa
from alembic import op

from fairlead.ledger import triggers

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("purpose", "parent_id", "team", "features_hash", "prompt_hash"):
        op.add_column("requests", sa.Column(name, sa.String(), nullable=True))
    op.add_column("requests", sa.Column("opted_out", sa.Boolean(), nullable=True))
    op.add_column("feedback", sa.Column("reference_score", sa.Float(), nullable=True))
    _create_erasures()
    _create_payloads()
    triggers.create_for(op.get_bind(), ("erasures",))


def _create_erasures() -> None:
    op.create_table(
        "erasures",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("before", sa.BigInteger(), nullable=False),
        sa.Column("team", sa.String(), nullable=True),
        sa.Column("n_erased", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("writer", sa.String(), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("hash", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("erasures_chain", "erasures", ["writer", "seq"], unique=True)


def _create_payloads() -> None:
    op.create_table(
        "payloads",
        sa.Column("request_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("salt", sa.String(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["requests.request_id"]),
        sa.PrimaryKeyConstraint("request_id", "kind"),
    )
