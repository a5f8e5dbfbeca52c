"""Purchases: orders, quotes and carts as My Account shows them, found by any of four identifiers."""

from collections.abc import Callable, Mapping
from datetime import datetime

from connector.sandbox.sparklayer.ids import Ids
from connector.sandbox.sparklayer.problems import FieldError, Refusal, invalid
from connector.sandbox.sparklayer.wire import Row

LOOKUPS = ("sparklayer", "platform", "internal", "visible")
TYPES = frozenset({"order", "order_unconfirmed", "awaiting_approval", "quote", "cart"})


class Purchases:
    """The purchases of one site by a number of their own."""

    def __init__(self, ids: Ids, stamp: Callable[[], str]) -> None:
        self._ids = ids
        self._stamp = stamp
        self._rows: dict[str, Row] = {}
        self._owner: dict[tuple[str, str], str] = {}

    def all(self) -> list[Row]:
        """Every purchase, oldest first."""
        return list(self._rows.values())

    def find(self, lookup: str, key: str) -> Row | None:
        """By one of its identifiers."""
        return self._rows.get(self._owner.get((lookup, key), ""))

    def put(self, lookup: str, key: str, fields: Row) -> tuple[Row, bool]:
        """Create or replace as a whole; and whether it is new.

        403 where the SparkLayer id would change, 409 where an identifier belongs to another purchase.
        """
        old = self.find(lookup, key)
        given = {name: value for name, value in fields["purchase_identifiers"].items() if value is not None}
        if given.get(lookup, key) != key:
            raise invalid([FieldError("idMismatch", f"purchase_identifiers.{lookup}", "is not that of the path")])
        given[lookup] = key
        if old is not None:
            before = old["purchase_identifiers"].get("sparklayer")
            if before is not None and given.get("sparklayer") != before:
                raise Refusal(403, "forbidden", "The SparkLayer id of a purchase cannot change.")
        number = old["id"] if old is not None else self._ids.make("pu_")
        taken = [
            FieldError("resource-already-exists", f"purchase_identifiers.{name}", f"{value!r} is another purchase's")
            for name, value in given.items()
            if name != "visible" and self._owner.get((name, value), number) != number
        ]
        if taken:
            raise Refusal(409, "conflict", "Another purchase has this identifier.", taken)
        now = self._stamp()
        row = {
            **fields,
            "id": number,
            "purchase_identifiers": given,
            "dates": {"last_updated": now, **fields.get("dates", {})},
            "created_at": old["created_at"] if old is not None else now,
            "updated_at": now,
        }
        self._drop(old)
        self._rows[number] = row
        self._owner.update(dict.fromkeys(given.items(), number))
        return row, old is None

    def remove(self, row: Row) -> None:
        """Forget one."""
        self._drop(row)

    def page(self, limit: int, offset: int, keep: Callable[[Row], bool]) -> list[Row]:
        """Part of those that match, in the order of their last change."""
        found = sorted(
            (row for row in self._rows.values() if keep(row)), key=lambda row: (moment(row, "last_updated"), row["id"])
        )
        return found[offset : offset + limit]

    def _drop(self, row: Row | None) -> None:
        if row is None:
            return
        del self._rows[row["id"]]
        for name, value in row["purchase_identifiers"].items():
            self._owner.pop((name, value), None)


def moment(row: Mapping[str, Row], name: str) -> datetime:
    """One of the dates of a purchase; long ago where it is not set."""
    return datetime.fromisoformat(row["dates"].get(name) or "1970-01-01T00:00:00+00:00")
