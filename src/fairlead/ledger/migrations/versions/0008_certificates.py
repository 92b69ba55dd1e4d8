"""Certificates: which one a request was served by, and what happened to them."""

import sqlalchemy as sa
from alembic import op

from fairlead.ledger import triggers

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("requests", sa.Column("certificate", sa.String(), nullable=True))
    op.create_index("ix_requests_certificate", "requests", ["certificate"])
    op.create_table(
        "certificates",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("certificate", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("writer", sa.String(), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("hash", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("certificates_chain", "certificates", ["writer", "seq"], unique=True)
    triggers.create_for(op.get_bind(), ("certificates",))
