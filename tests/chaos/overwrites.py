"""Stale overwrites: a value that a newer one had replaced, and that came back.

Per key the values in the order of their truth are known: what the events say, by version, and what the store was, save
by save. What was written must run through them forwards. A value that was true twice counts for the later time; one
that is no known truth (two saves seen half and half) moves nothing.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

from connector.demo.oracle import OracleSettings
from connector.demo.oracle.rows import Shop
from connector.demo.oracle.sellables import sellables
from connector.demo.oracle.stock import level
from tests.chaos.topics import Event, Topics

_STOCK, _PRICES = "/api/v1/batch-update-stock", "/api/v1/batch-update-pricing"
_EMPTY = 0

Value = Hashable
State = Mapping[str, Sequence[Mapping[str, Any]]]
Written = Mapping[tuple[str, ...], Sequence[Value]]
"""Per (entity, SKU, place or list): the values that the platform took, in their order."""


def backwards(truths: Sequence[Value], written: Iterable[Value]) -> Iterator[tuple[Value, Value]]:
    """Each value that came after a newer one, and the newer one."""
    at = 0
    for value in written:
        later = next((i for i in range(at, len(truths)) if truths[i] == value), None)
        if later is not None:
            at = later
        elif value in truths[:at]:
            yield value, truths[at]


def written_to_site(journal: Iterable[Mapping[str, Any]]) -> Written:
    """From the log of the simulated site: every row of every bulk call that it applied, answered or not."""
    found: dict[tuple[str, ...], list[Value]] = defaultdict(list)
    for entry in journal:
        applied = entry["outcome"] is not None and 200 <= entry["outcome"] < 300
        path = unquote(entry["path"])
        if not applied or not entry["writes"] or path not in (_STOCK, _PRICES):
            continue
        for row in json.loads(entry["content"]):
            if path == _STOCK:
                found["stock", row["sku"], row["stock_location_external_id"]].append(int(row["stock_level"]))
            else:
                found["price", row["sku"], row["price_list_slug"]].append(_breaks(row["pricing"]))
    return found


def stale_writes(topics: Topics, written: Written) -> list[str]:
    """What was written to SparkLayer against the order of the events' versions."""
    told = []
    for (entity, sku, where), values in written.items():
        truths = [_value(event, where) for event in topics.events.get((entity, sku), ())]
        for value, newer in backwards(truths, (value for value in values if value not in (_EMPTY, ()))):
            told.append(
                f"{entity} {sku} at {where}: {value} was written again after {newer}; written {values}, truths {truths}"
            )
    return told


def stale_events(topics: Topics, states: Sequence[State]) -> list[str]:
    """What was published of titles and levels of stock against the order in which the merchant saved them."""
    told = []
    truths = _titles(states) | _levels(states)
    for name, events in topics.events.items():
        if name not in truths:
            continue
        own = [event for event in events if event.source == "sparkpay" and not event.deleted]
        values = [_title(event.data["title"]) if name[0] == "product" else _value(event, "default") for event in own]
        for value, newer in backwards(_changes(truths[name]), values):
            told.append(f"{' '.join(name)}: {value!r} was published again after {newer!r}")
    return told


def _titles(states: Sequence[State]) -> dict[tuple[str, str], list[Value]]:
    truths: dict[tuple[str, str], list[Value]] = defaultdict(list)
    for state in states:
        for row in state["products"]:
            truths["product", f"sparkpay:{row['id']}"].append(_title(row["item_name"]))
    return truths


def _levels(states: Sequence[State]) -> dict[tuple[str, str], list[Value]]:
    """As the oracle reads them; a SKU that two things had at once, or whose level has two readings, is left out."""
    truths: dict[tuple[str, str], list[Value]] = defaultdict(list)
    unclear: set[tuple[str, str]] = set()
    for state in states:
        shop = Shop({name: list(rows) for name, rows in state.items()}, None)
        items = [item for product in shop.products.values() for item in sellables(shop, product)]
        count = Counter(item.sku for item in items)
        for item in items:
            readings = level(shop, OracleSettings(), item).levels
            truths["stock", item.sku].append(readings[0])
            if count[item.sku] > 1 or len(readings) > 1:
                unclear.add(("stock", item.sku))
    return {name: values for name, values in truths.items() if name not in unclear}


def _value(event: Event, where: str) -> Value:
    if event.deleted:
        return _EMPTY if event.entity == "stock" else ()
    if event.entity == "price":
        rows = next((each["rows"] for each in event.data["lists"] if f"sp-{each['list']}-usd" == where), [])
        # Of today: periods of sale are days long, and so none begins or ends while a world lives.
        today = [row for row in rows if _is_valid(row)]
        return _breaks([{"quantity": row.get("from_quantity", 1), "price": row["amount"]} for row in today])
    levels = event.data["levels"]
    here = [level for level in levels if where == "default" or level.get("location", "default") == where]
    if any(level.get("unlimited") for level in here):
        return 999_999
    return sum(max(0, int(level.get("level", 0))) for level in here)


def _is_valid(row: Mapping[str, Any]) -> bool:
    now = datetime.now(UTC)
    begins, ends = (row.get(name) and datetime.fromisoformat(row[name]) for name in ("valid_from", "valid_until"))
    return (not begins or begins <= now) and (not ends or now < ends)


def _breaks(rows: Iterable[Mapping[str, Any]]) -> Value:
    kept = ((int(row["quantity"]), Decimal(str(row["price"]))) for row in rows if row["price"] is not None)
    return tuple(sorted((quantity, price.normalize()) for quantity, price in kept if price > 0))


def _title(text: object) -> str:
    return " ".join(str(text).split())


def _changes(values: Sequence[Value]) -> list[Value]:
    return [value for at, value in enumerate(values) if at == 0 or value != values[at - 1]]
