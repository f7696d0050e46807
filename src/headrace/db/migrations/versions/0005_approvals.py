"""Add approvals of custom code."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of approvals, without rows."""
    op.create_table(
        "approval",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_approval_user_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_approval")),
    )
    op.create_index("ix_approval_user_id", "approval", ["user_id"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("approval")
