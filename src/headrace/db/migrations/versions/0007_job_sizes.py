"""Add the sizes of the requests of jobs."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column. Jobs that wait already count as empty."""
    op.add_column("job", sa.Column("request_bytes", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("job", "request_bytes")
