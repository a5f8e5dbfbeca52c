"""Reading, mending and replaying dead letters."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from aiokafka import AIOKafkaProducer

from connector.bus.dead_letters import DeadLetterOffice, Refusal
from connector.bus.edits import edited
from connector.bus.letter_reader import LetterReader, StoredLetter
from connector.bus.publisher import Publisher
from connector.bus.record import Place, StoredRecord
from connector.bus.replay import Selected, replayed, send
from connector.clock import SteppedClock
from connector.errors import UserFault
from connector.ports import Priority
from connector.settings import Settings
from contracts.dead_letters import Letter, headers_of
from contracts.events import Event, encode, version_of
from contracts.topics import TopicNames
from tests.support.intakes import RecordingSink, letters_of, publishing, running, stock, topic_of, until

_REFUSAL = Refusal("apply", "Refused", "sku: already taken", status=409, code="duplicate", connection="acme")


async def _refused(settings: Settings, publisher: Publisher, events: list[Event]) -> list[Place]:
    office = DeadLetterOffice(publisher, TopicNames(settings.topic_prefix), SteppedClock())
    places = []
    for number, event in enumerate(events):
        key, value, headers = encode(event)
        record = StoredRecord(
            topic_of(settings, event), number % settings.topic_partitions, number, key, value, headers
        )
        places.append(await office.refuse(record, "sparklayer", _REFUSAL))
    return places


async def test_letters_lie_in_the_partition_of_their_source_and_are_read_back(bus_settings: Settings) -> None:
    events = [stock(f"L-{number}") for number in range(9)]
    async with publishing(bus_settings) as publisher:
        places = await _refused(bus_settings, publisher, events)
    assert [place.partition for place in places] == [number % bus_settings.topic_partitions for number in range(9)]
    letters = {letter.offset_at_source: letter.stored for letter in map(_Read, await letters_of(bus_settings))}
    assert sorted(letters) == list(range(9))
    for number, event in enumerate(events):
        letter = letters[number].letter
        assert letter is not None
        assert letters[number].value == encode(event)[1]
        assert (letter.status, letter.code, letter.stage, letter.side) == (409, "duplicate", "apply", "sparklayer")
    assert await letters_of(bus_settings.model_copy(update={"topic_prefix": "nobody-made-these"})) == []


async def test_a_read_can_be_given_its_ends_and_begin_behind_a_letter(bus_settings: Settings) -> None:
    reader = LetterReader(bus_settings)
    topics = reader.topics(side="sparklayer", entity="stock")
    async with publishing(bus_settings) as publisher:
        await _refused(bus_settings, publisher, [stock(f"A-{number}") for number in range(6)])
        ends = await reader.ends([*topics, "nobody.made.this"])
        await _refused(bus_settings, publisher, [stock(f"B-{number}") for number in range(6)])
    assert ends == {topics[0]: {number: (2, 2, 1, 1)[number] for number in range(4)}}
    keys = [letter.key async for letter in reader.read(topics, ends=ends)]
    assert sorted(keys) == [f"acme/A-{number}".encode() for number in range(6)]
    assert [letter async for letter in reader.read(topics, ends={})] == []
    first = await reader.one(f"{topics[0]}:1:0")
    assert first is not None
    behind = [letter async for letter in reader.behind(first)]
    assert [(letter.partition, letter.offset) for letter in behind] == [(1, 1), (1, 2), (1, 3)]
    assert [letter async for letter in reader.behind(behind[-1])] == []


class _Read:
    def __init__(self, stored: StoredLetter) -> None:
        assert stored.letter is not None
        self.offset_at_source, self.stored = stored.letter.offset, stored


async def test_a_read_ends_where_it_began_to_end(bus_settings: Settings) -> None:
    async with publishing(bus_settings) as publisher:
        await _refused(bus_settings, publisher, [stock("A"), stock("B")])
        reader, seen = LetterReader(bus_settings), []
        async for letter in reader.read(reader.topics(side="sparklayer", entity="stock")):
            seen.append(letter.id)
            await _refused(bus_settings, publisher, [stock("more")])  # its own output is for the next read
        assert len(seen) == 2
        assert len(await letters_of(bus_settings)) == 4
        assert [x async for x in reader.read(reader.topics(side="sparkpay"))] == []


async def test_single_letters_are_found_by_id(bus_settings: Settings) -> None:
    async with publishing(bus_settings) as publisher:
        places = await _refused(bus_settings, publisher, [stock(f"F-{number}") for number in range(12)])
    reader = LetterReader(bus_settings)
    ids = [f"{place.topic}:{place.partition}:{place.offset}" for place in places]
    found = await reader.find([ids[7], ids[1], ids[5], f"{places[0].topic}:0:99", f"{places[0].topic}:9:0"])
    assert {id_: letter.key for id_, letter in found.items()} == {ids[n]: f"acme/F-{n}".encode() for n in (1, 5, 7)}
    only = await reader.one(ids[3])
    assert only is not None
    assert only.id == ids[3]
    assert await reader.one(f"{places[0].topic}:0:99") is None
    for wrong in ("nonsense", f"{bus_settings.topic_prefix}.stock:0:0"):
        with pytest.raises(UserFault):
            await reader.one(wrong)


async def test_a_foreign_record_among_the_letters_is_shown_without_a_reason(bus_settings: Settings) -> None:
    topic = LetterReader(bus_settings).topics(side="sparklayer", entity="stock")[0]
    async with publishing(bus_settings) as publisher:
        await publisher.send_record(topic, b"k", b"v", [("__connect.errors.topic", b"elsewhere")])
    (letter,) = await letters_of(bus_settings)
    assert (letter.letter, letter.value) == (None, b"v")


async def test_since_and_until(bus_settings: Settings) -> None:
    async with publishing(bus_settings) as publisher:
        await _refused(bus_settings, publisher, [stock("A"), stock("B"), stock("C")])
    reader = LetterReader(bus_settings)
    now, hour = datetime.now(UTC), timedelta(hours=1)

    async def count(since: datetime | None, until: datetime | None) -> int:
        return len([letter async for letter in reader.read(reader.topics(), since=since, until=until)])

    assert await count(now - hour, now + hour) == 3
    assert await count(now + hour, None) == 0
    assert await count(None, now - hour) == 0


@pytest.mark.kafka
async def test_markers_of_transactions_at_the_end_do_not_keep_a_read_waiting(real_bus_settings: Settings) -> None:
    reader = LetterReader(real_bus_settings)
    topic = reader.topics(side="sparklayer", entity="stock")[0]
    letter = Letter(topic[:-15], 0, 0, "sparklayer", "apply", "Refused", "no", datetime.now(UTC))
    producer = AIOKafkaProducer(
        bootstrap_servers=real_bus_settings.kafka_bootstrap_servers, transactional_id=real_bus_settings.topic_prefix
    )
    await producer.start()
    try:
        async with producer.transaction():
            await producer.send_and_wait(topic, b"v", key=b"k", partition=0, headers=headers_of(letter, []))
    finally:
        await producer.stop()
    (found,) = [stored async for stored in reader.read([topic])]
    assert found.offset == 0


async def test_a_replay_reaches_the_side_that_refused_with_versions_that_fit(bus_settings: Settings) -> None:
    plain, wrong = stock("plain", 1), stock("wrong", 1)
    refuse = iter([_REFUSAL, _REFUSAL])
    sink = RecordingSink(refuse=lambda _: next(refuse, None))
    other = RecordingSink()
    async with publishing(bus_settings) as publisher:
        await publisher.publish([plain, wrong], Priority.LIVE, target="sparklayer")
        async with running(bus_settings, sink, publisher) as intake:
            await until(lambda: intake.health().counts.get("refused") == 2)
            letters = await letters_of(bus_settings)
            text = {
                x.id: (x.value or b"").decode().replace('"level":1', '"level":5')
                for x in letters
                if x.key == b"acme/wrong"
            }
            selected = [Selected(x, edited(x, text[x.id], 1) if x.id in text else None) for x in letters]
            records = [replayed(each, "replay-1") for each in selected]
            assert {record.topic for record in records} == {topic_of(bus_settings, plain)}
            assert await send(records, publisher) == {}
            await until(lambda: len(sink.taken) == 2)
        async with running(bus_settings, other, publisher, side="sparkpay") as intake:
            await until(lambda: intake.health().counts.get("other_side") == 4)
    back = {incoming.event.data.key: incoming for incoming in sink.taken}
    assert {incoming.replay for incoming in sink.taken} == {"replay-1"}
    assert {incoming.priority for incoming in sink.taken} == {Priority.REPLAY}
    assert back["plain"].event == plain
    assert back["wrong"].event.id == f"{wrong.id}~1"
    assert json.loads(back["wrong"].value)["data"]["levels"][0]["level"] == 5
    assert version_of(wrong) < version_of(back["wrong"].event) < version_of(stock("wrong", 9))
    assert other.taken == []
    names = [name for name, _ in back["plain"].headers]
    assert sorted(names) == [
        "content-type",
        "paylayer-priority",
        "paylayer-replay",
        "paylayer-replayed-from",
        "paylayer-target",
    ]
