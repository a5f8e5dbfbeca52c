"""What the delivery engine keeps since the second version."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add what is new."""
    op.add_column("replays", sa.Column("superseded", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("replays", sa.Column("skipped", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("replays", sa.Column("ends", sa.Text(), nullable=True))
    op.add_column("replays", sa.Column("transform", sa.Text(), nullable=True))
    op.add_column("replays", sa.Column("runner", sa.Text(), nullable=True))
    op.add_column("replays", sa.Column("updated_at", sa.BigInteger(), nullable=True))
    op.add_column("inbox", sa.Column("doubt", sa.SmallInteger(), server_default="0", nullable=False))
    open_, retrying = sa.text("finished_at IS NULL"), sa.text("state = 'retrying'")
    op.create_index("ix_sync_runs_open", "sync_runs", ["connection"], sqlite_where=open_, postgresql_where=open_)
    op.create_index("ix_inbox_retrying", "inbox", ["connection"], sqlite_where=retrying, postgresql_where=retrying)
    op.add_column("side_pauses", sa.Column("kind", sa.Text(), server_default="by hand", nullable=False))
    op.add_column("side_pauses", sa.Column("probes", sa.Integer(), server_default="0", nullable=False))
    op.create_table(
        "intake_stops",
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("topic_partition", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("side", "topic", "topic_partition", name=op.f("pk_intake_stops")),
    )
