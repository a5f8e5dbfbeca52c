"""Exact numbers that cost no more than they are worth."""

from connector.clock import SteppedClock
from connector.state.census import Census
from connector.state.database import Database
from connector.state.inbox import Counts, Inbox
from tests.behaviour.state.arrivals import arrival


class SlowInbox(Inbox):
    """Counting takes so many seconds of the clock."""

    def __init__(self, db: Database, clock: SteppedClock, seconds: float) -> None:
        super().__init__(db, clock)
        self.clock, self.seconds, self.counted = clock, seconds, 0

    async def counts(self, connection: str | None = None) -> dict[tuple[str, str, str], Counts]:
        self.counted += 1
        self.clock.advance(self.seconds)
        return await super().counts(connection)


async def test_a_long_count_is_kept_for_twenty_times_as_long(db: Database) -> None:
    clock = SteppedClock()
    inbox = SlowInbox(db, clock, 2.0)
    census = Census(inbox, clock)
    await inbox.put([arrival("A-1")])
    assert [count.waiting for count in (await census.counts()).values()] == [1]
    await inbox.put([arrival("A-2")])
    clock.advance(39.0)
    assert [count.waiting for count in (await census.counts()).values()] == [1]
    assert inbox.counted == 1
    clock.advance(1.0)
    assert [count.waiting for count in (await census.counts()).values()] == [2]
    assert [count.waiting for count in (await census.counts("acme")).values()] == [2]
    assert inbox.counted == 3


async def test_a_quick_count_is_always_fresh(db: Database) -> None:
    clock = SteppedClock()
    inbox = SlowInbox(db, clock, 0.0)
    census = Census(inbox, clock)
    for number in range(1, 4):
        await inbox.put([arrival(f"A-{number}")])
        assert [count.waiting for count in (await census.counts()).values()] == [number]
