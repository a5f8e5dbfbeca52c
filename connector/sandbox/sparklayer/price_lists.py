"""Price lists and the rules that derive one from another."""

from collections.abc import Callable, Iterable

from connector.sandbox.sparklayer.problems import FieldError, invalid
from connector.sandbox.sparklayer.wire import Row


class PriceLists:
    """The lists of one site by slug."""

    def __init__(self, stamp: Callable[[], str]) -> None:
        self._stamp = stamp
        self._rows: dict[str, Row] = {}

    def all(self) -> list[Row]:
        """Every list, oldest first."""
        return list(self._rows.values())

    def find(self, slug: str) -> Row | None:
        """By slug."""
        return self._rows.get(slug)

    def create(self, fields: Row) -> Row:
        """Add one; 400 for a slug that is taken or a rule whose source does not exist."""
        if fields["slug"] in self._rows:
            error = FieldError("resource-already-exists", "slug", f"{fields['slug']!r} is taken")
            raise invalid([error], "The price list exists already.")
        self._check_rules(fields)
        now = self._stamp()
        row = {"source": "custom", "rules": [], **fields, "created_at": now, "updated_at": now}
        self._rows[row["slug"]] = row
        return row

    def change(self, row: Row, fields: Row) -> Row:
        """Rename or set rules; the slug stays."""
        if fields.get("slug", row["slug"]) != row["slug"]:
            raise invalid([FieldError("invalid-value", "slug", "cannot be changed")])
        self._check_rules(fields)
        row.update(fields, updated_at=self._stamp())
        return row

    def touch(self, slugs: Iterable[str]) -> None:
        """Prices of these lists were written."""
        now = self._stamp()
        for slug in slugs:
            self._rows[slug]["updated_at"] = now

    def remove(self, slug: str) -> None:
        """Forget one; 400 while another list's rule uses it. Its prices are the caller's to drop."""
        users = [
            row["slug"]
            for row in self._rows.values()
            if row["slug"] != slug and any(rule["source_price_list_slug"] == slug for rule in row["rules"])
        ]
        if users:
            error = FieldError("resource-in-use", "slug", f"a rule of {', '.join(users)} uses {slug!r}")
            raise invalid([error], "The price list is in use.")
        del self._rows[slug]

    def _check_rules(self, fields: Row) -> None:
        unknown = [
            FieldError("resource-not-found", f"rules[{index}].source_price_list_slug", "does not exist")
            for index, rule in enumerate(fields.get("rules", []))
            if rule["source_price_list_slug"] not in self._rows
        ]
        if unknown:
            raise invalid(unknown)
