"""Add builds, whose events any process can serve."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of builds and their lines."""
    op.create_table(
        "build",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("flow_id", sa.Uuid(), nullable=False),
        sa.Column("watcher", sa.String(length=255), nullable=False),
        sa.Column("polled", sa.Integer(), nullable=False),
        sa.Column("cancelled", sa.Boolean(), nullable=False),
        sa.Column("ended", sa.Boolean(), nullable=False),
        sa.Column("alive_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_build_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_build")),
    )
    op.create_index("ix_build_user_id", "build", ["user_id"])
    op.create_index("ix_build_alive_at", "build", ["alive_at"])
    op.create_table(
        "build_line",
        sa.Column("build_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("until", sa.Integer(), nullable=False),
        sa.Column("lines", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["build_id"], ["build.id"], name=op.f("fk_build_line_build_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("build_id", "position", name=op.f("pk_build_line")),
    )


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("build_line")
    op.drop_table("build")
