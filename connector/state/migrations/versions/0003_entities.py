"""What orders need: marks of calls that must not be repeated blindly."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add what is new."""
    op.create_table(
        "intents",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "side", "entity", "key", "step", name=op.f("pk_intents")),
    )
    op.create_table(
        "links",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "entity", "name", "key", name=op.f("pk_links")),
    )
    op.create_index("ix_links_key", "links", ["connection", "entity", "key"])
    op.create_table(
        "side_states",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("sent", sa.Text()),
        sa.Column("sent_gone", sa.Boolean(), nullable=False),
        sa.Column("sent_time", sa.BigInteger()),
        sa.Column("sent_at", sa.BigInteger()),
        sa.Column("sent_done", sa.Boolean(), nullable=False),
        sa.Column("touched", sa.Boolean(), nullable=False),
        sa.Column("base", sa.BigInteger()),
        sa.Column("shown", sa.Text()),
        sa.Column("shown_event", sa.Text()),
        sa.Column("before", sa.Text()),
        sa.Column("news", sa.Text()),
        sa.Column("news_event", sa.Text()),
        sa.Column("news_time", sa.BigInteger()),
        sa.Column("news_base", sa.BigInteger()),
        sa.Column("news_fields", sa.Text()),
        sa.PrimaryKeyConstraint("connection", "side", "entity", "key", name=op.f("pk_side_states")),
    )
    op.create_table(
        "conflicts",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("loser_event", sa.Text(), nullable=False),
        sa.Column("loser_source", sa.Text(), nullable=False),
        sa.Column("loser_time", sa.BigInteger(), nullable=False),
        sa.Column("winner_event", sa.Text(), nullable=False),
        sa.Column("winner_source", sa.Text(), nullable=False),
        sa.Column("winner_time", sa.BigInteger(), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("found_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "entity", "key", "loser_event", name=op.f("pk_conflicts")),
    )
    op.create_index("ix_conflicts_found_at", "conflicts", ["connection", "found_at"])
    op.create_table(
        "sync_run_parts",
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("read_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("run", "side", name=op.f("pk_sync_run_parts")),
    )
    op.add_column("sync_runs", sa.Column("choice", sa.Text()))
