"""Records of the topics: each ends as a row of the inbox or as a dead letter, whatever it is."""

import json
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from connector.bus.dead_letters import DeadLetterOffice, Refusal
from connector.bus.incoming import Incoming, Skipped, read_record
from connector.bus.record import HeaderList, Place, StoredRecord
from connector.clock import SteppedClock
from connector.engine.linking import Linker
from connector.engine.metrics import Metrics
from connector.engine.sink import InboxSink
from connector.settings import ConnectionSettings
from connector.settings.connection import FlowSettings
from connector.state.claims import SkuClaims
from connector.state.database import Database
from connector.state.inbox import Inbox
from connector.state.links import Links
from contracts.dead_letters import read
from contracts.events import EVENTS, Version, decode, version_of
from contracts.topics import TopicNames
from tests.fuzz import values
from tests.fuzz.playing import leaked

SIDE = "sparklayer"
NAMES = TopicNames("paylayer")
GOLDEN = [
    json.loads(path.read_text())["value"]
    for path in sorted((Path(__file__).parents[1] / "golden").glob("paylayer.*.json"))
]
_STRUCTURED = ("content-type", b"application/cloudevents+json")
_HEADERS = (
    "content-type",
    "ce_specversion",
    "ce_id",
    "ce_type",
    "ce_source",
    "ce_time",
    "ce_connection",
    "ce_subject",
    "paylayer-target",
    "paylayer-priority",
    "paylayer-replay",
    "__connect.errors.topic",
    "traceparent",
)
_CONTENTS = (
    b"1.0",
    b"sparklayer",
    b"sparkpay",
    b"live",
    b"sync",
    b"replay-1",
    b"a\0b",
    b"application/json",
    b"2026-11-22T10:00:00Z",
    *(name.encode() for name in EVENTS),
)


def event(rng: Random) -> dict[str, Any]:
    """A golden event, often of another time or key, so that states of the same key meet."""
    made: dict[str, Any] = json.loads(json.dumps(rng.choice(GOLDEN)))
    if rng.random() < 0.7:
        made["time"] = f"2026-11-22T10:00:0{rng.randrange(10)}.{rng.randrange(10**6):06d}Z"
        made["id"] = f"event-{rng.randrange(5)}"
    return made


def record(rng: Random) -> StoredRecord:
    """A record as anybody may write it."""
    body: Any = event(rng)
    kind = str(body["type"]).split(".")[1]
    if rng.random() < 0.75:
        body = values.changed(rng, body)
    key = _key_of(body)
    if key is None or rng.random() < 0.1:
        key = values.raw(rng, (b"acme/A-1", b"acme/", b"/"))
    headers: list[tuple[str, bytes | None]] = [_STRUCTURED] if rng.random() < 0.8 else []
    if rng.random() < 0.3:
        headers += [(rng.choice(_HEADERS), values.raw(rng, _CONTENTS)) for _ in range(rng.randrange(1, 5))]
    content: bytes | None = values.written(rng, body)
    if rng.random() < 0.1 and isinstance(body, dict):
        headers, content = _binary(rng, body)
    topic = NAMES.of(kind if rng.random() < 0.95 else rng.choice(("product", "price", "stock")))
    value = None if rng.random() < 0.02 else content
    return StoredRecord(topic, rng.randrange(12), rng.randrange(2**40), key, value, tuple(headers))


def _key_of(body: Any) -> bytes | None:
    """The key that the event's data call for."""
    if not isinstance(body, dict) or not isinstance(data := body.get("data"), dict):
        return None
    own = data.get("key", data.get("sku"))
    return f"{body.get('connection')}/{own}".encode("utf-8", "surrogatepass") if isinstance(own, str) else None


def _binary(rng: Random, body: dict[str, Any]) -> tuple[list[tuple[str, bytes | None]], bytes]:
    attributes = [
        (f"ce_{name}", str(text).encode("utf-8", "surrogatepass")) for name, text in body.items() if name != "data"
    ]
    attributes = [(name.encode(errors="replace").decode(), text) for name, text in attributes]  # as a broker keeps them
    headers: list[tuple[str, bytes | None]] = list(attributes)
    if rng.random() < 0.5 and headers:
        at = rng.randrange(len(headers))
        headers[at] = (headers[at][0], values.raw(rng))
    return headers, values.written(rng, body.get("data"))


class _Box:
    """The dead-letter topics."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes | None, bytes | None, HeaderList]] = []

    async def partitions(self, _topic: str) -> set[int]:
        return set(range(12))

    async def send_record(
        self, topic: str, key: bytes | None, value: bytes | None, headers: HeaderList, *, partition: int | None = None
    ) -> Place:
        self.sent.append((key, value, headers))
        return Place(topic, partition or 0, len(self.sent))


_EVERYTHING = ConnectionSettings().with_values({f"flow.{name}": "to_sparklayer" for name in FlowSettings.model_fields})


@dataclass
class _Known:
    """Any connection there is: the ids of the golden events, all of which take every kind."""

    settings: ConnectionSettings = _EVERYTHING

    def departed(self) -> frozenset[str]:
        return frozenset()

    async def covering(self, wanted: Any) -> dict[str, Any]:
        return dict.fromkeys((id_ for id_ in wanted if id_ in ("acme", "acme-tools")), self)


class Records:
    """Intake: from the record to the database."""

    name = "records"

    def __init__(self, database_url: str, *, name: str = "records") -> None:
        self.name = name
        self._url = database_url

    async def open(self) -> None:
        """A database of its own."""
        self._db = await Database.open(self._url, create=True)
        clock = SteppedClock()
        self._inbox = Inbox(self._db, clock)
        self._box = _Box()
        self._office = DeadLetterOffice(self._box, NAMES, clock)
        book: Any = _Known()
        linker = Linker(self._inbox, SkuClaims(self._db, clock), Links(self._db), SIDE)
        self._sink = InboxSink(
            SIDE, inbox=self._inbox, book=book, linker=linker, clock=clock, metrics=Metrics(), wake=_nobody
        )

    async def close(self) -> None:
        await self._db.close()

    def make(self, rng: Random) -> StoredRecord:
        return record(rng)

    async def feed(self, given: StoredRecord) -> str:
        """It has to end somewhere."""
        answer = read_record(given, SIDE, NAMES)
        if isinstance(answer, Skipped):
            return "skipped"
        refusal = (await self._sink.take([answer]))[0] if isinstance(answer, Incoming) else answer
        if isinstance(refusal, Refusal):
            await self._is_put_away(given, refusal)
            return "letter"
        assert isinstance(answer, Incoming)
        if answer.event.source == SIDE:  # it came from there
            return "skipped"
        await self._is_stored(answer)
        return "row"

    async def _is_put_away(self, each: StoredRecord, refusal: Refusal) -> None:
        assert refusal.message.strip()
        assert refusal.code
        assert not leaked(refusal.message)
        await self._office.refuse(each, SIDE, refusal)
        key, value, headers = self._box.sent.pop()
        assert (key, value) == (each.key, each.value), "byte for byte"
        letter = read(headers)
        assert (letter.topic, letter.partition, letter.offset) == (each.topic, each.partition, each.offset)

    async def _is_stored(self, taken: Incoming) -> None:
        event = taken.event
        kind = event.type.split(".")[1]
        keys = [event.data.key, *(f"{system}:{id_}" for system, id_ in event.data.refs.items())]
        rows = (await self._inbox.wanted(event.connection, SIDE, kind, keys)).values()
        assert rows, "taken, and not there"
        row = max(rows, key=lambda found: found.version)
        assert row.version >= Version(event.time, event.id), "something older is there"
        assert version_of(decode(row.record_key, row.value, row.headers)) == row.version, "it cannot be read again"


def _nobody(_connection: str, _side: str, _entity: str) -> None:
    """Nobody applies anything here."""
