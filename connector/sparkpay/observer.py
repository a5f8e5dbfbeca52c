"""Turns readings of products into change events: what is as it was is not told again.

The order is publish, remember: after a crash between the two the same events come once more, with the same ids.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from connector.errors import NotFound
from connector.ports import Memory, Observed, Outlet, Priority
from connector.settings import ConnectionSettings
from connector.sparkpay.bundle import ProductBundle
from connector.sparkpay.catalogue import Catalogue
from connector.sparkpay.claims import id_of, merged, owner
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.content_hash import entity_hash
from connector.sparkpay.product_state import (
    DEFAULT_MAPPING,
    OnProblem,
    ProductMapping,
    ProductState,
    gone,
    log_problem,
    state_of,
)
from connector.sparkpay.read_order import ReadOrder
from connector.sparkpay.reference import ReferenceBook
from contracts.entities import Entity
from contracts.events import Event, changed, deleted, event_id

SOURCE = "sparkpay"
_AFTER = timedelta(microseconds=1)
_BREATH = 10
_IN_THE_FUTURE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Told:
    """What came of a batch: events, products that cannot be mapped, and those that were read anew meanwhile."""

    published: int = 0
    skipped: int = 0
    stale: tuple[int, ...] = ()

    def __add__(self, other: "Told") -> "Told":
        return Told(self.published + other.published, self.skipped + other.skipped, self.stale + other.stale)


class Observer:
    """Publishes what changed at one connection, one batch at a time."""

    def __init__(
        self,
        client: SparkPayClient,
        catalogue: Catalogue,
        memory: Memory,
        outlet: Outlet,
        *,
        reference: ReferenceBook,
        settings: ConnectionSettings,
        connection: str,
        mapping: ProductMapping = DEFAULT_MAPPING,
        on_problem: OnProblem = log_problem,
    ) -> None:
        self._client = client
        self._catalogue = catalogue
        self._reference = reference
        self._memory = memory
        self._outlet = outlet
        self._settings = settings
        self._connection = connection
        self._mapping = mapping
        self._on_problem = on_problem
        self._lock = asyncio.Lock()
        self.reads = ReadOrder()

    async def observe(
        self,
        bundles: Sequence[ProductBundle],
        *,
        gone_ids: Mapping[int, int] | None = None,
        priority: Priority = Priority.LIVE,
        force: bool = False,
    ) -> Told:
        """Publish what is new in these products and remember it. `force` repeats what is not, with the ids it had.

        `gone_ids` are products confirmed as deleted, each with the number of the request that said so. Prices and stock
        of a SKU that these products let go are told from whoever claims it next. Raises what the platform, the bus and
        the database raise; then nothing is remembered.
        """
        async with self._lock:
            states, told = await self._states(bundles, gone_ids or {}, priority)
            if not states:
                return told
            before = await self._memory.observed("product", list(states))
            skus = {sku for known in before.values() for sku, _ in known.skus}
            skus |= {sku for state in states.values() for sku, _ in state.claims}
            heirs = await self._heirs(states, skus, priority)
            if heirs:
                before = {**before, **await self._memory.observed("product", list(heirs))}
                states.update(heirs)
                skus |= {sku for state in heirs.values() for sku, _ in state.claims}
            events, observations = await self._news(states, before, skus, force=force)
            if events:
                await self._outlet.publish(events, priority)
            if observations:
                await self._memory.remember(observations)
            for state in states.values():
                self.reads.take(id_of(state.key), state.order)
            return Told(len(events), told.skipped, told.stale)

    async def confirm_gone(self, product_ids: Sequence[int], priority: Priority = Priority.LIVE) -> dict[int, int]:
        """Those that the platform answers 404 for, with the number of the request that said so."""
        found: dict[int, int] = {}
        for id_ in product_ids:
            try:
                await self._client.get("products", id_, fields=("id",), priority=priority)
            except NotFound:
                found[id_] = self._client.order
        return found

    async def _states(
        self, bundles: Sequence[ProductBundle], gone_ids: Mapping[int, int], priority: Priority
    ) -> tuple[dict[str, ProductState], Told]:
        known = await self._reference.covering(bundles, priority)
        now = self._client.server_clock.now()
        states: dict[str, ProductState] = {}
        stale: list[int] = []
        skipped = 0
        for number, bundle in enumerate(bundles):
            if number % _BREATH == 0:
                await asyncio.sleep(0)  # mapping is pure computing: let others have the event loop
            if self.reads.is_stale(bundle.id, bundle.read_order):
                stale.append(bundle.id)
                continue
            state = state_of(bundle, known, self._settings, now=now, by=self._mapping, on_problem=self._on_problem)
            if state is None:
                skipped += 1
            else:
                states[state.key] = state
        for id_, order in gone_ids.items():
            if not self.reads.is_stale(id_, order):
                removed = gone(id_, now, order)
                states[removed.key] = removed
        return states, Told(0, skipped, tuple(stale))

    async def _heirs(
        self, states: Mapping[str, ProductState], skus: set[str], priority: Priority
    ) -> dict[str, ProductState]:
        """States of products outside the batch that become the owner of a SKU through it; read now.

        An heir may have let go of the SKU as well, so it is asked for as long as new ones turn up.
        """
        heirs: dict[str, ProductState] = {}
        asked = set(states)
        while True:
            together = {**states, **heirs}
            before = await self._memory.claimants(sorted(skus))
            after = merged(before, {key: state.claims for key, state in together.items()})
            wanted = {
                new
                for sku, claims in after.items()
                if (new := owner(claims)) is not None and new not in asked and new != owner(before.get(sku, ()))
            }
            if not wanted:
                return heirs
            asked |= wanted
            urgent = min(priority, Priority.LIVE)  # every other batch waits meanwhile
            read = await self._catalogue.hydrate(sorted(id_of(key) for key in wanted), priority=urgent)
            confirmed = await self.confirm_gone(read.missing, urgent)
            found, _ = await self._states(read.bundles, confirmed, urgent)
            heirs.update(found)
            skus = skus | {sku for state in found.values() for sku, _ in state.claims}

    async def _news(
        self,
        states: Mapping[str, ProductState],
        before: Mapping[str, Observed],
        skus: set[str],
        *,
        force: bool,
    ) -> tuple[list[Event], list[Observed]]:
        ledger = _Ledger(self._connection, force=force)
        for key, state in states.items():
            number, known = id_of(key), before.get(key)
            if state.product is None:
                refs = {SOURCE: str(number)}
                ledger.deleted("product", key, before=known, read_at=state.read_at, refs=refs, number=number)
            else:
                ledger.changed(
                    "product",
                    key,
                    state.product,
                    before=known,
                    read_at=state.read_at,
                    changed_at=state.changed_at,
                    number=number,
                    skus=state.claims,
                )
        ordered = sorted(skus)
        claims = merged(await self._memory.claimants(ordered), {key: state.claims for key, state in states.items()})
        for kind in ("price", "stock"):
            remembered = await self._memory.observed(kind, ordered)
            for sku in ordered:
                _tell_sku(ledger, kind, sku, owner(claims.get(sku, ())), states, remembered.get(sku))
        return ledger.events, ledger.observations


def _tell_sku(  # noqa: PLR0917 - one call
    ledger: "_Ledger",
    kind: str,
    sku: str,
    holder: str | None,
    states: Mapping[str, ProductState],
    before: Observed | None,
) -> None:
    """Price or stock of one SKU, from the product that it belongs to now; nothing where that was not read."""
    if holder is None:
        last = max(state.read_at for state in states.values())
        ledger.deleted(kind, sku, before=before, read_at=last, refs={})
        return
    state = states.get(holder)
    part = state.parts[kind] if state is not None else None
    if state is None or part is None:
        return
    entity = part.by_sku.get(sku)
    if entity is None:
        ledger.deleted(kind, sku, before=before, read_at=state.read_at, refs={})
    else:
        ledger.changed(kind, sku, entity, before=before, read_at=state.read_at, changed_at=part.changed_at)


class _Ledger:
    """Collects the events of a batch and what to remember once they are out."""

    def __init__(self, connection: str, *, force: bool) -> None:
        self._connection = connection
        self._force = force
        self.events: list[Event] = []
        self.observations: list[Observed] = []

    def changed(
        self,
        kind: str,
        key: str,
        entity: Entity,
        *,
        before: Observed | None,
        read_at: datetime,
        changed_at: datetime | None,
        number: int | None = None,
        skus: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """An entity as it is now; no event when it is remembered like that."""
        content = entity_hash(entity)
        if before is not None and not before.deleted and before.hash == content:
            if self._force:
                self._add(entity, before.event_id, before.time)
            if before.skus != skus:
                self.observations.append(
                    Observed(kind, key, content, before.event_id, before.time, number=number, skus=skus)
                )
            return
        time = _version_time(changed_at, before, read_at)
        id_ = self._id(kind, key, before, content)
        self._add(entity, id_, time)
        self.observations.append(Observed(kind, key, content, id_, time, number=number, skus=skus))

    def deleted(
        self,
        kind: str,
        key: str,
        *,
        before: Observed | None,
        read_at: datetime,
        refs: Mapping[str, str],
        number: int | None = None,
    ) -> None:
        """An entity that is gone; no event when it was never told of, or was told as gone."""
        if before is None or before.deleted:
            return
        time = _version_time(None, before, read_at)
        id_ = self._id(kind, key, before, "")
        self.events.append(deleted(kind, key, connection=self._connection, source=SOURCE, refs=refs, time=time, id=id_))
        self.observations.append(Observed(kind, key, "", id_, time, number=number, deleted=True))

    def _add(self, entity: Entity, id_: str, time: datetime) -> None:
        self.events.append(changed(entity, connection=self._connection, source=SOURCE, time=time, id=id_))

    def _id(self, kind: str, key: str, before: Observed | None, content: str) -> str:
        return event_id(self._connection, SOURCE, kind, key, before.event_id if before else "", content)


def _version_time(changed_at: datetime | None, before: Observed | None, read_at: datetime) -> datetime:
    """The newest time of the rows when it tells the states apart, else when it was seen; always later than before.

    A row stamped in the future would make every later state look old, so that does not count.
    """
    if changed_at is not None and changed_at > read_at + _IN_THE_FUTURE:
        changed_at = None
    if before is None:
        return changed_at or read_at
    if changed_at is not None and changed_at > before.time:
        return changed_at
    return max(read_at, before.time + _AFTER)
