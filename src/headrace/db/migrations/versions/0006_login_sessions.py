"""Add login sessions, and record how code was approved."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns and the table. Earlier approvals were given by saving a flow and remain."""
    op.add_column("user", sa.Column("token_epoch", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("approval", sa.Column("method", sa.String(length=16), nullable=False, server_default="saved"))
    op.create_table(
        "login_session",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("rotated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("password_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_login_session_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_session")),
    )
    op.create_index("ix_login_session_user_id_expires_at", "login_session", ["user_id", "expires_at"])


def downgrade() -> None:
    """Drop the table and the columns."""
    op.drop_table("login_session")
    op.drop_column("approval", "method")
    op.drop_column("user", "token_epoch")
