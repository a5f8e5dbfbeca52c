from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from connector.clock import SteppedClock
from connector.ports import Priority
from connector.state.inbox import Arrival, Inbox, Row
from contracts.entities import Product, Variant
from contracts.events import changed, encode

START = datetime(2026, 1, 1, tzinfo=UTC)


def arrival(
    key: str = "sparkpay:1",
    version: int = 1,
    *,
    entity: str = "product",
    event_id: str | None = None,
    priority: int = Priority.LIVE,
    deleted: bool = False,
    value: bytes = b"{}",
    headers: Sequence[tuple[str, bytes | None]] = (),
    refs: Mapping[str, str] | None = None,
    replay: str | None = None,
    connection: str = "acme",
    side: str = "sparklayer",
) -> Arrival:
    """An arrival whose version is so many seconds after the start."""
    return Arrival(
        connection=connection,
        side=side,
        entity=entity,
        key=key,
        version_time=START + timedelta(seconds=version),
        event_id=event_id or f"event-{key}-{version}",
        deleted=deleted,
        priority=priority,
        topic="paylayer.products",
        partition=3,
        offset=version,
        record_key=f"{connection}/{key}".encode(),
        value=value,
        headers=headers,
        refs=refs or {},
        replay=replay,
    )


def product(key: str, skus: Sequence[str], version: int = 1) -> Arrival:
    """The arrival of a real product event."""
    variants = tuple(Variant(id=f"v{order}", sku=sku) for order, sku in enumerate(skus))
    event = changed(
        Product(key=key, variants=variants),
        connection="acme",
        source="sparkpay",
        time=START + timedelta(seconds=version),
    )
    _, value, headers = encode(event)
    return arrival(key, version, event_id=event.id, value=value, headers=headers)


async def due(inbox: Inbox, clock: SteppedClock, entity: str = "product", limit: int = 100) -> list[Row]:
    return await inbox.due("acme", "sparklayer", entity, limit, clock.now())


async def the_row(inbox: Inbox, key: str = "sparkpay:1", entity: str = "product") -> Row:
    row = await inbox.get("acme", "sparklayer", entity, key)
    assert row is not None
    return row
