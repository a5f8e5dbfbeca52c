"""What the database keeps of both sides' changes: what is sent is recognised again, and what is newer there stays."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from connector.app.both_ways import echoes, two_way
from connector.clock import SteppedClock
from connector.engine.echoes import SideEchoes
from connector.engine.two_way import TwoWay
from connector.mapping_rules import mapping_of
from connector.ports import Doubt, Observed
from connector.settings import ConnectionSettings
from connector.state.conflicts import Conflict, Conflicts
from connector.state.connections import Connections, SparkLayerAccess, SparkPayAccess
from connector.state.database import Database
from connector.state.inbox import Inbox
from connector.state.links import Link, Links
from connector.state.observations import SourceMemory
from connector.state.side_states import SideState, SideStates
from connector.state.vault import Vault
from contracts.entities import Customer
from contracts.events import Event, changed, deleted
from contracts.topics import SIDES
from handlers.outcome import Applied, Rejected, Task
from tests.behaviour.engine.bench import arrival

KEY = "sparkpay:1"
ANN = Customer(key=KEY, email="ann@x.example", first_name="Ann", company="Acme", phone="1")


def of(**fields: object) -> Customer:
    return ANN.model_copy(update=fields)


class Sides:
    """One connection, both ways: what its producers see, and what its appliers are given."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.clock = SteppedClock()
        self.start = self.clock.now()
        self.inbox = Inbox(db, self.clock)
        self.conflicts = Conflicts(db, self.clock)
        self.memories = {side: SourceMemory(db, self.clock, "acme", side) for side in SIDES}
        self.appliers = {side: two_way(db, self.clock, "acme", side, mapping_of("")) for side in SIDES}
        self.producers: dict[str, SideEchoes] = {}
        self._told = 0

    async def connect(self) -> "Sides":
        connections = Connections(self.db, Vault("behaviour-tests-0123456789-0123456789"), self.clock)
        settings = ConnectionSettings().with_values({"flow.customer": "both", "flow.customer_group": "both"})
        layer = SparkLayerAccess("http://layer.test", "tools", "test", "client", "secret")
        await connections.add("acme", SparkPayAccess("http://pay.test", "token"), layer, settings)
        connection = await connections.get("acme")
        self.producers = {
            side: echoes(self.db, self.clock, connection, self.memories[side], side) for side in SIDES
        }  # fmt: skip
        return self

    def at(self, seconds: float) -> datetime:
        return self.start + timedelta(seconds=seconds)

    async def see(self, side: str, customer: Customer | None, seconds: float) -> Sequence[Event]:
        """A side shows a customer (none: it is gone); what is published of that."""
        self._told += 1
        name, time = f"{side}-{self._told}", self.at(seconds)
        event = (
            deleted("customer", KEY, connection="acme", source=side, time=time, id=name)
            if customer is None
            else changed(customer, connection="acme", source=side, time=time, id=name)
        )
        published = await self.producers[side].sift([event])
        key = event.data.key
        await self.memories[side].remember(
            [Observed("customer", key, f"hash-{self._told}", event.id, event.time, number=self._told)]
        )
        return published

    async def offer(self, side: str, event: Event) -> Task | Applied:
        """An event on its way to a side: the task that becomes of it, or the answer without one."""
        await self.inbox.put([replace(arrival(event), side=side)])
        row = await self.inbox.get("acme", side, "customer", event.data.key)
        assert row is not None
        row = replace(row, applied_at=self.start)
        entity = event.data if isinstance(event.data, Customer) else None
        task = Task("acme", event.data.key, entity, refs={"sparklayer": "1"}, ledger={"at": "1"})
        tasks, settled = await self.appliers[side].prepare("customer", [(row, event, task)])
        assert len(tasks) + len(settled) == 1
        if tasks:
            return tasks[0]
        answer = settled[KEY]
        assert isinstance(answer, Applied)
        return answer

    async def answer(self, side: str, *, unchanged: bool = False) -> None:
        await self.appliers[side].answered("customer", {KEY: Applied("h", unchanged=unchanged)})

    async def state(self, side: str, key: str = KEY) -> SideState | None:
        return (await SideStates(self.db, self.clock, "acme", side).of("customer", [key])).get(key)


@pytest.fixture
async def sides(db: Database) -> Sides:
    return await Sides(db).connect()


def applier(sides: Sides, side: str) -> TwoWay:
    return sides.appliers[side]


async def test_what_was_sent_comes_back_as_an_echo_and_a_change_on_top_of_it_does_not(sides: Sides) -> None:
    (told,) = await sides.see("sparkpay", ANN, 0)
    task = await sides.offer("sparklayer", told)
    assert isinstance(task, Task)
    assert (task.entity, task.doubt) == (ANN, Doubt.NONE)
    sending = await sides.state("sparklayer")
    assert sending is not None
    assert sending.sending is not None
    assert not sending.sending.done
    await sides.answer("sparklayer")

    assert await sides.see("sparklayer", ANN, 1) == []
    (news,) = await sides.see("sparklayer", of(company="New"), 2)
    assert news.data == of(company="New")
    state = await sides.state("sparklayer")
    assert state is not None
    assert state.news is not None
    assert (set(state.news.fields), state.touched, state.base) == ({"company"}, True, sides.at(0))


async def test_a_side_that_shows_all_of_it_already_needs_no_handler(sides: Sides) -> None:
    (told,) = await sides.see("sparkpay", ANN, 0)
    await sides.offer("sparklayer", told)
    await sides.answer("sparklayer")
    await sides.see("sparklayer", ANN, 1)

    again = changed(ANN, connection="acme", source="erp", time=sides.at(5))
    found = await sides.offer("sparklayer", again)
    assert isinstance(found, Applied)
    assert (found.unchanged, dict(found.refs), dict(found.ledger)) == (True, {"sparklayer": "1"}, {"at": "1"})


async def test_changes_of_different_fields_are_joined_and_written_after_a_look(sides: Sides) -> None:
    (told,) = await sides.see("sparkpay", ANN, 0)
    await sides.offer("sparklayer", told)
    await sides.answer("sparklayer")
    await sides.see("sparklayer", ANN, 1)

    (of_store,) = await sides.see("sparkpay", of(phone="2"), 10)
    (of_site,) = await sides.see("sparklayer", of(company="New"), 12)
    both = of(phone="2", company="New")
    for side, event in (("sparklayer", of_store), ("sparkpay", of_site)):
        task = await sides.offer(side, event)
        assert isinstance(task, Task)
        assert (task.entity, task.doubt) == (both, Doubt.UNSEEN)
        await sides.answer(side)
        assert await sides.see(side, both, 20) == []
    assert await sides.conflicts.list("acme") == []


@pytest.mark.parametrize(("store_at", "site_at"), [(10, 12), (12, 10)])
async def test_of_one_field_the_newer_change_wins_on_both_sides_and_is_on_record_once(
    sides: Sides, store_at: float, site_at: float
) -> None:
    (told,) = await sides.see("sparkpay", ANN, 0)
    await sides.offer("sparklayer", told)
    await sides.answer("sparklayer")
    await sides.see("sparklayer", ANN, 1)

    (of_store,) = await sides.see("sparkpay", of(company="Store"), store_at)
    (of_site,) = await sides.see("sparklayer", of(company="Site"), site_at)
    winner = of_store if store_at > site_at else of_site
    loser = of_site if winner is of_store else of_store
    for side, event in (("sparklayer", of_store), ("sparkpay", of_site)):
        found = await sides.offer(side, event)
        if event is winner:
            assert isinstance(found, Task)
            assert found.entity == winner.data
        elif isinstance(found, Task):
            assert found.entity == winner.data  # what is there already
    (conflict,) = await sides.conflicts.list("acme")
    assert conflict == Conflict(
        "acme", "customer", KEY, loser.id, loser.source, loser.time, winner.id, winner.source, winner.time,
        ("company",), sides.clock.now(),
    )  # fmt: skip


async def test_a_removal_and_a_newer_change_the_newer_one_stays_as_a_whole(sides: Sides) -> None:
    (told,) = await sides.see("sparkpay", ANN, 0)
    await sides.offer("sparklayer", told)
    await sides.answer("sparklayer")
    await sides.see("sparklayer", ANN, 1)

    (gone,) = await sides.see("sparkpay", None, 10)
    await sides.see("sparklayer", of(company="New"), 12)
    found = await sides.offer("sparklayer", gone)
    assert isinstance(found, Applied)
    assert found.unchanged
    (conflict,) = await sides.conflicts.list("acme")
    assert (conflict.loser_source, conflict.winner_source, conflict.fields) == ("sparkpay", "sparklayer", ())


async def test_a_write_that_was_not_made_or_refused_explains_nothing_that_shows_later(sides: Sides) -> None:
    await sides.see("sparklayer", ANN, 0)
    event = changed(of(company="Erp"), connection="acme", source="erp", time=sides.at(5))
    await sides.offer("sparklayer", event)
    await sides.answer("sparklayer", unchanged=True)
    state = await sides.state("sparklayer")
    assert state is not None
    assert state.sending is None
    assert await sides.see("sparklayer", of(company="Erp"), 9)

    other = changed(of(company="Late"), connection="acme", source="erp", time=sides.at(15))
    await sides.offer("sparklayer", other)
    await applier(sides, "sparklayer").answered("customer", {KEY: Rejected("no", "it is not wanted", 422)})
    state = await sides.state("sparklayer")
    assert state is not None
    assert state.sending is not None
    assert not state.sending.done


async def test_what_a_write_undid_unseen_is_put_back(sides: Sides) -> None:
    (told,) = await sides.see("sparkpay", ANN, 0)
    await sides.offer("sparklayer", told)
    await sides.answer("sparklayer")
    await sides.see("sparklayer", ANN, 1)

    (of_store,) = await sides.see("sparkpay", of(phone="2"), 10)
    await sides.offer("sparklayer", of_store)  # leaves before the next look
    rows = await sides.inbox.due("acme", "sparklayer", "customer", 10, sides.clock.now())
    assert [row.key for row in rows] == [KEY]
    await sides.see("sparklayer", of(company="New"), 12)
    await sides.answer("sparklayer")
    sides.clock.advance(20)
    assert await sides.see("sparklayer", of(phone="2"), 20) == []  # the write has overwritten the company
    row = await sides.inbox.get("acme", "sparklayer", "customer", KEY)
    assert row is not None
    assert row.open
    task = await sides.offer("sparklayer", of_store)
    assert isinstance(task, Task)
    assert task.entity == of(phone="2", company="New")


async def test_what_was_made_there_for_another_key_is_told_under_that_key(sides: Sides) -> None:
    await Links(sides.db).learn([Link("acme", "customer", "sparkpay:9", "erp:7")])
    (told,) = await sides.see("sparkpay", ANN.model_copy(update={"key": "sparkpay:9"}), 3)
    assert (told.data.key, told.subject, told.data.refs) == ("erp:7", "erp:7", {"sparkpay": "9"})
    assert await sides.state("sparkpay", "erp:7") is not None
    assert await sides.state("sparkpay", "sparkpay:9") is None


async def test_what_was_told_before_is_told_again_when_somebody_asks(sides: Sides) -> None:
    (told,) = await sides.see("sparkpay", ANN, 0)
    before = await sides.state("sparkpay")
    assert await sides.producers["sparkpay"].sift([told]) == [told]
    assert await sides.state("sparkpay") == before
