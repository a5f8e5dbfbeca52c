"""What connecting a store by itself needs: webhooks, installed apps, sites that SparkLayer announced."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add what is new."""
    op.create_table(
        "hints",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("stamp", sa.Text(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "resource", "number", name=op.f("pk_hints")),
    )
    op.create_index("ix_hints_received", "hints", ["connection", "received_at"])
    op.create_table(
        "hint_arrivals",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("arrived_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "resource", name=op.f("pk_hint_arrivals")),
    )
    op.create_table(
        "webhook_access",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("former", sa.Text(), nullable=True),
        sa.Column("checked_at", sa.BigInteger(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("connection", name=op.f("pk_webhook_access")),
    )
