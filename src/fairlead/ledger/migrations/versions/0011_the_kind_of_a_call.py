"""The kind of a call: one beside a slow one, or one that goes on with a broken answer."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("attempts", sa.Column("kind", sa.String(), nullable=True))
