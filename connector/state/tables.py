"""Every table. The migrations build them; a test holds both together."""

import sqlalchemy as sa

from connector.state.columns import Json, Moment

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

SEALED = {"sealed": True}  # such a column holds what a vault has sealed: `paylayer secrets rotate` seals it anew
READY, LATER = 1, 2  # inbox.queue: may be applied now, becomes due at due_at; 0 is neither

connections = sa.Table(
    "connections",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("sparkpay_url", sa.Text, nullable=False),
    sa.Column("sparkpay_token", sa.Text, nullable=False, info=SEALED),
    sa.Column("sparklayer_url", sa.Text, nullable=False),
    sa.Column("site_id", sa.Text, nullable=False),
    sa.Column("site_env", sa.Text, nullable=False),
    sa.Column("client_id", sa.Text, nullable=False),
    sa.Column("client_secret", sa.Text, nullable=False, info=SEALED),
    sa.Column("settings", Json, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
)

side_pauses = sa.Table(
    "side_pauses",
    metadata,
    sa.Column("connection", sa.Text, primary_key=True),
    sa.Column("side", sa.Text, primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("since", Moment, nullable=False),
    sa.Column("probe_at", Moment),
    sa.Column("kind", sa.Text, nullable=False, server_default="by hand"),  # credentials, scope, breaker, by hand
    sa.Column("probes", sa.Integer, nullable=False, server_default="0"),  # that failed
)

inbox = sa.Table(
    "inbox",
    metadata,
    sa.Column("connection", sa.Text, primary_key=True),
    sa.Column("side", sa.Text, primary_key=True),
    sa.Column("entity", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),  # pending, waiting, retrying, applied, rejected
    sa.Column("lane", sa.Text, nullable=False),  # <connection>/<side>/<entity>: what is applied in one order
    sa.Column("queue", sa.SmallInteger, nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False),  # rises whenever there is something new to apply
    # the newest wanted state and the record that brought it
    sa.Column("version_time", Moment, nullable=False),
    sa.Column("event_id", sa.Text, nullable=False),
    sa.Column("deleted", sa.Boolean, nullable=False),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("topic_partition", sa.Integer, nullable=False),
    sa.Column("topic_offset", sa.BigInteger, nullable=False),
    sa.Column("record_key", sa.LargeBinary, nullable=False),
    sa.Column("value", sa.LargeBinary, nullable=False),
    sa.Column("headers", sa.Text, nullable=False),
    sa.Column("refs", Json, nullable=False),
    sa.Column("replay", sa.Text),
    # when and how it is to be applied
    sa.Column("priority", sa.SmallInteger, nullable=False),
    sa.Column("received_at", Moment, nullable=False),
    sa.Column("due_at", Moment),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("waiting_for", sa.Text),
    sa.Column("waiting_since", Moment),
    sa.Column("error_status", sa.Integer),
    sa.Column("error_code", sa.Text),
    sa.Column("error_message", sa.Text),
    # what was applied last
    sa.Column("applied_hash", sa.Text),
    sa.Column("applied_event_id", sa.Text),
    sa.Column("applied_version", Moment),
    sa.Column("applied_at", Moment),
    sa.Column("applied_refs", Json),
    sa.Column("ledger", Json),
    sa.Column("problem_code", sa.Text),
    sa.Column("doubt", sa.SmallInteger, nullable=False, server_default="0"),  # connector.ports.Doubt
)
_ready = sa.text(f"queue = {READY}")
_later = sa.text(f"queue = {LATER}")
# By lane, not by its three parts: with those a planner without statistics prefers the primary key and sorts everything.
sa.Index(
    "ix_inbox_ready",
    inbox.c.lane,
    inbox.c.priority,
    inbox.c.received_at,
    inbox.c.key,
    sqlite_where=_ready,
    postgresql_where=_ready,
)
sa.Index("ix_inbox_later", inbox.c.lane, inbox.c.due_at, sqlite_where=_later, postgresql_where=_later)
_waits = sa.text("waiting_for IS NOT NULL")
sa.Index(
    "ix_inbox_waiting_for",
    inbox.c.connection, inbox.c.side, inbox.c.waiting_for,
    sqlite_where=_waits, postgresql_where=_waits,
)  # fmt: skip
_retrying = sa.text("state = 'retrying'")
sa.Index("ix_inbox_retrying", inbox.c.connection, sqlite_where=_retrying, postgresql_where=_retrying)
_rejected = sa.text("state = 'rejected'")
sa.Index("ix_inbox_rejected", inbox.c.connection, sqlite_where=_rejected, postgresql_where=_rejected)

sku_claims = sa.Table(
    "sku_claims",
    metadata,
    sa.Column("connection", sa.Text, primary_key=True),
    sa.Column("side", sa.Text, primary_key=True),  # a platform, or `source:<name>` for what a source showed
    sa.Column("sku", sa.Text, primary_key=True),
    sa.Column("product", sa.Text, primary_key=True),
    sa.Column("part", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("since", Moment, nullable=False),
)
sa.Index("ix_sku_claims_product", sku_claims.c.connection, sku_claims.c.side, sku_claims.c.product)

observations = sa.Table(
    "observations",
    metadata,
    sa.Column("connection", sa.Text, primary_key=True),
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("entity", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("hash", sa.Text, nullable=False),
    sa.Column("event_id", sa.Text, nullable=False),
    sa.Column("time", Moment, nullable=False),
    sa.Column("number", sa.BigInteger),
    sa.Column("skus", Json, nullable=False),
    sa.Column("deleted", sa.Boolean, nullable=False),
    sa.Column("observed_at", Moment, nullable=False),
)
sa.Index(
    "ix_observations_number",
    observations.c.connection, observations.c.source, observations.c.entity, observations.c.number,
)  # fmt: skip

cursors = sa.Table(
    "cursors",
    metadata,
    sa.Column("connection", sa.Text, primary_key=True),
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("position", Json, nullable=False),
    sa.Column("saved_at", Moment, nullable=False),
)

sync_runs = sa.Table(
    "sync_runs",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("connection", sa.Text, nullable=False),
    sa.Column("entities", Json, nullable=False),
    sa.Column("full_walk", sa.Boolean, nullable=False),
    sa.Column("requested_by", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),  # requested, reading, applying, done, failed
    sa.Column("requested_at", Moment, nullable=False),
    sa.Column("started_at", Moment),
    sa.Column("read_at", Moment),
    sa.Column("finished_at", Moment),
    sa.Column("published_until", Json),
    sa.Column("read", sa.BigInteger, nullable=False),
    sa.Column("published", sa.BigInteger, nullable=False),
    sa.Column("skipped", sa.BigInteger, nullable=False),
    sa.Column("applied", sa.BigInteger, nullable=False),
    sa.Column("unchanged", sa.BigInteger, nullable=False),
    sa.Column("rejected", sa.BigInteger, nullable=False),
    sa.Column("calls_sparkpay", sa.BigInteger, nullable=False),
    sa.Column("calls_sparklayer", sa.BigInteger, nullable=False),
    sa.Column("message", sa.Text),
    sa.Column("choice", Json),  # part of the store, as somebody chose it; none = all
)
sa.Index("ix_sync_runs_connection", sync_runs.c.connection, sync_runs.c.state, sync_runs.c.requested_at)
_open = sa.text("finished_at IS NULL")
sa.Index("ix_sync_runs_open", sync_runs.c.connection, sqlite_where=_open, postgresql_where=_open)

sync_run_parts = sa.Table(
    "sync_run_parts",
    metadata,
    sa.Column("run", sa.Text, primary_key=True),
    sa.Column("side", sa.Text, primary_key=True),  # whose platform was read for it
    sa.Column("connection", sa.Text, nullable=False),
    sa.Column("read_at", Moment, nullable=False),
)

sync_problems = sa.Table(
    "sync_problems",
    metadata,
    sa.Column("connection", sa.Text, primary_key=True),
    sa.Column("side", sa.Text, primary_key=True),
    sa.Column("entity", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("part", sa.Text, primary_key=True),  # empty: the whole entity
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("since", Moment, nullable=False),
    sa.Column("note", sa.Boolean, nullable=False, server_default="0"),  # nothing was left out
)

unmapped = sa.Table(
    "unmapped",
    metadata,
    sa.Column("connection", sa.Text, primary_key=True),
    sa.Column("source", sa.Text, primary_key=True),  # the platform that shows it
    sa.Column("entity", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("part", sa.Text, primary_key=True),  # empty: the whole entity
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("since", Moment, nullable=False),
    sa.Column("seen_at", Moment, nullable=False),
)

last_writes = sa.Table(
    "last_writes",
    metadata,
    sa.Column("connection", sa.Text, primary_key=True),
    sa.Column("side", sa.Text, primary_key=True),
    sa.Column("entity", sa.Text, primary_key=True),
    sa.Column("at", Moment, nullable=False),
)

letters = sa.Table(
    "letters",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # <dlt topic>:<partition>:<offset>
    sa.Column("state", sa.Text, nullable=False),  # new, replayed, discarded, superseded
    sa.Column("replay_id", sa.Text),
    sa.Column("decided_at", Moment),
    sa.Column("decided_by", sa.Text),
    sa.Column("edited_value", sa.LargeBinary),
    sa.Column("edited_headers", sa.Text),
    sa.Column("edits", sa.Integer, nullable=False, server_default="0"),  # how often it was mended
    sa.Column("note", sa.Text),
)

replays = sa.Table(
    "replays",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("started_at", Moment, nullable=False),
    sa.Column("finished_at", Moment),
    sa.Column("started_by", sa.Text, nullable=False),
    sa.Column("selection", Json, nullable=False),
    sa.Column("dry_run", sa.Boolean, nullable=False),
    sa.Column("selected", sa.BigInteger, nullable=False),
    sa.Column("sent", sa.BigInteger, nullable=False),
    sa.Column("outcome", sa.Text),
    sa.Column("superseded", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("skipped", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("ends", Json),  # {topic: {partition: offset}}: what arrived later is not part of it
    sa.Column("transform", sa.Text),  # SHA-256 of the file
    sa.Column("runner", sa.Text),  # who works on it: a later one takes it over
    sa.Column("updated_at", Moment),
)

workers = sa.Table(
    "workers",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("roles", Json, nullable=False),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("started_at", Moment, nullable=False),
    sa.Column("beat_at", Moment, nullable=False),
)

leases = sa.Table(
    "leases",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("worker", sa.Text, nullable=False),
    sa.Column("since", Moment, nullable=False),
)

intents = sa.Table(
    "intents",
    metadata,
    sa.Column("connection", sa.Text, primary_key=True),
    sa.Column("side", sa.Text, primary_key=True),
    sa.Column("entity", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("step", sa.Text, primary_key=True),
    sa.Column("made_at", Moment, nullable=False),
)

budgets = sa.Table(
    "budgets",
    metadata,
    sa.Column("store", sa.Text, primary_key=True),
    sa.Column("state", Json),
)

tokens = sa.Table(
    "tokens",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("token", sa.Text, nullable=False, info=SEALED),
    sa.Column("expires_at", Moment, nullable=False),
)

platform_calls = sa.Table(
    "platform_calls",
    metadata,
    sa.Column("connection", sa.Text, primary_key=True),
    sa.Column("side", sa.Text, primary_key=True),
    sa.Column("calls", sa.BigInteger, nullable=False),
)


intake_stops = sa.Table(
    "intake_stops",
    metadata,
    sa.Column("side", sa.Text, primary_key=True),
    sa.Column("topic", sa.Text, primary_key=True),
    sa.Column("topic_partition", sa.Integer, primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("since", Moment, nullable=False),
)

links = sa.Table(
    "links",
    metadata,
    sa.Column("connection", sa.Text, primary_key=True),
    sa.Column("entity", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),  # <system>:<id>, or <natural key>:<value>
    sa.Column("key", sa.Text, primary_key=True),  # under which PayLayer knows it
)
sa.Index("ix_links_key", links.c.connection, links.c.entity, links.c.key)

side_states = sa.Table(
    "side_states",
    metadata,
    sa.Column("connection", sa.Text, primary_key=True),
    sa.Column("side", sa.Text, primary_key=True),
    sa.Column("entity", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("sent", Json),  # digests by field of what was sent and not seen there yet, the newest last
    sa.Column("sent_gone", sa.Boolean, nullable=False),
    sa.Column("sent_time", Moment),  # version of what was sent last
    sa.Column("sent_at", Moment),
    sa.Column("sent_done", sa.Boolean, nullable=False),  # the side has answered
    sa.Column("touched", sa.Boolean, nullable=False),  # changed there by others since
    sa.Column("base", Moment),  # version of what was sent and is there
    sa.Column("shown", Json),  # digests by field of what the side showed last
    sa.Column("shown_event", sa.Text),
    sa.Column("before", Json),  # what it showed before that
    sa.Column("news", Json),  # what somebody changed there last
    sa.Column("news_event", sa.Text),
    sa.Column("news_time", Moment),
    sa.Column("news_base", Moment),  # version of what had been sent there before
    sa.Column("news_fields", Json),  # that differ from what was there before
)

conflicts = sa.Table(
    "conflicts",
    metadata,
    sa.Column("connection", sa.Text, primary_key=True),
    sa.Column("entity", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("loser_event", sa.Text, primary_key=True),
    sa.Column("loser_source", sa.Text, nullable=False),
    sa.Column("loser_time", Moment, nullable=False),
    sa.Column("winner_event", sa.Text, nullable=False),
    sa.Column("winner_source", sa.Text, nullable=False),
    sa.Column("winner_time", Moment, nullable=False),
    sa.Column("fields", Json, nullable=False),
    sa.Column("found_at", Moment, nullable=False),
)
sa.Index("ix_conflicts_found_at", conflicts.c.connection, conflicts.c.found_at)


hints = sa.Table(
    "hints",
    metadata,
    sa.Column("connection", sa.Text, primary_key=True),
    sa.Column("resource", sa.Text, primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True),
    sa.Column("stamp", sa.Text, nullable=False),  # another with each renewal
    sa.Column("received_at", Moment, nullable=False),  # of the first
)
sa.Index("ix_hints_received", hints.c.connection, hints.c.received_at)

hint_arrivals = sa.Table(
    "hint_arrivals",
    metadata,
    sa.Column("connection", sa.Text, primary_key=True),
    sa.Column("resource", sa.Text, primary_key=True),
    sa.Column("arrived_at", Moment, nullable=False),
)

webhook_access = sa.Table(
    "webhook_access",
    metadata,
    sa.Column("connection", sa.Text, primary_key=True),
    sa.Column("secret", sa.Text, nullable=False, info=SEALED),
    sa.Column("former", sa.Text, info=SEALED),  # still taken while the store may use it
    sa.Column("checked_at", Moment),
    sa.Column("problem", sa.Text),
)


oauth_grants = sa.Table(
    "oauth_grants",
    metadata,
    sa.Column("connection", sa.Text, primary_key=True),
    sa.Column("app_id", sa.Text, nullable=False),
    sa.Column("app_secret", sa.Text, nullable=False, info=SEALED),
    sa.Column("refresh_token", sa.Text, nullable=False, info=SEALED),
    sa.Column("token_digest", sa.Text, nullable=False),  # of the access token that the connection got with it
    sa.Column("granted_at", Moment, nullable=False),
    sa.Column("expires_at", Moment, nullable=False),
    sa.Column("claimed_until", Moment),  # somebody refreshes it now
    sa.Column("problem", sa.Text),
)

oauth_handshakes = sa.Table(
    "oauth_handshakes",
    metadata,
    sa.Column("digest", sa.Text, primary_key=True),  # of the state that the browser keeps
    sa.Column("site_env", sa.Text, nullable=False),
    sa.Column("site_id", sa.Text, nullable=False),
    sa.Column("store_url", sa.Text, nullable=False),
    sa.Column("app_id", sa.Text, nullable=False),
    sa.Column("app_secret", sa.Text, nullable=False, info=SEALED),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("expires_at", Moment, nullable=False),
)

ignite_sites = sa.Table(
    "ignite_sites",
    metadata,
    sa.Column("site_env", sa.Text, primary_key=True),
    sa.Column("site_id", sa.Text, primary_key=True),
    sa.Column("connection", sa.Text, nullable=False),  # that it has, or will have
    sa.Column("store_id", sa.Text),
    sa.Column("client_id", sa.Text, nullable=False),
    sa.Column("client_secret", sa.Text, nullable=False, info=SEALED),
    sa.Column("state", sa.Text, nullable=False),  # pending, active, removing
    sa.Column("link", sa.Text, info=SEALED),  # the state of the install link
    sa.Column("link_digest", sa.Text),
    sa.Column("link_until", Moment),
    sa.Column("updated_at", Moment, nullable=False),
)
sa.Index("ix_ignite_sites_connection", ignite_sites.c.connection)
sa.Index("ix_ignite_sites_link", ignite_sites.c.link_digest)

installed_stores = sa.Table(
    "installed_stores",
    metadata,
    sa.Column("site_env", sa.Text, primary_key=True),
    sa.Column("site_id", sa.Text, primary_key=True),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("token", sa.Text, nullable=False, info=SEALED),
    sa.Column("grant", sa.Text, info=SEALED),  # JSON of the refresh token and its app; none: a token without end
    sa.Column("installed_at", Moment, nullable=False),
)

turns = sa.Table(
    "turns",
    metadata,
    sa.Column("connection", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),  # of what must not be done twice at once
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("until", Moment, nullable=False),
    sa.Column("result", sa.Text),  # of what must not be done again at all
)


def lane(connection: str, side: str, entity: str) -> str:
    """The value of `inbox.lane`."""
    return f"{connection}/{side}/{entity}"


def lane_parts(value: str) -> tuple[str, str, str] | None:
    """Connection, side and entity of a value of `inbox.lane`; none where it is not one."""
    parts = value.rsplit("/", 2)
    return (parts[0], parts[1], parts[2]) if len(parts) == 3 else None  # noqa: PLR2004
