"""The kind of each task, so that a statement can say which model fits which."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("requests", sa.Column("kind", sa.String(), nullable=True))
