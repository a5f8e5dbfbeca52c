"""What a producer remembers of its source."""

from datetime import timedelta

import pytest

from connector.clock import SteppedClock
from connector.ports import Memory, Observed
from connector.state.database import Database
from connector.state.observations import SourceMemory


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def memory(db: Database, clock: SteppedClock) -> Memory:
    return SourceMemory(db, clock, "acme", "sparkpay")


def seen(
    clock: SteppedClock, key: str, number: int, skus: tuple[tuple[str, str], ...] = (), **more: object
) -> Observed:
    return Observed("product", key, f"hash-{key}", "event", clock.now(), number, skus, **more)  # type: ignore[arg-type]


async def test_observations_come_back_and_are_replaced(memory: Memory, clock: SteppedClock) -> None:
    first = seen(clock, "sparkpay:1", 1, (("A", "v1"), ("B", "v2")))
    await memory.remember([first, seen(clock, "sparkpay:2", 2)])
    assert (await memory.observed("product", ["sparkpay:1", "sparkpay:9"])) == {"sparkpay:1": first}
    assert await memory.observed("stock", ["sparkpay:1"]) == {}
    clock.advance(1)
    newer = Observed("product", "sparkpay:1", "", "e2", clock.now() + timedelta(microseconds=1), 1, (), deleted=True)
    await memory.remember([first, newer])
    assert (await memory.observed("product", ["sparkpay:1"]))["sparkpay:1"] == newer


async def test_numbers_are_walked_in_ranges(memory: Memory, clock: SteppedClock) -> None:
    await memory.remember([seen(clock, f"sparkpay:{number}", number) for number in (9, 3, 5, 7)])
    await memory.remember([seen(clock, "sparkpay:5", 5, deleted=True)])
    assert list(await memory.numbers("product", 0, None)) == [3, 7, 9]
    assert list(await memory.numbers("product", 3, 7)) == [7]
    assert dict(await memory.keyed("product", [3, 7, 8, 10])) == {3: ["sparkpay:3"], 7: ["sparkpay:7"]}
    assert await memory.keyed("product", []) == {}


async def test_products_replace_their_claims(memory: Memory, clock: SteppedClock) -> None:
    await memory.remember([seen(clock, "p1", 1, (("A", "v1"), ("B", "v2"))), seen(clock, "p2", 2, (("A", "w1"),))])
    assert await memory.claimants(["A", "B", "C"]) == {"A": [("p1", "v1"), ("p2", "w1")], "B": [("p1", "v2")]}
    await memory.remember([seen(clock, "p1", 1, (("B", "v2"),))])
    await memory.remember([seen(clock, "p2", 2, (("A", "w1"),), deleted=True)])
    assert await memory.claimants(["A", "B"]) == {"B": [("p1", "v2")]}


async def test_cursors_are_kept_by_name(memory: Memory, db: Database, clock: SteppedClock) -> None:
    assert await memory.cursor("products") is None
    await memory.save_cursor("products", {"at": "2026", "ids": [1, 2]})
    await memory.save_cursor("products", {"at": "2027", "ids": []})
    assert await memory.cursor("products") == {"at": "2027", "ids": []}
    assert await SourceMemory(db, clock, "other", "sparkpay").cursor("products") is None
    await memory.save_cursor("products", None)
    assert await memory.cursor("products") is None
