"""What a replay needs: the chance of every candidate, the draw of a mix, the form of the answer."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("requests", sa.Column("chances", sa.Text(), nullable=True))
    op.add_column("requests", sa.Column("mix_draw", sa.Float(), nullable=True))
    op.add_column("requests", sa.Column("answer_form", sa.String(), nullable=True))
