"""Probes are found by their time, however many requests were made since."""

from alembic import op
from sqlalchemy import text

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    probes = text("purpose = 'probe'")
    op.create_index("requests_probes", "requests", ["at"], sqlite_where=probes, postgresql_where=probes)
