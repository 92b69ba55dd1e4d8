"""What a host was not told: hints of a request that its dialect cannot say."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("settlements", sa.Column("dropped", sa.Text(), nullable=True))
