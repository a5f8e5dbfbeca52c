"""The slow data of a store: read once, kept for hours, read again when something unknown turns up."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta

from connector.clock import Clock
from connector.errors import CredentialsRefused, UserFault
from connector.ports import Priority
from connector.settings import ConnectionSettings
from connector.sparkpay import walk
from connector.sparkpay.bundle import ProductBundle, ReferenceData, Row
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.query import Query

KEPT_FOR = timedelta(hours=6)
INACTIVE = "product_inactive_in_store"
INVENTORY_SETTINGS = "inventory/settings"
CATALOGUE_TABLES = frozenset(
    {INVENTORY_SETTINGS, "variant_groups", "product_statuses", "customer_types", "warehouses", INACTIVE}
)
"""What the catalogue needs."""
_EXPANDED = {"payment_methods": ("fields",)}


class ReferenceBook:
    """The current reference data of one store. Safe to share between tasks."""

    def __init__(
        self,
        client: SparkPayClient,
        settings: ConnectionSettings,
        clock: Clock,
        *,
        tables: Collection[str] = CATALOGUE_TABLES,
        kept_for: timedelta = KEPT_FOR,
        check_store: Callable[[int], Awaitable[None]] | None = None,
    ) -> None:
        self._client = client
        self._settings = settings
        self._clock = clock
        self._tables = frozenset(tables)
        self._kept_for = kept_for.total_seconds()
        self._check_store = check_store
        self._data: ReferenceData | None = None
        self._read_at = 0.0
        self._inactive_read_at = 0.0
        self._missing: frozenset[tuple[str, int]] = frozenset()
        self._given: dict[str, Mapping[int, Row]] = {}
        self._settings_given: Row | None = None
        self._lock = asyncio.Lock()

    @property
    def known(self) -> ReferenceData | None:
        """What was read last, if anything."""
        return self._data

    async def current(self, priority: Priority = Priority.LIVE) -> ReferenceData:
        """The data, read where there is none or it is old. Raises `UserFault` when the store is not clear."""
        async with self._lock:
            if self._data is None or self._clock.monotonic() - self._read_at > self._kept_for:
                await self._read(priority, fresh=self._data is not None)
            assert self._data is not None  # noqa: S101 - `_read` has set it
            return self._data

    def keep(self, table: str, rows: Iterable[Row]) -> None:
        """Take over a table that was read as a whole for another reason: the first reading does not ask again."""
        if self._data is None:
            self._given[table] = {row["id"]: row for row in rows}

    def keep_settings(self, row: Row) -> None:
        """The same of the store's settings."""
        if self._data is None:
            self._settings_given = row

    async def refresh(
        self, priority: Priority = Priority.LIVE, *, tables: Collection[str] | None = None
    ) -> ReferenceData:
        """The data as it is on the platform now, past its cache; with `tables` only these, a call each."""
        async with self._lock:
            self._missing = frozenset()
            if self._data is None or tables is None:
                return await self._read(priority, fresh=True)
            rows = {table: await self._rows(table, priority, fresh=True) for table in sorted({*tables} - {INACTIVE})}
            self._data = replace(self._data, **rows)  # type: ignore[arg-type]  # all tables are alike
            if INACTIVE in tables:
                self._data = replace(self._data, inactive=await self._inactive(priority))
            return self._data

    async def refresh_inactive(self, priority: Priority = Priority.LIVE, *, older_than: float = 0.0) -> None:
        """Only the products that are hidden in a store: one call, where they were read that many seconds ago.

        A row that is gone shows in no change.
        """
        async with self._lock:
            if self._data is not None and self._clock.monotonic() - self._inactive_read_at >= older_than:
                self._data = replace(self._data, inactive=await self._inactive(priority))

    async def covering(self, bundles: Iterable[ProductBundle], priority: Priority = Priority.LIVE) -> ReferenceData:
        """Data that knows every id that these products name, as far as the platform knows them."""
        return await self.knowing(_named(bundles), priority)

    async def knowing(self, named: Iterable[tuple[str, int]], priority: Priority = Priority.LIVE) -> ReferenceData:
        """Data that knows these (table, id), as far as the platform knows them: tables that lack one are read anew."""
        data = await self.current(priority)
        unknown = frozenset(item for item in named if item[1] not in getattr(data, item[0])) - self._missing
        if not unknown:
            return data
        async with self._lock:
            lacking = sorted({table for table, _ in unknown})
            rows = {table: await self._rows(table, priority, fresh=True) for table in lacking}
            self._data = data = replace(self._data or data, **rows)  # type: ignore[arg-type]  # all tables are alike
        self._missing |= frozenset(item for item in unknown if item[1] not in getattr(data, item[0]))
        return data

    async def _read(self, priority: Priority, *, fresh: bool) -> ReferenceData:
        store = await self._store(priority, fresh=fresh)
        if self._check_store is not None:
            await self._check_store(store["id"])
        domain = str(store.get("domain_name") or "").strip().strip("/")
        data = ReferenceData(store_id=store["id"], image_base=f"https://{domain}" if domain else self._client.origin)
        if INVENTORY_SETTINGS in self._tables:
            row = None if fresh else self._settings_given
            row = row or await self._client.single(INVENTORY_SETTINGS, priority=priority, fresh=fresh)
            data = replace(data, inventory_settings=row)
        plain = sorted(self._tables - {INVENTORY_SETTINGS, INACTIVE})
        given, self._given, self._settings_given = ({} if fresh else self._given), {}, None
        tables = {table: given.get(table) or await self._rows(table, priority, fresh=fresh) for table in plain}
        if INACTIVE in self._tables:
            data = replace(data, inactive=await self._inactive(priority))
        self._data = replace(data, **tables)  # type: ignore[arg-type]  # all tables are alike
        self._read_at = self._clock.monotonic()
        return self._data

    async def _inactive(self, priority: Priority) -> Mapping[int, tuple[Row, ...]]:
        """Past the platform's cache, which keeps a row for minutes after it is gone; no change would tell of that."""
        found: dict[int, list[Row]] = {}
        at = self._clock.monotonic()
        for row in (await self._rows(INACTIVE, priority, fresh=True)).values():
            found.setdefault(row.get("item_id") or 0, []).append(row)
        self._inactive_read_at = at
        return {item: tuple(rows) for item, rows in found.items()}

    async def _rows(self, resource: str, priority: Priority, *, fresh: bool) -> Mapping[int, Row]:
        query = Query().expanded(*_EXPANDED.get(resource, ()))
        pages = walk.by_id(self._client, resource, query, priority=priority, fresh=fresh)
        return {row["id"]: row async for page in pages for row in page.rows}

    async def _store(self, priority: Priority, *, fresh: bool) -> Row:
        """The store that the connection is for. A token may lack the scope to list stores where the id is set."""
        wanted = self._settings.sparkpay.store_id
        try:
            stores = await self._rows("stores", priority, fresh=fresh)
        except CredentialsRefused as refusal:
            if wanted is None or refusal.code != "scope":
                raise
            return {"id": wanted}
        if wanted is not None and wanted in stores:
            return stores[wanted]
        if wanted is None and len(stores) == 1:
            return next(iter(stores.values()))
        names = ", ".join(f"{row['id']} ({row.get('name') or row.get('domain_name')})" for row in stores.values())
        if wanted is not None:
            raise UserFault(
                f"setting sparkpay.store_id is {wanted}, the token of {self._client.origin} shows {names or 'no store'}"
            )
        if not stores:
            raise UserFault(f"the token of {self._client.origin} shows no store; make one that is for a store")
        raise UserFault(
            f"{self._client.origin} has several stores, {names}: name one with --set sparkpay.store_id=<number>"
        )


def _named(bundles: Iterable[ProductBundle]) -> set[tuple[str, int]]:
    """(kind, id) of all reference data that products point to; 0 and null mean none."""
    found: set[tuple[str, int]] = set()
    for bundle in bundles:
        found.add(("product_statuses", bundle.product.get("product_status_id") or 0))
        found.add(("warehouses", bundle.product.get("warehouse_id") or 0))
        found.update(("product_statuses", row.get("product_status_id") or 0) for row in bundle.combinations)
        found.update(("variant_groups", row.get("variant_group_id") or 0) for row in bundle.options)
        found.update(("customer_types", row.get("customer_type_id") or 0) for row in bundle.prices)
    return {item for item in found if item[1]}
