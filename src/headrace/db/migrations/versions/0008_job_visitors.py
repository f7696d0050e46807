"""Add the visitors whose calls became jobs."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column. Jobs that wait already count as the owner's own."""
    op.add_column("job", sa.Column("visitor", sa.String(64), nullable=False, server_default=""))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("job", "visitor")
