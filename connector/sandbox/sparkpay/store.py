"""The state of one simulated store with the platform's rules about rows; no HTTP."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from functools import partial
from zoneinfo import ZoneInfo

from connector.sandbox.sparkpay import moments
from connector.sandbox.sparkpay.fields import stored_value
from connector.sandbox.sparkpay.resources import RESOURCES, Resource
from connector.sandbox.sparkpay.table import Row, Table, same_as_default

_PLAIN = frozenset({str, int, bool, type(None)})
Watcher = Callable[[str, int, frozenset[str] | None], None]
"""Told of resource and id, and of the fields that a change set; none for a new row."""

SETTINGS_ID = 1
"""The id of the only row of `inventory_settings`."""


class SparkPayStore:
    """One store: its tables, its clock and its time zone.

    `clock` returns aware datetimes. `timestamp_resolution` is "tick" (1/300 s, as SQL Server keeps times) or "second".
    The methods are a merchant's own edits in the admin console: they are no API calls and are not validated like those,
    but an unknown resource or field is refused (KeyError) and a value that the field cannot hold too (TypeError).
    Values inside are Decimal for numbers with decimals, aware UTC datetimes for times, tuples for links
    (`variant_inventory.variants`: ids of product_variants, `products.categories`: ids of further categories,
    `products.child_products`: mappings with the child's `id`).
    """

    def __init__(
        self,
        *,
        clock: Callable[[], datetime],
        timezone: str = "America/Chicago",
        seed: int = 1,
        timestamp_resolution: str = "tick",
    ) -> None:
        if timestamp_resolution not in moments.RESOLUTIONS:
            raise ValueError(f"timestamp_resolution is one of {moments.RESOLUTIONS}, not {timestamp_resolution!r}")
        self.clock = clock
        self.zone = ZoneInfo(timezone)
        self.random = random.Random(seed)
        self.timestamp_resolution = timestamp_resolution
        self.watchers: list[Watcher] = []
        self.has_events_of_2020 = True  # webhooks of version 2020.3
        self.tables: dict[str, Table] = {
            name: Table({"id": 0, **resource.defaults}) for name, resource in RESOURCES.items()
        }
        self._dependents = _dependents(RESOURCES.values())
        self.tables["inventory_settings"].add({"id": SETTINGS_ID})

    def now(self) -> datetime:
        """Return the time of the clock as a row would keep it."""
        return moments.stored(self.clock(), self.timestamp_resolution)

    def insert(self, resource: str, /, **fields: object) -> dict[str, object]:
        """Add a row and returns it. `id`, `created_at` and `updated_at` may be given; None makes a time null."""
        row_id = self.add(resource, fields)
        return self._whole(RESOURCES[resource], self._row(resource, row_id))

    def add(self, resource: str, fields: Mapping[str, object]) -> int:
        """As `insert`, with the fields as a mapping; returns the id alone."""
        declared, table = self._known(resource)
        row: Row = {"id": fields.get("id") or table.next_id()}
        if row["id"] in table:
            raise ValueError(f"{resource} {row['id']} exists already")
        if declared.id_name != "id":
            row[declared.id_name] = row["id"]
        defaults = declared.defaults
        for name, value in {**self._times(declared, fields), **fields}.items():
            kept = row["id"] if name == "id" else self._value(declared, name, value)
            if name not in defaults or not same_as_default(kept, defaults[name]):
                row[name] = kept
        table.add(row)
        self._tell(resource, row["id"], None)
        return int(row["id"])

    def update(self, resource: str, row_id: int, /, *, touch: bool = True, **fields: object) -> dict[str, object]:
        """Change fields of a row and returns it. `touch=False`: updated_at does not move. Raises KeyError."""
        return self.change(resource, row_id, fields, touch=touch)

    def change(
        self, resource: str, row_id: int, fields: Mapping[str, object], *, touch: bool = True
    ) -> dict[str, object]:
        """As `update`, with the fields as a mapping."""
        declared, table = self._known(resource)
        values = {name: self._value(declared, name, value) for name, value in fields.items()}
        if touch and declared.timed:
            values.setdefault("updated_at", self.now())
        changed = table.change(row_id, values)
        if touch:
            self._tell(resource, row_id, frozenset(fields))
        return self._whole(declared, changed)

    def delete(self, resource: str, row_id: int, /) -> None:
        """Remove a row and the rows that cannot be without it. Raises KeyError."""
        self._known(resource)[1].remove(row_id)
        for dependent, field in self._dependents.get(resource, ()):
            for row in self.tables[dependent].equal(field, row_id):
                if row["id"] in self.tables[dependent]:
                    self.delete(dependent, row["id"])

    def get(self, resource: str, row_id: int, /) -> dict[str, object] | None:
        """Return a copy of a row with all its fields, or None."""
        declared, table = self._known(resource)
        row = table.row(row_id)
        return None if row is None else self._whole(declared, row)

    def rows(self, resource: str, /) -> list[dict[str, object]]:
        """Copy of all rows of a resource, by id."""
        declared, table = self._known(resource)
        return [self._whole(declared, row) for row in table]

    def dump(self) -> dict[str, list[dict[str, object]]]:
        """Everything, ready for JSON: Decimal as text, times as store-local text, links as lists."""
        plain = self.plain
        return {
            name: [
                {field: value if type(value) in _PLAIN else plain(value) for field, value in row.items()}
                for row in rows
            ]
            for name, rows in self.snapshot().items()
        }

    def snapshot(self) -> dict[str, Iterator[dict[str, object]]]:
        """The rows of every resource as they are now, by id, whatever changes later; each is put together when read."""
        kept = {name: [row.copy() for row in table] for name, table in self.tables.items()}
        return {name: map(partial(self._whole, RESOURCES[name]), rows) for name, rows in kept.items()}

    def _tell(self, resource: str, row_id: int, fields: frozenset[str] | None) -> None:
        for watcher in self.watchers:
            watcher(resource, row_id, fields)

    def _times(self, declared: Resource, fields: Mapping[str, object]) -> dict[str, object]:
        if not declared.timed or ("created_at" in fields and "updated_at" in fields):
            return {}
        return dict.fromkeys(("created_at", "updated_at"), self.now())

    def _row(self, resource: str, row_id: int) -> Row:
        row = self.tables[resource].row(row_id)
        if row is None:
            raise KeyError(f"{resource} {row_id} is gone")
        return row

    def _known(self, resource: str) -> tuple[Resource, Table]:
        if resource not in RESOURCES:
            raise KeyError(f"the sandbox has no resource {resource!r}; it has {', '.join(RESOURCES)}")
        return RESOURCES[resource], self.tables[resource]

    def _value(self, declared: Resource, name: str, value: object) -> object:
        if name in declared.links:
            if not isinstance(value, list | tuple):
                raise TypeError(f"{declared.name}.{name} is a list")
            return tuple(value)
        if name not in declared.types:
            raise KeyError(f"{declared.name} has no field {name!r}")
        if name in declared.digits and isinstance(value, str):
            return int(value) if value.isdecimal() else value
        try:
            return stored_value(declared.types[name], value, self.zone)
        except (TypeError, ValueError) as exc:
            raise TypeError(f"{declared.name}.{name}: {exc}") from exc

    @staticmethod
    def _whole(declared: Resource, row: Row) -> dict[str, object]:
        return {**declared.defaults, **row}

    def plain(self, value: object) -> object:
        """Return a value of a row, or anything made of such, ready for JSON."""
        match value:
            case Decimal():
                return format(value, "f")
            case datetime():
                return moments.local_text(value, self.zone)
            case Mapping():
                return {str(key): self.plain(item) for key, item in value.items()}
            case list() | tuple():
                return [self.plain(item) for item in value]
            case _:
                return value


def _dependents(resources: Iterable[Resource]) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for resource in resources:
        for field in sorted(resource.cascade):
            found.setdefault(resource.references[field], []).append((resource.name, field))
    return found
