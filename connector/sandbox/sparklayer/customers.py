"""Customers with their addresses, and what is unique over a site: e-mails and the external ids of both."""

from collections.abc import Callable, Iterator

from connector.sandbox.sparklayer.ids import Ids
from connector.sandbox.sparklayer.problems import FieldError, Refusal
from connector.sandbox.sparklayer.wire import Row

LOOKUPS = ("sparklayer", "platform", "email")
DEFAULTS: Row = {
    "title": None,
    "first_name": None,
    "last_name": None,
    "email": None,
    "company_name": None,
    "external_id": None,
    "accounting_id": None,
    "status": "active",
    "group": "base",
    "default_billing_address_id": None,
    "default_shipping_address_id": None,
    "currency_code": None,
    "sales_agent_groups": (),
    "price_lists": (),
    "vatin_numbers": (),
    "discount_percentage": None,
    "tax_exempt": False,
    "payment_by_invoice": None,
    "payment_on_account": None,
    "metadata": None,
    "parent_customer_id": None,
    "role": "main",
    "available_shipping_addresses": (),
}
_POINTERS = ("default_billing_address_id", "default_shipping_address_id")


class Customers:
    """Customers by internal id (`cu_...`). A change is worked out first and kept only if nothing collides."""

    def __init__(self, ids: Ids, stamp: Callable[[], str]) -> None:
        self._ids = ids
        self._stamp = stamp
        self._rows: dict[str, Row] = {}
        self._owner: dict[tuple[str, str], str] = {}  # (what, value) -> the customer who has it

    def all(self) -> list[Row]:
        """Every customer, oldest first, as a reply shows it."""
        return [self.shown(row) for row in self._rows.values()]

    def find(self, lookup: str, key: str) -> Row | None:
        """By `sparklayer` (either internal id), `platform` (external id) or `email` (without regard to case)."""
        return self._rows.get(self._owner.get((lookup, key.casefold() if lookup == "email" else key), ""))

    def any_id(self, key: str) -> Row | None:
        """By internal or external id."""
        return self.find("sparklayer", key) or self.find("platform", key)

    def in_group(self, slug: str) -> bool:
        """Whether somebody belongs to it."""
        return any(row["group"] == slug for row in self._rows.values())

    def put(self, old: Row | None, fields: Row, *, whole: bool) -> Row:
        """Create, replace (`whole`: what is left out is cleared, addresses too) or change a customer."""
        now = self._stamp()
        if old is None:
            number = self._ids.make("") + self._ids.make("")
            base: Row = {
                "id": f"{number[:8]}-{number[8:12]}-4{number[12:15]}-8{number[15:18]}-{number[18:30]}",
                "legacy_id": self._ids.make("cu_"),
                "created_at": now,
                "addresses": [],
            }
        else:
            base = {name: old[name] for name in ("id", "legacy_id", "created_at", "addresses")}
        kept: Row = DEFAULTS if old is None or whole else {name: old[name] for name in DEFAULTS}
        if whole or "addresses" in fields:
            base["addresses"] = self._addresses(base["addresses"], fields.get("addresses") or [])
        row = {**base, **kept, **{name: value for name, value in fields.items() if name in DEFAULTS}, "updated_at": now}
        self._check(row)
        self._point(row)
        self._keep(row)
        return row

    def add_address(self, row: Row, fields: Row) -> Row:
        """Add one address."""
        added = self._addresses([], [fields])[0]
        changed = {**row, "addresses": [*row["addresses"], added], "updated_at": self._stamp()}
        self._check(changed)
        self._keep(changed)
        return added

    def remove_address(self, row: Row, key: str) -> bool:
        """Whether there was one of that internal or external id."""
        kept = [found for found in row["addresses"] if key not in (found["id"], found["external_id"])]
        if len(kept) == len(row["addresses"]):
            return False
        gone = {found["id"] for found in row["addresses"]} - {found["id"] for found in kept}
        pointers = {name: None for name in _POINTERS if row[name] in gone}
        self._keep({**row, **pointers, "addresses": kept, "updated_at": self._stamp()})
        return True

    def remove(self, row: Row) -> None:
        """Forget one; e-mail and external id are free at once. Sub-accounts lose their parent."""
        self._drop(row)
        for other in self._rows.values():
            if other["parent_customer_id"] == row["legacy_id"]:
                other["parent_customer_id"] = None

    def shown(self, row: Row) -> Row:
        """The reply's form: the parent by both of its ids."""
        parent = self._rows.get(row["parent_customer_id"] or "")
        shown = {name: value for name, value in row.items() if name != "parent_customer_id"}
        shown["parent_customer"] = parent and {"id": parent["legacy_id"], "external_id": parent["external_id"]}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in shown.items()}

    def _addresses(self, old: list[Row], new: list[Row]) -> list[Row]:
        by_external = {row["external_id"]: row for row in old if row["external_id"] is not None}
        return [
            {
                "id": by_external.get(fields.get("external_id"), {}).get("id") or self._ids.make("ca_"),
                "external_id": None,
                **fields,
            }
            for fields in new
        ]

    def _point(self, row: Row) -> None:
        """External ids of the default addresses become internal ones; 400 for one that is not in the book."""
        for name in _POINTERS:
            if row[name] is None:
                continue
            found = [a["id"] for a in row["addresses"] if row[name] in (a["id"], a["external_id"])]
            if not found:
                raise _invalid(FieldError("resource-not-found", name, f"{row[name]!r} is no address of the customer"))
            row[name] = found[0]
        if row["parent_customer_id"] is not None:
            parent = self.any_id(row["parent_customer_id"])
            if parent is None or parent["legacy_id"] == row["legacy_id"]:
                raise _invalid(FieldError("resource-not-found", "parent_customer_id", "is no other customer"))
            row["parent_customer_id"] = parent["legacy_id"]

    def _keep(self, row: Row) -> None:
        id_ = str(row["legacy_id"])
        if id_ in self._rows:
            self._drop(self._rows[id_])
        self._rows[id_] = row
        for name in _names(row):
            self._owner[name] = id_

    def _drop(self, row: Row) -> None:
        del self._rows[row["legacy_id"]]
        for name in _names(row):
            del self._owner[name]

    def _check(self, row: Row) -> None:
        errors = list(self._collisions(row))
        if errors:
            raise Refusal(409, "conflict", "Another customer or address has this value.", errors)

    def _collisions(self, row: Row) -> Iterator[FieldError]:
        names = _names(row)
        if len(set(names)) < len(names):
            yield FieldError("resource-already-exists", "addresses", "two addresses have one external id")
        for what, value in names:
            if self._owner.get((what, value), row["legacy_id"]) != row["legacy_id"]:
                yield FieldError("resource-already-exists", _FIELDS[what], f"{value!r} is taken")


_FIELDS = {"sparklayer": "id", "platform": "external_id", "email": "email", "address": "addresses"}


def _names(row: Row) -> list[tuple[str, str]]:
    """Everything that names a customer and nobody else."""
    return [
        ("sparklayer", row["id"]),
        ("sparklayer", row["legacy_id"]),
        ("email", row["email"].casefold()),
        *([("platform", row["external_id"])] if row["external_id"] is not None else []),
        *(("address", found["external_id"]) for found in row["addresses"] if found["external_id"] is not None),
    ]


def _invalid(error: FieldError) -> Refusal:
    return Refusal(400, "invalid-api-request-contents", "The request is not accepted.", [error])
