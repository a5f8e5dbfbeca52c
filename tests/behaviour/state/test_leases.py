"""Leases: one holder each, inherited from the dead, shared evenly, and worth nothing once they are lost."""

import asyncio
from collections.abc import Iterable

import pytest
import sqlalchemy as sa

from connector.clock import SteppedClock
from connector.state.database import Database
from connector.state.lease import Lease, LeaseLost
from connector.state.tables import cursors
from connector.state.workers import Workers

ROLE = "appliers"


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def workers(db: Database, clock: SteppedClock) -> Workers:
    return Workers(db, clock)


async def acquire(workers: Workers, worker: str, names: Iterable[str]) -> set[str]:
    return set((await workers.acquire(worker, {ROLE: list(names)})).since)


async def test_a_lease_is_held_by_one_and_inherited_from_the_dead(workers: Workers, clock: SteppedClock) -> None:
    await workers.register("a", [ROLE, "web"], "host", 1)
    assert await acquire(workers, "a", ["x", "y"]) == {"x", "y"}
    await workers.register("b", [ROLE], "host", 2)
    assert await acquire(workers, "b", ["x", "y"]) == set()
    clock.advance(3)
    assert await workers.beat("b")
    assert await acquire(workers, "b", ["x", "y"]) == set()
    clock.advance(3)  # a has been silent for six seconds, b for three
    assert [worker.id for worker in await workers.alive()] == ["b"]
    assert await acquire(workers, "b", ["x"]) == {"x"}
    assert await workers.held("a") == {"y"}
    await workers.leave("b")
    assert await workers.held("b") == set()
    assert not await workers.beat("b")
    assert await acquire(workers, "a", ["x", "y"]) == {"x", "y"}


async def test_racing_for_leases_gives_each_to_one(workers: Workers, clock: SteppedClock) -> None:
    names = [f"lease-{number}" for number in range(5)]
    await workers.register("dead", [ROLE], "host", 0)
    await acquire(workers, "dead", names)
    clock.advance(10)
    await asyncio.gather(*(workers.register(f"w{number}", [ROLE], "host", number) for number in range(6)))
    taken = await asyncio.gather(*(acquire(workers, f"w{number}", names) for number in range(6)))
    assert sorted(name for mine in taken for name in mine) == names


async def test_a_new_process_gets_its_share_without_a_death(workers: Workers) -> None:
    names = [f"apply:{number:03}" for number in range(200)]
    held: dict[str, set[str]] = {}
    moved = 0
    for newcomer in ("w1", "w2", "w3"):
        await workers.register(newcomer, [ROLE], "host", 1)
        for _ in range(6):
            for worker in [*held, newcomer]:
                holding = await workers.acquire(worker, {ROLE: names})
                held[worker] = set(holding.since)
                if holding.surplus:
                    moved += len(holding.surplus)
                    await workers.release(worker, holding.surplus)
        assert sum(map(len, held.values())) == 200
        assert len(set().union(*held.values())) == 200
        sizes = sorted(map(len, held.values()))
        assert sizes[-1] - sizes[0] <= 1
    assert moved <= 100 + 67, "never more is handed over than the newcomers lack"


async def test_a_role_that_a_process_does_not_have_counts_for_nothing(workers: Workers) -> None:
    await workers.register("web", ["web", "producers"], "host", 1)
    await workers.register("a", [ROLE], "host", 2)
    holding = await workers.acquire("a", {ROLE: ["x", "y", "z"]})
    assert (set(holding.since), list(holding.surplus)) == ({"x", "y", "z"}, [])


async def test_one_that_is_about_to_end_takes_nothing_and_keeps_what_it_still_works_on(workers: Workers) -> None:
    await workers.register("a", [ROLE], "host", 1)
    await acquire(workers, "a", ["x", "y", "z"])
    await workers.retire("a")
    await workers.register("b", [ROLE], "host", 2)
    assert await acquire(workers, "b", ["x", "y", "z"]) == set()
    await workers.keep("a", ["y"])
    assert await acquire(workers, "b", ["x", "y", "z"]) == {"x", "z"}
    await workers.leave("a")
    assert await acquire(workers, "b", ["x", "y", "z"]) == {"x", "y", "z"}


async def _write(db: Database) -> None:
    async with db.begin() as transaction:
        values = {"connection": "c", "source": "s", "name": "n", "position": {}, "saved_at": SteppedClock().now()}
        await transaction.execute(sa.insert(cursors).values(values))


async def _written(db: Database) -> int:
    async with db.read() as transaction:
        return int((await transaction.execute(sa.select(sa.func.count()).select_from(cursors))).scalar_one())


async def test_what_is_written_under_a_lost_lease_is_not_written(
    db: Database, workers: Workers, clock: SteppedClock
) -> None:
    await workers.register("zombie", [ROLE], "host", 1)
    since = (await workers.acquire("zombie", {ROLE: ["x"]})).since["x"]
    lease = Lease("x", "zombie", since, clock, until=clock.monotonic() + 3.5)
    fenced = db.fenced(lease.confirm)
    await _write(fenced)
    async with db.begin() as transaction:
        await transaction.execute(sa.delete(cursors))
    clock.advance(10)
    assert not lease.held()
    with pytest.raises(LeaseLost, match="x is another process's by now"):
        lease.require()
    await _write(fenced)  # nobody else has taken it: the database is what counts
    async with db.begin() as transaction:
        await transaction.execute(sa.delete(cursors))

    await workers.register("heir", [ROLE], "host", 2)
    assert await acquire(workers, "heir", ["x"]) == {"x"}
    with pytest.raises(LeaseLost):
        await _write(fenced)
    with pytest.raises(LeaseLost):
        await fenced.run(lambda transaction: transaction.execute(sa.delete(cursors)))
    assert await _written(db) == 0

    await workers.leave("heir")
    await workers.beat("zombie")
    clock.advance(0.001)
    assert (await workers.acquire("zombie", {ROLE: ["x"]})).since["x"] != since
    with pytest.raises(LeaseLost):  # it is his again, but what he read in his first tenure is out of date
        await _write(fenced)
    assert await _written(db) == 0


@pytest.mark.parametrize("database_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True)
async def test_a_lease_is_not_taken_in_the_middle_of_a_transaction_that_relies_on_it(
    db: Database, workers: Workers, clock: SteppedClock
) -> None:
    """SQLite has one writer: there, taking a lease waits for the transaction anyway."""
    await workers.register("frozen", [ROLE], "host", 1)
    since = (await workers.acquire("frozen", {ROLE: ["x", "y"]})).since["x"]
    clock.advance(10)
    await workers.register("heir", [ROLE], "host", 2)
    lease = Lease("x", "frozen", since, clock, until=0.0)
    async with db.fenced(lease.confirm).begin():
        assert await acquire(workers, "heir", ["x", "y"]) == {"y"}, "and nobody waits for the frozen one"
    assert await acquire(workers, "heir", ["x", "y"]) == {"x", "y"}
