"""Replays of many letters: what is sent, what is on record, and how an interrupted one goes on."""

import asyncio
from dataclasses import replace

import pytest

from connector.app.letters import LetterFilter
from connector.app.replay_delivery import SLICE
from connector.app.replays import ReplayOffice, ReplayOrder
from connector.bus.producer import Outgoing
from connector.bus.record import Place
from connector.bus.replay import replayed_from
from connector.errors import Unavailable, UserFault
from connector.state.inbox import SetApplied
from connector.state.replays import Replay
from contracts.events import decode, header
from tests.behaviour.app.letter_desk import ALL, SIDE, Failing, LetterDesk, stock

pytestmark = pytest.mark.timeout(600)  # a loaded machine is slow to answer, not wrong

_LETTERS = 2 * SLICE + 50
_DUPLICATES = ReplayOrder(LetterFilter(code="duplicate"))


async def test_a_replay_sends_what_fits_and_records_each_fate(desk: LetterDesk) -> None:
    await desk.refuse_many(_LETTERS)
    others = await desk.refuse([stock("other")], code="sku_missing")
    tried = await desk.replays.dry_run(_DUPLICATES, by="ann")
    assert (tried.selected, tried.sent, tried.superseded, tried.skipped, tried.dry_run) == (_LETTERS, 0, 0, 0, True)
    assert tried.counts == {(f"{desk.names.of('stock')}.{SIDE}.dlt", "duplicate"): _LETTERS}
    assert await desk.sent() == []
    told: list[tuple[str, int, int | None]] = []
    done = await ReplayOffice(desk.core, lambda *step: told.append(step)).run(_DUPLICATES, desk.publisher, by="ann")
    assert (done.selected, done.sent, done.superseded, done.skipped, done.dry_run) == (_LETTERS, _LETTERS, 0, 0, False)
    assert told[-1] == ("sending", _LETTERS, _LETTERS)
    letters = {found.id: found for found in await desk.letters()}
    assert letters[others[0]].state == "new"
    replayed = [found for found in letters.values() if found.state == "replayed"]
    assert {(found.decision.replay_id, found.decision.decided_by) for found in replayed} == {(done.replay_id, "ann")}
    assert await desk.sent_ids() == sorted(found.id for found in replayed)
    record = (await desk.sent())[0]
    assert header(record.headers, "paylayer-target") == SIDE
    recorded = await desk.core.replays.get(done.replay_id)
    assert recorded.state(desk.core.clock.now()) == "complete"
    assert (recorded.by, recorded.selection, recorded.sent) == ("ann", {"code": "duplicate"}, _LETTERS)
    again = await desk.replays.run(_DUPLICATES, desk.publisher, by="ann")
    assert (again.selected, again.sent) == (0, 0)
    assert (await desk.replays.run(replace(_DUPLICATES, rate=10_000.0), desk.publisher, by="ann")).sent == 0


async def test_what_stopped_is_resumed_with_exactly_the_rest(desk: LetterDesk) -> None:
    await desk.refuse_many(_LETTERS)
    before = sorted(await desk.fates())
    begun: list[Replay] = []
    office = ReplayOffice(desk.core, on_start=begun.append)
    with pytest.raises(Unavailable, match=r"no broker; .*paylayer dlq replay --resume [0-9a-f]{12}"):
        await office.run(_DUPLICATES, Failing(desk.publisher, after=1), by="ann")
    stopped = await desk.core.replays.get(begun[0].id)
    assert (stopped.selected, stopped.sent, stopped.outcome) == (_LETTERS, SLICE, "no broker")
    assert stopped.state(desk.core.clock.now()) == "interrupted"
    assert len(await desk.sent_ids()) == SLICE
    await desk.refuse([stock("later")])  # arrived after it began
    done = await desk.replays.resume(stopped.id, desk.publisher, by="bob")
    assert (done.replay_id, done.selected, done.sent) == (stopped.id, _LETTERS, _LETTERS)
    assert await desk.sent_ids() == before
    assert [found.id for found in await desk.letters(replace(ALL, state="new"))] != before
    again = await desk.replays.resume(stopped.id, desk.publisher, by="bob")
    assert (again.sent, len(await desk.sent_ids())) == (_LETTERS, _LETTERS)


async def test_a_cancelled_replay_ends_its_slice_and_nothing_goes_twice(desk: LetterDesk) -> None:
    await desk.refuse_many(_LETTERS)
    sending = asyncio.Event()

    class Slow:
        async def send_records(self, records: list[Outgoing]) -> list[Place]:
            places = await desk.publisher.send_records(records)
            sending.set()
            await asyncio.sleep(0.05)  # the cancellation comes between the acknowledgement and the record
            return places

    begun: list[Replay] = []
    office = ReplayOffice(desk.core, on_start=begun.append)
    task = asyncio.create_task(office.run(_DUPLICATES, Slow(), by="ann"))  # type: ignore[arg-type]
    await sending.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    stopped = await desk.core.replays.get(begun[0].id)
    assert (stopped.sent, stopped.outcome) == (SLICE, "stopped")
    assert (await desk.replays.resume(stopped.id, desk.publisher, by="ann")).sent == _LETTERS
    assert await desk.sent_ids() == sorted(await desk.fates())


async def test_a_slice_that_was_sent_and_not_recorded_goes_again_with_the_same_events(desk: LetterDesk) -> None:
    """What SIGKILL leaves: the record says less than the topic holds, by one slice."""
    await desk.refuse_many(_LETTERS)

    class Killed(BaseException):
        pass

    class Dying:
        async def send_records(self, records: list[Outgoing]) -> list[Place]:
            await desk.publisher.send_records(records)
            raise Killed

    begun: list[Replay] = []
    with pytest.raises(Killed):
        await ReplayOffice(desk.core, on_start=begun.append).run(_DUPLICATES, Dying(), by="ann")  # type: ignore[arg-type]
    assert (await desk.core.replays.get(begun[0].id)).sent == 0
    assert (await desk.replays.resume(begun[0].id, desk.publisher, by="ann")).sent == _LETTERS
    sent = await desk.sent()
    assert len(sent) == _LETTERS + SLICE
    events = {record.key: set[str]() for record in sent}
    for record in sent:
        events[record.key].add(decode(record.key, record.value or b"", record.headers).id)
    assert len(events) == _LETTERS
    assert all(len(ids) == 1 for ids in events.values())


async def test_whoever_resumes_takes_it_from_whoever_works_on_it(desk: LetterDesk) -> None:
    await desk.refuse_many(_LETTERS)
    resumed = []

    class Overtaken:
        async def send_records(self, records: list[Outgoing]) -> list[Place]:
            if not resumed:
                resumed.append(await desk.replays.resume(begun[0].id, desk.publisher, by="bob"))
            return await desk.publisher.send_records(records)

    begun: list[Replay] = []
    with pytest.raises(UserFault, match="was resumed by somebody else"):
        await ReplayOffice(desk.core, on_start=begun.append).run(_DUPLICATES, Overtaken(), by="ann")  # type: ignore[arg-type]
    assert resumed[0].sent == _LETTERS
    recorded = await desk.core.replays.get(begun[0].id)
    assert (recorded.sent, recorded.outcome) == (_LETTERS, "complete")


async def test_only_the_newest_letter_of_an_entity_is_sent(desk: LetterDesk) -> None:
    old, new = stock("S-1", version=1), stock("S-1", version=2)
    first, second, other = await desk.refuse([old, new, stock("S-2")])
    dry = await desk.replays.dry_run(ReplayOrder(ALL), by="ann")
    assert (dry.selected, dry.superseded) == (2, 1)
    done = await desk.replays.run(ReplayOrder(ALL), desk.publisher, by="ann")
    assert (done.sent, done.superseded) == (2, 1)
    assert await desk.sent_ids() == sorted([second, other])
    assert await desk.fates() == {first: "superseded", second: "replayed", other: "replayed"}
    ((found, _),) = [await desk.office.one(first)]
    assert (found.decision.note, found.decision.replay_id) == (f"{second} is newer", done.replay_id)
    forced = await desk.replays.run(ReplayOrder(LetterFilter(ids=(first,)), everything=True), desk.publisher, by="ann")
    assert (forced.sent, forced.superseded) == (1, 0)


async def test_a_letter_does_not_overwrite_what_was_applied_meanwhile(desk: LetterDesk) -> None:
    await desk.want(stock("S-1", version=1))
    (id_,) = await desk.refuse([stock("S-1", version=1)])
    await desk.want(stock("S-1", version=5, level=9))
    (row,) = await desk.core.inbox.due("acme", SIDE, "stock", 10, desk.core.clock.now())
    await desk.core.inbox.settle([SetApplied(row, "hash")])
    assert await desk.fates() == {id_: "superseded"}
    done = await desk.replays.run(ReplayOrder(LetterFilter(ids=(id_,))), desk.publisher, by="ann")
    assert (done.selected, done.sent, done.superseded) == (0, 0, 1)
    # Even sent all the same, it changes nothing: the inbox does not go back in time.
    assert (
        await desk.replays.run(ReplayOrder(LetterFilter(ids=(id_,)), everything=True), desk.publisher, by="ann")
    ).sent == 1
    (record,) = await desk.sent()
    await desk.want(decode(record.key, record.value or b"", record.headers))
    held = await desk.core.inbox.get("acme", SIDE, "stock", "S-1")
    assert held is not None
    assert (held.state, held.version.time) == ("applied", stock("S-1", version=5).time)


async def test_letters_of_one_key_go_in_their_order_when_all_are_wanted(desk: LetterDesk) -> None:
    ids = await desk.refuse([stock("S-1", version=number) for number in range(5)])
    done = await desk.replays.run(ReplayOrder(ALL, everything=True), desk.publisher, by="ann")
    assert done.sent == 5
    assert [replayed_from(record) for record in await desk.sent()] == ids


async def test_a_letter_refused_again_names_the_one_before(desk: LetterDesk) -> None:
    event = stock("S-1")
    (first,) = await desk.refuse([event])
    await desk.replays.run(ReplayOrder(LetterFilter(ids=(first,))), desk.publisher, by="ann")
    (record,) = await desk.sent()
    (second,) = await desk.refuse([event], code="still", headers=[h for h in record.headers if "paylayer" in h[0]])
    found, _ = await desk.office.one(second)
    assert found.report()["replayed_from"] == first
    for each in (first, second):
        chain = await desk.office.chain((await desk.office.one(each))[0])
        assert [(link.id, link.state) for link in chain] == [(first, "replayed"), (second, "new")]
    done = await desk.replays.run(ReplayOrder(LetterFilter(code="still")), desk.publisher, by="ann")
    assert done.sent == 1
    assert [replayed_from(record) for record in await desk.sent()] == [first, second]


async def test_what_cannot_be_sent_is_skipped_with_its_reason(desk: LetterDesk) -> None:
    (good,) = await desk.refuse([stock("S-1")])
    topic = f"{desk.names.of('stock')}.{SIDE}.dlt"
    await desk.publisher.send_record(topic, b"k", b"v", [("x", b"y")], partition=0)
    done = await desk.replays.run(ReplayOrder(ALL), desk.publisher, by="ann")
    assert (done.selected, done.sent, done.skipped) == (2, 1, 1)
    (skip,) = done.skips
    assert skip.reason.endswith("carries no reason of PayLayer in its headers, so it cannot be replayed")
    fates = {found.id: (found.state, found.decision.note) for found in await desk.letters()}
    assert fates[good] == ("replayed", None)
    assert fates[skip.id] == ("new", f"not sent: {skip.reason}")


async def test_mistakes_are_told(desk: LetterDesk) -> None:
    with pytest.raises(UserFault, match="say which letters"):
        await desk.replays.run(ReplayOrder(LetterFilter()), desk.publisher, by="ann")
    absent = f"{desk.names.of('stock')}.{SIDE}.dlt:0:99"
    with pytest.raises(UserFault, match=f"there is no dead letter {absent}"):
        await desk.replays.dry_run(ReplayOrder(LetterFilter(ids=(absent,))), by="ann")
    with pytest.raises(UserFault, match="there is no replay 'nope'"):
        await desk.replays.resume("nope", desk.publisher, by="ann")
    dry = await desk.replays.dry_run(ReplayOrder(ALL), by="ann")
    with pytest.raises(UserFault, match="was a dry run"):
        await desk.replays.resume(dry.replay_id, desk.publisher, by="ann")
    assert [each.dry_run for each in await desk.core.replays.newest()] == [True]
