"""Add jobs, and compute the webhook flag of each flow."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of jobs, and set the webhook flag of flows with a Webhook component."""
    op.create_table(
        "job",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("flow_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("request", sa.JSON(), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("worker", sa.Uuid(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["flow_id"], ["flow.id"], name=op.f("fk_job_flow_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_job_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
        sa.UniqueConstraint("flow_id", "key", name=op.f("uq_job_flow_id_key")),
    )
    op.create_index("ix_job_status_lease_until", "job", ["status", "lease_until"])
    op.create_index("ix_job_user_id_created_at", "job", ["user_id", "created_at"])
    op.create_index("ix_job_ended_at", "job", ["ended_at"])
    flow = sa.table("flow", sa.column("data", sa.Text()), sa.column("webhook", sa.Boolean()))
    # Graphs are stored as compact JSON.
    holds = sa.cast(flow.c.data, sa.Text()).like('%"type":"Webhook"%')
    op.execute(flow.update().values(webhook=sa.and_(flow.c.data.is_not(None), holds)))


def downgrade() -> None:
    """Drop the table of jobs."""
    op.drop_table("job")
