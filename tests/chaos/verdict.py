"""What must be true of a world when it is quiet again: each function gives the sentences that are not."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from connector.demo.oracle import Excuse, compare
from tests.acceptance.trading import JUDGE
from tests.chaos.erp import SOURCE, Sent
from tests.chaos.inbox import InboxRow
from tests.chaos.topics import Event, Topics

JUDGED = {"sku_missing", "sku_duplicate", "sku_too_long"}
"""Refusals that the rules ask for: the oracle knows what has to be there all the same, so they excuse nothing."""

Rows = Mapping[tuple[str, str], InboxRow]
State = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that is looked at, of one moment; `rows` are what is wanted of SparkLayer, `back` of Spark Pay."""

    store: State
    site: State
    topics: Topics
    rows: Rows
    back: Rows
    stock_mode: str
    placed: Sequence[Mapping[str, Any]] = ()


def disagreements(scene: Scene) -> list[str]:
    """What differs between the platforms, by an oracle that knows nothing of the connector.

    Newest version wins per key: where the other service's event is the newest of a key, the site has to hold what that
    says (`foreign`) and not what the store says.
    """
    excused = {
        f"{entity}:{key}": Excuse(f"refused: {row.error_code}")
        for (entity, key), row in scene.rows.items()
        if row.state == "rejected" and row.error_code not in JUDGED
    }
    for (entity, key), event in scene.topics.newest().items():
        if event.source == SOURCE:
            excused[f"{entity}:{key}"] = Excuse("the other service knows better")
    compared = compare(
        {name: list(rows) for name, rows in scene.store.items()},
        scene.site,
        settings=replace(
            JUDGE, stock_mode="per_warehouse" if scene.stock_mode == "per_warehouse" else "single_default"
        ),
        now=datetime.now(UTC),
        excused=excused,
        placed=scene.placed,
    )
    if compared.fields_compared == 0:
        return ["the oracle compared nothing"]
    return [str(difference) for difference in compared.differences]


def unsettled(scene: Scene) -> Iterator[str]:
    """Every event is taken in, and none is still to be applied."""
    for (entity, key), event in scene.topics.newest().items():
        # What SparkLayer tells of is wanted of Spark Pay.
        row = (scene.back if event.source == "sparklayer" else scene.rows).get((entity, key))
        if row is None:
            yield f"{entity} {key}: lost, its event {event.version.id} of {event.source} is not in the inbox"
        elif row.event_id != event.version.id:
            newest = f"{event.version.id} ({event.source})"
            yield f"{entity} {key}: the inbox has event {row.event_id}, the newest is {newest}"
        elif row.busy:
            yield f"{entity} {key}: {row.state}, attempt {row.attempts}: {row.error_message}"


def foreign(scene: Scene, acknowledged: list[Sent]) -> Iterator[str]:
    """Each event that the other service got an acknowledgement for has an end that somebody can see."""
    newest = scene.topics.newest()
    read = {place(event): event for events in scene.topics.events.values() for event in events}
    letters = {letter.origin for letter in scene.topics.letters}
    for sent in acknowledged:
        at = (sent.topic, sent.partition, sent.offset)
        event = read.get(at)
        if event is None:
            if not sent.broken:
                yield f"{at}: acknowledged, and not on the topic"
            elif at not in letters:
                yield f"{at}: cannot be read, and there is no dead letter of it"
            continue
        if newest[event.entity, event.key].version != event.version:
            continue  # superseded
        row = scene.rows.get((event.entity, event.key))
        if row is not None and row.event_id == event.version.id:
            yield from _end(scene, event, row)


def _end(scene: Scene, event: Event, row: InboxRow) -> Iterator[str]:
    name = f"{event.entity} {event.key} of {SOURCE}"
    there = next(
        (v for product in scene.site["products"] for v in product["variants"] if v.get("sku") == event.key), None
    )
    match row.state:
        case "applied":
            if there is None:
                yield f"{name}: applied, and nothing has that SKU"
            elif (told := _told(event)) != (found := _found(scene.site, event)):
                yield f"{name}: should be {told}, found {found}"
        case "waiting":
            if there is not None:
                yield f"{name}: waits for {row.waiting_for} although {there['external_id']} ({there['status']}) has it"
        case "rejected":
            pass  # `refused` looks at its letter


def _told(event: Event) -> object:
    if event.entity == "stock":
        return {"default": int(event.data["levels"][0]["level"])}
    return {
        f"sp-{row['list']}-usd": [(1, Decimal(row["rows"][0]["amount"]))] for row in event.data["lists"] if row["rows"]
    }


def _found(site: State, event: Event) -> object:
    if event.entity == "stock":
        held = site["stock"].get(event.key, {})
        return {place: row["stock_level"] for place, row in held.items() if row["stock_level"] or place == "default"}
    held = site["prices"].get(event.key, {})
    return {slug: [(int(row["quantity"]), Decimal(row["price"])) for row in rows] for slug, rows in held.items()}


def refused(scene: Scene, listed: list[dict[str, Any]]) -> Iterator[str]:
    """Every refused record is in a dead-letter topic; what is not refused any more is not listed as if it were."""
    letters = {letter.origin for letter in scene.topics.letters}
    newest = scene.topics.newest()
    for name, row in scene.rows.items():
        event = newest.get(name)
        if row.state == "rejected" and event is not None and not _copies(scene, event) & letters:
            yield f"{' '.join(name)}: refused ({row.error_code}), and there is no dead letter of it"
    for letter in listed:
        if letter["state"] != "new" or letter["key"] is None:
            continue
        listed_row = scene.rows.get((letter["entity"], letter["key"]))
        if listed_row is not None and listed_row.state != "rejected" and listed_row.problem_code is None:
            yield (
                f"{letter['entity']} {letter['key']}: letter {letter['id']} ({letter['code']}) is listed as new, and "
                f"the key is {listed_row.state}"
            )


def surplus(scene: Scene, *, orders: int, shipments: int) -> Iterator[str]:
    """Nothing was ordered or sent twice: there are as many as people have made."""
    for table, wanted in (("orders", orders), ("order_shipments", shipments)):
        if (found := len(scene.store[table])) != wanted:
            yield f"the store has {found} {table}, people have made {wanted}"


def _copies(scene: Scene, event: Event) -> set[tuple[str, int, int]]:
    """The places of an event: a producer may have told it more than once."""
    events = scene.topics.events[event.entity, event.key]
    return {place(other) for other in events if other.version == event.version}


def place(event: Event) -> tuple[str, int, int]:
    """Where an event lies."""
    return event.record.topic, event.record.partition, event.record.offset
