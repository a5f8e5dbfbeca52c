"""What cannot be mapped is on record from the reading that found so to the one that can, over restarts."""

import pytest
import sqlalchemy as sa

from connector.clock import SteppedClock
from connector.errors import PayLayerError
from connector.ports import Unmapped
from connector.state.database import Database
from connector.state.observations import SourceMemory
from connector.state.problems import Problems
from connector.state.unmapped import UnmappedEntities


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def entities(db: Database, clock: SteppedClock) -> UnmappedEntities:
    return UnmappedEntities(db, clock, "acme", "sparkpay")


def order(key: str = "sparkpay:1", code: str = "total_missing", message: str = "it has no total") -> Unmapped:
    return Unmapped("order", key, code, message)


def price_of(key: str, code: str = "price_bad") -> Unmapped:
    return Unmapped("product", key, code, "a price is no number", "price", rest_is_told=True)


async def on_record(db: Database, clock: SteppedClock) -> list[tuple[str, str, str | None, str]]:
    found = await Problems(db, clock).list("acme")
    assert {one.trouble for one in found} <= {"unmapped"}
    return sorted((one.entity, one.key, one.part, one.code) for one in found)


async def test_it_stays_until_it_is_read_well(db: Database, clock: SteppedClock, entities: UnmappedEntities) -> None:
    first = clock.now()
    entities.found(order())
    entities.found(order("sparkpay:2"))
    await entities.save()
    clock.advance(60)
    entities.found(order(code="total_negative"))
    entities.found(order("sparkpay:2", message="still none"))
    await entities.save()
    found = await Problems(db, clock).list("acme")
    assert [(one.key, one.code, one.message, one.since) for one in found] == [
        ("sparkpay:1", "total_negative", "it has no total", clock.now()),
        ("sparkpay:2", "total_missing", "still none", first),
    ]
    entities.read("order", ["sparkpay:1", "sparkpay:9"])
    entities.read("customer", ["sparkpay:2"])
    await entities.save()
    assert await on_record(db, clock) == [("order", "sparkpay:2", None, "total_missing")]


async def test_a_restart_knows_what_is_on_record(db: Database, clock: SteppedClock, entities: UnmappedEntities) -> None:
    entities.found(order())
    await entities.save()
    again = UnmappedEntities(db, clock, "acme", "sparkpay")
    again.read("order", ["sparkpay:1"])
    other = UnmappedEntities(db, clock, "acme", "sparklayer")
    other.read("order", ["sparkpay:1"])
    await other.save()
    assert len(await on_record(db, clock)) == 1, "another platform was read"
    await again.save()
    assert await on_record(db, clock) == []


async def test_a_part_is_missing_while_the_rest_is_told(
    db: Database, clock: SteppedClock, entities: UnmappedEntities
) -> None:
    for _ in range(2):  # an interrupted reading is repeated
        entities.found(price_of("sparkpay:1"))
    entities.read("product", ["sparkpay:1"])
    await entities.save()
    assert await on_record(db, clock) == [("product", "sparkpay:1", "price", "price_bad")]
    entities.read("product", ["sparkpay:1"])
    await entities.save()
    assert await on_record(db, clock) == []


async def test_a_position_is_never_stored_before_it(db: Database, clock: SteppedClock) -> None:
    entities = UnmappedEntities(db, clock, "acme", "sparkpay")
    memory = SourceMemory(db, clock, "acme", "sparkpay", entities)
    entities.found(order())
    await memory.save_cursor("live:orders", {"at": 1})
    assert len(await on_record(db, clock)) == 1


async def test_what_could_not_be_stored_is_kept(db: Database, clock: SteppedClock, entities: UnmappedEntities) -> None:
    entities.found(order())
    async with db.begin() as transaction:
        await transaction.execute(sa.text("ALTER TABLE unmapped RENAME TO away"))
    with pytest.raises(Exception, match="unmapped"):
        await entities.save()
    async with db.begin() as transaction:
        await transaction.execute(sa.text("ALTER TABLE away RENAME TO unmapped"))
    entities.found(order("sparkpay:2"))
    await entities.save()
    assert len(await on_record(db, clock)) == 2


async def test_what_a_whole_round_did_not_meet_is_gone(
    db: Database, clock: SteppedClock, entities: UnmappedEntities
) -> None:
    entities.found(order())
    entities.found(order("sparkpay:2"))
    entities.found(Unmapped("customer", "sparkpay:3", "email_missing", "no e-mail address"))
    await entities.save()
    clock.advance(600)
    began = clock.now()
    entities.found(order("sparkpay:2"))
    await entities.not_seen_since(["order", "product"], began)
    assert await on_record(db, clock) == [
        ("customer", "sparkpay:3", None, "email_missing"),
        ("order", "sparkpay:2", None, "total_missing"),
    ]
    entities.read("order", ["sparkpay:2"])
    await entities.save()
    assert len(await on_record(db, clock)) == 1


async def test_reading_well_asks_the_database_once(db: Database, entities: UnmappedEntities) -> None:
    everything = [f"sparkpay:{number}" for number in range(1000)]
    entities.read("product", everything)
    await entities.save()
    async with db.begin() as transaction:
        await transaction.execute(sa.text("DROP TABLE unmapped"))
    entities.read("product", everything)
    await entities.save()
    another = UnmappedEntities(db, SteppedClock(), "acme", "sparkpay")
    another.read("product", everything)
    with pytest.raises((sa.exc.DBAPIError, PayLayerError)):
        await another.save()  # one that has not asked yet finds that there is nothing to ask
