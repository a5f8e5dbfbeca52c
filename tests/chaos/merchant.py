"""The merchant: edits at random, made in a copy of the store and repeated in the real one, which is another process."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Any

from connector.demo.random_edits import random_edit, random_fight
from connector.sandbox.sparkpay import CatalogueShape, SparkPayStore, fill_catalogue

Send = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class _Copy(SparkPayStore):
    """Tells of each edit that is made in it; what follows from a deletion is no edit of its own."""

    send: Send | None = None

    def insert(self, resource: str, /, **fields: object) -> dict[str, object]:
        row = super().insert(resource, **fields)
        if self.send is not None:
            there = self.send({"op": "insert", "resource": resource, "fields": _wire(fields)})
            assert there["id"] == row["id"], f"{resource} {row['id']} became {there['id']}"
        return row

    def update(self, resource: str, row_id: int, /, *, touch: bool = True, **fields: object) -> dict[str, object]:
        row = super().update(resource, row_id, touch=touch, **fields)
        if self.send is not None:
            edit = {"op": "update", "resource": resource, "id": row_id, "touch": touch, "fields": _wire(fields)}
            self.send(edit)
        return row

    def delete(self, resource: str, row_id: int, /) -> None:
        send, self.send = self.send, None
        super().delete(resource, row_id)
        self.send = send
        if send is not None:
            send({"op": "delete", "resource": resource, "id": row_id})


class Merchant:
    """Edits the store of one world and remembers every state that it had."""

    def __init__(self, seed: int, products: int, send: Send) -> None:
        self._rng = Random(f"merchant {seed}")
        self._store = _Copy(clock=lambda: datetime.now(UTC), seed=seed)
        fill_catalogue(self._store, CatalogueShape(products=products, skus_at_least=0), seed)
        self._states = [self._store.dump()]
        self._send = send
        self._store.send = self._sent
        self.done: list[str] = []

    def edit(self, count: int, *, fight: bool) -> list[str]:
        """So many edits; in words."""
        words = [self._one(fight=fight) for _ in range(count)]
        self.done += words
        return words

    @property
    def states(self) -> list[dict[str, list[dict[str, object]]]]:
        """What the store was, after each single save, oldest first."""
        return self._states

    @property
    def customer_types(self) -> list[int]:
        return [int(str(row["id"])) for row in self._states[-1]["customer_types"]]

    @property
    def skus(self) -> list[str]:
        """Item numbers that something has now."""
        last = self._states[-1]
        found = {str(row["item_number"]) for name in ("products", "variant_inventory") for row in last[name]}
        return sorted(found - {""})

    def _one(self, *, fight: bool) -> str:
        if fight:
            return random_fight(self._store, self._rng)
        return random_edit(self._store, self._rng, conflicts=True)

    def _sent(self, edit: Mapping[str, Any]) -> Mapping[str, Any]:
        answer = self._send(edit)
        self._states.append(self._store.dump())
        return answer


def _wire(fields: Mapping[str, object]) -> dict[str, object]:
    return {name: _plain(value) for name, value in fields.items()}


def _plain(value: object) -> object:
    match value:
        case Decimal():
            return format(value, "f")
        case datetime():
            return value.isoformat()
        case tuple() | list():
            return [_plain(item) for item in value]
        case _:
            return value
