"""Add blobs to files, the environment flag to variables, an index on message times, and registrations."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables. No earlier version stored files, so their table is created again."""
    op.drop_table("file")
    op.create_table(
        "file",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("flow_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.String(length=1024), nullable=False),
        sa.Column("path", sa.String(length=1024), nullable=False),
        sa.Column("blob", sa.Uuid(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("provider", sa.String(length=32), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["flow_id"], ["flow.id"], name=op.f("fk_file_flow_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_file_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_file")),
        sa.UniqueConstraint("user_id", "path", name=op.f("uq_file_user_id_path")),
    )
    op.create_index("ix_file_user_id", "file", ["user_id"])
    op.create_index("ix_file_flow_id", "file", ["flow_id"])
    op.create_index("ix_message_user_id_timestamp", "message", ["user_id", "timestamp"])
    op.create_index("ix_message_flow_id_session_id", "message", ["flow_id", "session_id"])
    op.drop_index("ix_message_user_id", "message")
    op.create_table(
        "registration",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registration")),
    )
    with op.batch_alter_table("variable") as table:
        table.add_column(sa.Column("from_environment", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("variable") as table:
        table.alter_column("from_environment", server_default=None)


def downgrade() -> None:
    """Revert the tables. The rows of files are lost; their bytes stay in the storage."""
    with op.batch_alter_table("variable") as table:
        table.drop_column("from_environment")
    op.drop_table("registration")
    op.create_index("ix_message_user_id", "message", ["user_id"])
    op.drop_index("ix_message_flow_id_session_id", "message")
    op.drop_index("ix_message_user_id_timestamp", "message")
    op.drop_table("file")
    op.create_table(
        "file",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=1024), nullable=False),
        sa.Column("path", sa.String(length=1024), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("provider", sa.String(length=32), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_file_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_file")),
        sa.UniqueConstraint("user_id", "name", name=op.f("uq_file_user_id_name")),
    )
    op.create_index("ix_file_user_id", "file", ["user_id"])
