"""Orders of the older interface: packages of items that are open, shipped, cancelled or returned.

Its calls are not idempotent: shipping the same items twice ships twice as many, as far as there are any left.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Literal

from connector.sandbox.sparklayer.ids import Ids
from connector.sandbox.sparklayer.problems import FieldError, Refusal, invalid
from connector.sandbox.sparklayer.wire import Row

Move = Literal["shipped", "cancelled", "returned"]
_FROM: Mapping[Move, str] = {"shipped": "open", "cancelled": "open", "returned": "shipped"}


class Orders:
    """The orders of one site by internal id (`o_...`)."""

    def __init__(self, ids: Ids, stamp: Callable[[], str]) -> None:
        self._ids = ids
        self._stamp = stamp
        self._rows: dict[str, Row] = {}
        self._by_external: dict[str, str] = {}

    def all(self) -> list[Row]:
        """Every order, oldest first."""
        return list(self._rows.values())

    def find(self, key: str) -> Row | None:
        """By internal or external id."""
        return self._rows.get(self._by_external.get(key, key))

    def create(self, fields: Row) -> Row:
        """Add one; 409 for an external id that is taken."""
        external_id = fields.get("external_id")
        if external_id is not None and external_id in self._by_external:
            error = FieldError("resource-already-exists", "external_id", f"{external_id!r} is taken")
            raise Refusal(409, "conflict", "The order exists already.", [error])
        row = {
            "external_id": None,
            "visible_id": None,
            "customer_reference": None,
            "spark_billing_chargeable": True,
            "invoice_url": None,
            "metadata": None,
            **fields,
            "id": self._ids.make("o_"),
            "packages": [self._package(package) for package in fields["packages"]],
            "updated_at": self._stamp(),
        }
        self._rows[row["id"]] = row
        if external_id is not None:
            self._by_external[external_id] = row["id"]
        return row

    def change(self, row: Row, fields: Row) -> None:
        """Set the invoice."""
        row.update(fields, updated_at=self._stamp())

    def move(self, row: Row, how: Move, fields: Row) -> None:
        """Take items out of the packages where they are into a new one; 400 where there are not so many."""
        packages = [{**package, "items": [dict(item) for item in package["items"]]} for package in row["packages"]]
        taken = [self._take(packages, _FROM[how], at, item) for at, item in enumerate(fields["items"])]
        given = {name: value for name, value in fields.items() if name != "items"}
        new = self._package({**given, "items": [item for part in taken for item in part]}, how)
        row["packages"] = [package for package in packages if package["items"]] + [new]
        row["updated_at"] = self._stamp()

    def change_package(self, row: Row, package_id: str, fields: Row) -> bool:
        """Whether there is such a package; its items and shipping are replaced."""
        for package in row["packages"]:
            if package["id"] == package_id:
                package.update(fields)
                row["updated_at"] = self._stamp()
                return True
        return False

    def _package(self, fields: Row, status: str | None = None) -> Row:
        found = status or next(
            (name for name in ("returned", "cancelled", "shipped") if fields.get(f"{name}_at") is not None), "open"
        )
        items = [{"id": self._ids.make("oi_"), **item} for item in fields.get("items", [])]
        return {
            "created_at": self._stamp(),
            "shipped_at": None,
            "cancelled_at": None,
            "returned_at": None,
            "shipment_tracking": [],
            **fields,
            "id": self._ids.make("orp_"),
            "status": found,
            "items": items,
        }

    @staticmethod
    def _take(packages: Sequence[Row], status: str, at: int, wanted: Row) -> list[Row]:
        left, taken = Decimal(wanted["quantity"]), []
        for package in packages:
            if package["status"] != status:
                continue
            for item in package["items"]:
                if left > 0 and _same(item, wanted):
                    part = min(left, Decimal(item["quantity"]))
                    left -= part
                    item["quantity"] = Decimal(item["quantity"]) - part
                    taken.append({**item, **wanted, "quantity": part})
            package["items"] = [item for item in package["items"] if item["quantity"] > 0]
        if left > 0:
            raise invalid([FieldError("invalid-value", f"items[{at}].quantity", f"{left} more than are {status}")])
        return taken


def _same(item: Row, wanted: Row) -> bool:
    """By variant first, then by SKU."""
    if wanted.get("variant_id") is not None and item.get("variant_id") is not None:
        return bool(item["variant_id"] == wanted["variant_id"])
    return wanted.get("sku") is not None and item.get("sku") == wanted["sku"]
