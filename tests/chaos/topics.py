"""Everything that is on the topics of a world, read and decoded without the connector's help."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from tests.acceptance.system import threading_pause

TOPICS = {
    "products": "product",
    "prices": "price",
    "stock": "stock",
    "customer-groups": "customer-group",
    "customers": "customer",
    "orders": "order",
}
_KEYED_BY_SKU = ("price", "stock")
_SIDES = ("sparklayer", "sparkpay")
_READ_SECONDS = 30.0
_LOOK_SECONDS = 0.2
_NOT_YET = {KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE}


@dataclass(frozen=True, slots=True)
class Record:
    """As it lies there."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes | None]


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """Which of two events is newer: time, then id (docs/contracts.md)."""

    time: datetime
    id: str


@dataclass(frozen=True, slots=True)
class Event:
    """An event that can be read."""

    entity: str
    key: str
    version: Version
    source: str
    deleted: bool
    data: Mapping[str, Any]
    record: Record


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter: where its record was, and what it says."""

    origin: tuple[str, int, int]
    stage: str
    entity: str
    key: str
    code: str


@dataclass(slots=True)
class Topics:
    """Events per (entity, key) in the order of their versions, and all dead letters."""

    events: dict[tuple[str, str], list[Event]] = field(default_factory=dict)
    letters: list[Letter] = field(default_factory=list)

    def newest(self) -> dict[tuple[str, str], Event]:
        """The wanted state of each key."""
        return {name: events[-1] for name, events in self.events.items()}


def read(address: str, prefix: str) -> Topics:
    """All of it, up to the ends of this moment."""
    found = Topics()
    names = {f"{prefix}.{topic}": entity for topic, entity in TOPICS.items()}
    for record in _records(address, names):
        event = _event(record, names[record.topic])
        if event is not None:
            found.events.setdefault((event.entity, event.key), []).append(event)
    for events in found.events.values():
        events.sort(key=lambda event: event.version)
    boxes = [f"{name}.{side}.dlt" for name in names for side in _SIDES]
    found.letters = [_letter(record) for record in _records(address, boxes)]
    return found


def _records(address: str, topics: Any) -> list[Record]:
    consumer = Consumer(
        {"bootstrap.servers": address, "group.id": "chaos-reader", "enable.auto.commit": False, "log_level": 0}
    )
    try:
        left: dict[tuple[str, int], int] = {}
        for topic in topics:
            for partition in consumer.list_topics(topic, timeout=_READ_SECONDS).topics[topic].partitions:
                if end := _end(consumer, TopicPartition(topic, partition)):
                    left[topic, partition] = end
        consumer.assign([TopicPartition(topic, partition, 0) for topic, partition in left])
        found = []
        while left:
            message = consumer.poll(_READ_SECONDS)
            assert message is not None, f"no record came within {_READ_SECONDS} s; wanted {left}"
            assert message.error() is None, message.error()
            place = (str(message.topic()), int(message.partition() or 0))
            offset = int(message.offset() or 0)
            headers = dict(message.headers() or ())
            found.append(Record(*place, offset, message.key(), message.value(), headers))
            if offset + 1 >= left.get(place, 0):
                left.pop(place, None)
        return found
    finally:
        consumer.close()


def _end(consumer: Consumer, partition: TopicPartition) -> int:
    """A broker that was just started leads its partitions one after the other."""
    until = time.monotonic() + _READ_SECONDS
    while True:
        try:
            return int(consumer.get_watermark_offsets(partition, timeout=_READ_SECONDS)[1])
        except KafkaException as error:
            if error.args[0].code() not in _NOT_YET or time.monotonic() > until:
                raise
        threading_pause(_LOOK_SECONDS)


def _event(record: Record, entity: str) -> Event | None:
    try:
        body = json.loads(record.value or b"")
        data = body["data"]
        deleted = body["type"].endswith(".deleted.v1")
        key = data["sku"] if entity in _KEYED_BY_SKU and not deleted else data["key"]
        version = Version(datetime.fromisoformat(body["time"]), body["id"])
        return Event(entity, key, version, body["source"], deleted, data, record)
    except (ValueError, KeyError, TypeError):
        return None


def _letter(record: Record) -> Letter:
    def header(name: str) -> str:
        return (record.headers.get(name) or b"").decode()

    errors = "__connect.errors."
    origin = (header(f"{errors}topic"), int(header(f"{errors}partition")), int(header(f"{errors}offset")))
    own = "paylayer."
    return Letter(
        origin, header(f"{errors}stage"), header(f"{own}entity"), header(f"{own}key"), header(f"{own}error.code")
    )
