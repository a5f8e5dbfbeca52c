"""What became of rows that were to be applied, written together with everything that follows from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from connector.pieces import pieces
from connector.ports import Doubt
from connector.state import claims as claims_table
from connector.state import links as links_table
from connector.state import problems as problems_table
from connector.state.among import among
from connector.state.claims import THERE, Claiming, chunks
from connector.state.columns import Moment
from connector.state.inbox_rows import Row
from connector.state.problems import Skipped
from connector.state.reopening import LOOK_AGAIN, displace, follow, release, reopen
from connector.state.tables import LATER, READY, inbox, sku_claims

_SKU = "sku:"


@dataclass(frozen=True, slots=True)
class SetApplied:
    """The platform has it.

    `claims` are all SKUs of this key from now on (none = as they are), `skips` what was left out, `reopen` keys of
    the same kind to apply again, `wake_at` the moment at which the same event will mean something else.
    """

    row: Row
    hash: str
    refs: Mapping[str, str] = field(default_factory=dict)
    ledger: Mapping[str, Any] = field(default_factory=dict)
    wake_at: datetime | None = None
    problem_code: str | None = None
    claims: Sequence[Claiming] | None = None
    skips: Sequence[Skipped] = ()
    reopen: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class SetRejected:
    """The platform does not take it; its dead letter is acknowledged already.

    `uncertain` as in `SetRetry`, `wake_at` as in `SetApplied`.
    """

    row: Row
    status: int | None
    code: str | None
    message: str
    claims: Sequence[Claiming] | None = None
    uncertain: bool = False
    wake_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SetWaiting:
    """Something must be there first: `sku:<sku>` or `<entity>:<key>`. Due again at `recheck_at` at the latest."""

    row: Row
    for_: str
    recheck_at: datetime
    message: str


@dataclass(frozen=True, slots=True)
class SetRetry:
    """It did not work this time. `uncertain`: it may have been applied, so the last applied hash proves nothing."""

    row: Row
    due_at: datetime
    count_attempt: bool
    message: str
    status: int | None = None
    code: str | None = None
    uncertain: bool = False


@dataclass(frozen=True, slots=True)
class SetSeen:
    """What the platform has of it was read, because nobody knew: decided when everything else was looked at as well.

    So the row goes to the end of its queue. `ledger` and `claims` are what was found.
    """

    row: Row
    ledger: Mapping[str, Any]
    claims: Sequence[Claiming] | None = None


@dataclass(frozen=True, slots=True)
class SetDisplaced:
    """Besides: a part of another key of the same kind was made to leave a SKU; that key is applied again in full."""

    row: Row
    sku: str
    key: str
    part: str


OfRow = SetApplied | SetRejected | SetWaiting | SetRetry | SetSeen
Settlement = OfRow | SetDisplaced


def _where(row: str = "b_") -> list[sa.ColumnElement[bool]]:
    return [inbox.c[name] == sa.bindparam(f"{row}{name}") for name in ("connection", "side", "entity", "key")]


_UNTOUCHED = inbox.c.revision == sa.bindparam("b_revision", type_=sa.BigInteger)


def _unless_newer(column: str, value: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return sa.case((_UNTOUCHED, value), else_=inbox.c[column])


def _unless_settled(
    column: str, value: sa.ColumnElement[Any], again: sa.ColumnElement[Any], *, wrote: sa.ColumnElement[bool]
) -> sa.ColumnElement[Any]:
    """`value`; what is there where something newer came; `again` where another applier has even applied that.

    Of two that wrote the same key nobody knows who was last, so the newest state is applied once more.
    """
    settled = sa.and_(inbox.c.state == sa.literal_column("'applied'"), wrote)
    return sa.case((_UNTOUCHED, value), (settled, again), else_=inbox.c[column])


def _given(column: str) -> sa.BindParameter[Any]:
    return sa.bindparam(f"b_{column}", type_=inbox.c[column].type)


_NOTHING = sa.null()
_PENDING = sa.literal("pending", sa.Text)
_IN_QUEUE = sa.literal(READY, sa.SmallInteger)
_MAY_HAVE = sa.bindparam("b_uncertain", type_=sa.Integer) == 1
_FAILED_AT = sa.bindparam("b_failed_at", type_=Moment)
# `Inbox.begin` marked it, and nothing reached the platform: what is on record of it is as sure as before.
_STILL_SURE = {
    "doubt": sa.case(
        (sa.and_(_UNTOUCHED, sa.bindparam("b_certain", type_=sa.Integer) == 1), int(Doubt.NONE)),
        else_=LOOK_AGAIN["doubt"],
    )
}
_RECORDED = ("applied_hash", "applied_event_id", "applied_version", "applied_at", "applied_refs", "ledger")
_APPLIED = (
    sa.update(inbox)
    .where(*_where())
    .values(
        {name: _given(name) for name in (*_RECORDED, "problem_code")}
        | {
            "state": _unless_settled("state", sa.literal("applied", sa.Text), _PENDING, wrote=sa.true()),
            "queue": _unless_settled("queue", _given("queue"), _IN_QUEUE, wrote=sa.true()),
            "due_at": _unless_settled("due_at", _given("due_at"), _given("applied_at"), wrote=sa.true()),
            "received_at": _unless_settled("received_at", inbox.c.received_at, _given("applied_at"), wrote=sa.true()),
            "attempts": _unless_newer("attempts", sa.literal(0, sa.Integer)),
            "doubt": int(Doubt.NONE),
        }
        | {
            name: _unless_newer(name, sa.cast(_NOTHING, inbox.c[name].type))
            for name in ("waiting_for", "waiting_since", "error_status", "error_code", "error_message")
        }
    )
)
_SEEN = (
    sa.update(inbox)
    .where(*_where())
    .values(ledger=_given("ledger"), received_at=_given("received_at"), doubt=int(Doubt.SEEN), attempts=0)
)
_ERROR = {name: _given(name) for name in ("error_status", "error_code", "error_message")}
_REJECTED = (
    sa.update(inbox)
    .where(*_where(), _UNTOUCHED)
    .values(
        state="rejected",
        queue=_given("queue"),
        due_at=_given("due_at"),
        waiting_for=None,
        waiting_since=None,
        applied_hash=sa.case((sa.not_(_MAY_HAVE), inbox.c.applied_hash)),
        **_ERROR,
        **_STILL_SURE,
    )
)
_WAITING = (
    sa.update(inbox)
    .where(*_where(), _UNTOUCHED)
    .values(
        state="waiting",
        queue=LATER,
        due_at=_given("due_at"),
        waiting_for=_given("waiting_for"),
        waiting_since=sa.func.coalesce(inbox.c.waiting_since, _given("waiting_since")),
        **_ERROR,
        **_STILL_SURE,
    )
)
_RETRY = (
    sa.update(inbox)
    .where(*_where())
    .values(
        # Whatever came meanwhile: what is there now is not what was applied last, or found there.
        {"applied_hash": sa.case((sa.not_(_MAY_HAVE), inbox.c.applied_hash))}
        | _STILL_SURE
        | {
            "state": _unless_settled("state", sa.literal("retrying", sa.Text), _PENDING, wrote=_MAY_HAVE),
            "queue": _unless_settled("queue", sa.literal(LATER, sa.SmallInteger), _IN_QUEUE, wrote=_MAY_HAVE),
            "due_at": _unless_settled("due_at", _given("due_at"), _FAILED_AT, wrote=_MAY_HAVE),
            "received_at": _unless_settled("received_at", inbox.c.received_at, _FAILED_AT, wrote=_MAY_HAVE),
            "attempts": _unless_newer("attempts", inbox.c.attempts + sa.bindparam("b_counted", type_=sa.Integer)),
            "waiting_for": _unless_newer("waiting_for", sa.cast(_NOTHING, sa.Text)),
        }
        | {name: _unless_newer(name, value) for name, value in _ERROR.items()}
    )
)


async def settle(transaction: AsyncConnection, settlements: Sequence[Settlement], now: datetime) -> None:
    """Write settlements of any connections and sides.

    Settlements of one side are written one transaction at a time, so a row that begins to wait and the entity that
    it waits for cannot miss each other.
    """
    ordered = sorted(settlements, key=lambda settlement: settlement.row.identity)
    for (connection, side), group in groupby(ordered, key=lambda settlement: settlement.row.identity[:2]):
        await lock(transaction, connection, side)
        await _settle_side(transaction, connection, side, list(group), now)


async def lock(transaction: AsyncConnection, connection: str, side: str) -> None:
    """One transaction at a time for this side; SQLite has only one writer anyway."""
    if transaction.dialect.name == "postgresql":
        await transaction.execute(
            sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(f"{connection}\x1f{side}", 0)))
        )


async def _settle_side(
    transaction: AsyncConnection, connection: str, side: str, settlements: Sequence[Settlement], now: datetime
) -> None:
    statements = (
        (SetSeen, _SEEN),
        (SetApplied, _APPLIED),
        (SetRejected, _REJECTED),
        (SetWaiting, _WAITING),
        (SetRetry, _RETRY),
    )
    for kind, statement in statements:
        of_kind = [settlement for settlement in settlements if isinstance(settlement, kind)]
        for piece in pieces(of_kind):
            await transaction.execute(statement, [_parameters(settlement, now) for settlement in piece])
    claims: dict[str, Sequence[Claiming]] = {
        done.row.key: done.claims
        for done in settlements
        if isinstance(done, (SetSeen, SetApplied, SetRejected)) and done.claims is not None
    }
    if claims:
        moved = await claims_table.replace(transaction, connection, side, claims, now)
        await follow(transaction, connection, side, moved.taken, now)
        await follow(transaction, connection, side, moved.left, now, deletions=False)
        # Also where only a look showed that it was let go: the write itself may have gone without an answer.
        heirs = await claims_table.heirs(transaction, connection, side, moved.freed)
        await reopen(transaction, connection, side, "product", heirs, now=now)
    for each in settlements:
        if isinstance(each, SetDisplaced):
            of = (connection, side, each.row.entity, each.key)
            await displace(transaction, of, sku=each.sku, part=each.part, now=now)
    applied = [settlement for settlement in settlements if isinstance(settlement, SetApplied)]
    await links_table.add(
        transaction,
        [
            link
            for done in applied
            for link in links_table.named_by(connection, done.row.entity, done.row.key, done.refs)
        ],
    )
    skips = {(done.row.entity, done.row.key): done.skips for done in applied}
    await problems_table.replace(transaction, connection, side, skips, now)
    for done in applied:
        if done.reopen:
            await reopen(transaction, connection, side, done.row.entity, done.reopen, now=now)
    present = {f"{done.row.entity}:{done.row.key}" for done in applied}
    there = [settlement for settlement in settlements if isinstance(settlement, SetApplied | SetSeen)]
    present |= {_SKU + claim.sku for done in there for claim in done.claims or () if claim.state in THERE}
    if waits := [settlement for settlement in settlements if isinstance(settlement, SetWaiting)]:
        present |= await _came_meanwhile(transaction, connection, side, waits)
    if present:
        await release(transaction, connection, side, present, now)


async def _came_meanwhile(
    transaction: AsyncConnection, connection: str, side: str, waits: Sequence[SetWaiting]
) -> set[str]:
    """What rows are about to wait for although it was applied after they had been read."""
    since = min(wait.row.read_at for wait in waits)
    names = sorted({wait.for_ for wait in waits})
    found: set[str] = set()
    for chunk in chunks([name.removeprefix(_SKU) for name in names if name.startswith(_SKU)]):
        rows = await transaction.execute(
            sa.select(sku_claims.c.sku).where(
                sku_claims.c.connection == connection,
                sku_claims.c.side == side,
                among(sku_claims.c.sku, chunk),
                sku_claims.c.state.in_(THERE),
                sku_claims.c.since >= since,
            )
        )
        found |= {_SKU + row.sku for row in rows}
    for entity, group in groupby(names, key=lambda name: name.partition(":")[0]):
        for chunk in chunks([name.partition(":")[2] for name in group]):
            rows = await transaction.execute(
                sa.select(inbox.c.key).where(
                    inbox.c.connection == connection,
                    inbox.c.side == side,
                    inbox.c.entity == entity,
                    among(inbox.c.key, chunk),
                    inbox.c.applied_at >= since,
                )
            )
            found |= {f"{entity}:{row.key}" for row in rows}
    return found


def _parameters(settlement: OfRow, now: datetime) -> dict[str, Any]:
    row = settlement.row
    values: dict[str, Any] = {
        "connection": row.connection,
        "side": row.side,
        "entity": row.entity,
        "key": row.key,
        "revision": row.revision,
    }
    match settlement:
        case SetApplied():
            values |= {
                "applied_hash": settlement.hash,
                "applied_event_id": row.event_id,
                "applied_version": row.version_time,
                "applied_at": now,
                "applied_refs": dict(settlement.refs),
                "ledger": dict(settlement.ledger),
                "problem_code": settlement.problem_code,
                **_woken_at(settlement.wake_at),
            }
        case SetSeen():
            values |= {"ledger": dict(settlement.ledger), "received_at": now}
        case SetRejected():
            values |= _error(settlement.status, settlement.code, settlement.message)
            values |= {"uncertain": int(settlement.uncertain), "certain": _certain(row, uncertain=settlement.uncertain)}
            values |= _woken_at(settlement.wake_at)
        case SetWaiting():
            values |= _error(None, None, settlement.message)
            values |= {"due_at": settlement.recheck_at, "waiting_for": settlement.for_, "waiting_since": now}
            values |= {"certain": _certain(row, uncertain=False)}
        case SetRetry():
            values |= _error(settlement.status, settlement.code, settlement.message)
            values |= {"due_at": settlement.due_at, "counted": int(settlement.count_attempt)}
            values |= {"uncertain": int(settlement.uncertain), "failed_at": now}
            values |= {"certain": _certain(row, uncertain=settlement.uncertain)}
    return {f"b_{name}": value for name, value in values.items()}


def _woken_at(moment: datetime | None) -> dict[str, Any]:
    return {"queue": 0 if moment is None else LATER, "due_at": moment}


def _certain(row: Row, *, uncertain: bool) -> int:
    """Whether the row was in no doubt before, and is in none because of this try."""
    return int(not uncertain and row.doubt is Doubt.NONE)


def _error(status: int | None, code: str | None, message: str) -> dict[str, Any]:
    return {"error_status": status, "error_code": code, "error_message": message[:2000]}
