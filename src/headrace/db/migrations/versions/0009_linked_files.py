"""Add the files on disk that flows are linked to."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "linked_file",
        sa.Column("flow_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("path", sa.String(length=1024), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("changed_ns", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["flow_id"], ["flow.id"], name=op.f("fk_linked_file_flow_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_linked_file_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("flow_id", name=op.f("pk_linked_file")),
        sa.UniqueConstraint("user_id", "path", name=op.f("uq_linked_file_user_id_path")),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("linked_file")
