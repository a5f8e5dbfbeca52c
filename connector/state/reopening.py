"""Rows that have to be looked at again because of what became of another one."""

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from connector.ports import Doubt, Priority
from connector.state.among import among
from connector.state.claims import THERE, chunks
from connector.state.inbox_rows import OPEN
from connector.state.tables import READY, inbox, sku_claims

KEYED_BY_SKU = ("price", "stock")

# What was found there is good for one decision: until the next one, somebody may have written.
LOOK_AGAIN = {"doubt": sa.case((inbox.c.doubt == int(Doubt.SEEN), int(Doubt.UNSEEN)), else_=inbox.c.doubt)}


async def release(transaction: AsyncConnection, connection: str, side: str, names: Iterable[str], now: datetime) -> int:
    """Rows that wait for any of these become due now. Returns how many."""
    released = 0
    for chunk in chunks(sorted(set(names))):
        done = await transaction.execute(
            sa.update(inbox)
            .where(inbox.c.connection == connection, inbox.c.side == side, among(inbox.c.waiting_for, chunk))
            .values(queue=READY, due_at=now, waiting_for=None)
        )
        released += done.rowcount
    return released


async def reopen(
    transaction: AsyncConnection, connection: str, side: str, entity: str, keys: Iterable[str], *, now: datetime
) -> int:
    """Applied and rejected rows become pending again; open ones that are being applied are applied once more."""
    opened = 0
    for chunk in chunks(sorted(set(keys))):
        whose = (
            inbox.c.connection == connection,
            inbox.c.side == side,
            inbox.c.entity == entity,
            among(inbox.c.key, chunk),
        )
        await transaction.execute(
            sa.update(inbox).where(*whose, inbox.c.state.in_(OPEN)).values(revision=inbox.c.revision + 1)
        )
        done = await transaction.execute(
            sa.update(inbox)
            .where(*whose, inbox.c.state.not_in(OPEN))
            .values(
                state="pending",
                queue=READY,
                revision=inbox.c.revision + 1,
                received_at=now,
                due_at=now,
                attempts=0,
                error_status=None,
                error_code=None,
                error_message=None,
            )
        )
        opened += done.rowcount
    return opened


async def reapply(
    transaction: AsyncConnection,
    connection: str,
    side: str,
    entities: Iterable[str],
    *,
    codes: Iterable[str],
    now: datetime,
) -> int:
    """Everything of these kinds that is applied, or was rejected with one of these codes, is to be applied once more.

    What was applied before stays proven, so what comes out the same costs no call. Returns how many.
    """
    done = await transaction.execute(
        sa.update(inbox)
        .where(
            inbox.c.connection == connection,
            inbox.c.side == side,
            inbox.c.entity.in_(list(entities)),
            sa.or_(
                inbox.c.state == "applied",
                sa.and_(inbox.c.state == "rejected", inbox.c.error_code.in_(list(codes))),
            ),
        )
        .values(
            state="pending",
            queue=READY,
            priority=int(Priority.SYNC),
            revision=inbox.c.revision + 1,
            received_at=now,
            due_at=None,
            attempts=0,
            error_status=None,
            error_code=None,
            error_message=None,
        )
    )
    return done.rowcount


async def follow(
    transaction: AsyncConnection,
    connection: str,
    side: str,
    skus: Iterable[str],
    now: datetime,
    *,
    deletions: bool = True,
) -> None:
    """What a platform keeps with the variant has to be looked at again when the SKU is another variant's, or nobody's.

    Somebody else's state of a SKU may be newer than its deletion: with nobody to hold it, it waits, and is not applied.
    Where nobody has the SKU, there is nothing to delete with it (`deletions`).
    """
    for chunk in chunks(sorted(skus)):
        whose = [
            inbox.c.connection == connection,
            inbox.c.side == side,
            inbox.c.entity.in_(KEYED_BY_SKU),
            among(inbox.c.key, chunk),
        ]
        if not deletions:
            whose.append(inbox.c.deleted.is_(False))
        await transaction.execute(
            sa.update(inbox).where(*whose, inbox.c.state.in_(OPEN)).values(revision=inbox.c.revision + 1)
        )
        await transaction.execute(
            sa.update(inbox)
            .where(*whose, inbox.c.state == "applied")
            .values(state="pending", queue=READY, revision=inbox.c.revision + 1, received_at=now, due_at=now)
        )


async def displace(
    transaction: AsyncConnection, of: tuple[str, str, str, str], *, sku: str, part: str, now: datetime
) -> None:
    """A part of that row (connection, side, entity, key) had to leave a SKU.

    Its claim is void at once: whoever asks before the row is applied again, in full, must not count on it.
    """
    connection, side, entity, key = of
    await transaction.execute(
        sa.delete(sku_claims).where(
            sku_claims.c.connection == connection,
            sku_claims.c.side == side,
            sku_claims.c.sku == sku,
            sku_claims.c.product == key,
            sku_claims.c.part == part,
            sku_claims.c.state.in_(THERE),
        )
    )
    await transaction.execute(
        sa.update(inbox)
        .where(inbox.c.connection == connection, inbox.c.side == side, inbox.c.entity == entity, inbox.c.key == key)
        .values(applied_hash=None, **LOOK_AGAIN)
    )
    await reopen(transaction, connection, side, entity, [key], now=now)
