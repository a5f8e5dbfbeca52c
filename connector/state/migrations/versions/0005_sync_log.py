"""What the merchant is told: what cannot be mapped, when each kind was written last; refused rows are found."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add what is new."""
    op.create_table(
        "unmapped",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "source", "entity", "key", "part", "code", name=op.f("pk_unmapped")),
    )
    op.create_table(
        "last_writes",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "side", "entity", name=op.f("pk_last_writes")),
    )
    op.add_column("sync_problems", sa.Column("note", sa.Boolean(), nullable=False, server_default="0"))
    rejected = sa.text("state = 'rejected'")
    op.create_index("ix_inbox_rejected", "inbox", ["connection"], sqlite_where=rejected, postgresql_where=rejected)
