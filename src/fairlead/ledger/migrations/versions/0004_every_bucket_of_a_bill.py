"""Every bucket of a bill: caches that last, audio, pictures, searches of the provider's own, requests."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

RATES = (
    "cache_write_1h",
    "input_audio",
    "cache_read_audio",
    "output_audio",
    "input_image",
    "output_image",
    "web_search",
    "file_search",
    "request",
)
COUNTS = (
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "input_audio_tokens",
    "cache_read_audio_tokens",
    "output_audio_tokens",
    "input_image_tokens",
    "output_image_tokens",
    "web_searches",
    "file_searches",
    "requests",
)


def upgrade() -> None:
    for name in RATES:
        op.add_column("prices", sa.Column(name, sa.Text(), nullable=True))
    for name in COUNTS:
        op.add_column("attempts", sa.Column(name, sa.BigInteger(), nullable=True))
