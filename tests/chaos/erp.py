"""Another service that publishes stock and prices with a plain Kafka client: repeated, late, now and then broken."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from confluent_kafka import Message, Producer

from contracts.entities import Price, PriceList, PriceRow, Stock, StockLevel
from contracts.events import changed, encode
from contracts.topics import TopicNames

SOURCE = "erp"
CONNECTION = "acme"
_FLUSH_SECONDS = 300.0
_LATEST = timedelta(seconds=40)
_ABSENT = ("ERP-ONLY-1", "ERP-ONLY-2")
"""SKUs that the store never has: events about them wait."""


@dataclass(frozen=True, slots=True)
class Sent:
    """An acknowledged record."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    broken: bool


class Erp:
    """Publishes under one prefix; `acknowledged` grows as the broker answers."""

    def __init__(self, seed: int, address: str, prefix: str) -> None:
        self._rng = Random(f"erp {seed}")
        self._names = TopicNames(prefix)
        self._producer = Producer(
            {
                "bootstrap.servers": address,
                "partitioner": "murmur2_random",
                "enable.idempotence": True,
                "acks": "all",
                "message.timeout.ms": 900_000,
                "reconnect.backoff.max.ms": 500,
                "log_level": 0,
            }
        )
        self._before: list[tuple[str, bytes, bytes]] = []
        self.acknowledged: list[Sent] = []

    def publish(self, count: int, skus: Sequence[str], customer_types: Sequence[int]) -> None:
        """Events about some of these SKUs, and about some that nobody has."""
        for _ in range(count):
            if self._before and self._rng.random() < 0.2:
                self._send(*self._rng.choice(self._before))  # the same once more
                continue
            if self._rng.random() < 0.1:
                self._send_broken()
                continue
            sku = self._rng.choice(_ABSENT if self._rng.random() < 0.1 or not skus else skus)
            entity = self._stock(sku) if self._rng.random() < 0.6 else self._price(sku, customer_types)
            kind = "stock" if isinstance(entity, Stock) else "price"
            time = datetime.now(UTC) - (_LATEST * self._rng.random() if self._rng.random() < 0.3 else timedelta())
            id_ = f"{self._rng.getrandbits(64):016x}"
            event = changed(entity, connection=CONNECTION, source=SOURCE, time=time, id=id_)
            key, value, _ = encode(event)
            record = (self._names.of(kind), key, value)
            self._before.append(record)
            self._send(*record)
        self._producer.poll(0)

    def tick(self) -> None:
        """Let acknowledgements in."""
        self._producer.poll(0)

    def flush(self) -> None:
        """Wait until everything is acknowledged."""
        left = self._producer.flush(_FLUSH_SECONDS)
        assert left == 0, f"{left} events of the other service are not acknowledged"

    def _send(self, topic: str, key: bytes, value: bytes, *, broken: bool = False) -> None:
        def acknowledged(error: object, message: Message) -> None:
            assert error is None, f"the other service's event was not taken: {error}"
            place = (str(message.topic()), message.partition(), message.offset())
            assert place[1] is not None and place[2] is not None  # noqa: PT018
            self.acknowledged.append(Sent(place[0], place[1], place[2], key, value, broken))

        self._producer.produce(topic, value, key, on_delivery=acknowledged)

    def _send_broken(self) -> None:
        """What nobody can read."""
        value = self._rng.choice((b"{", b"\xff\xfe", b"[]", json.dumps({"specversion": "1.0"}).encode()))
        topic = self._names.of(self._rng.choice(("stock", "price", "product")))
        self._send(topic, f"{CONNECTION}/broken-{self._rng.getrandbits(32)}".encode(), value, broken=True)

    def _stock(self, sku: str) -> Stock:
        level = StockLevel(level=self._rng.randint(1000, 99_999), restock_date=date(2027, 1, self._rng.randint(1, 28)))
        return Stock(sku=sku, levels=(level,))

    def _price(self, sku: str, customer_types: Sequence[int]) -> Price:
        """Every list is named: one that is not would keep whatever it had."""
        names = ["base", *(f"ct-{id_}" for id_ in customer_types)]
        # Now and then one that the platform refuses.
        dear = 10_000_000 if self._rng.random() < 0.1 else 0
        lists = tuple(
            PriceList(list=name, rows=(PriceRow(amount=Decimal(self._rng.randint(1, 10**7)).scaleb(-2) + dear),))
            for name in names
        )
        return Price(sku=sku, currency="USD", lists=lists)


def stock_level(event: dict[str, Any]) -> int:
    """Of a decoded event of this service."""
    return int(event["data"]["levels"][0]["level"])
