"""Turns readings of products into change events: what is as it was is not told again."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from connector.errors import NotFound
from connector.ports import Memory, Observed, Priority
from connector.settings import ConnectionSettings
from connector.sparkpay.bundle import ProductBundle
from connector.sparkpay.catalogue import Catalogue
from connector.sparkpay.claims import Claim, id_of, merged, owner
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.ledger import DOUBT, SOURCE, Ledger
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
from connector.sparkpay.selection import CATALOGUE_KINDS, Selection
from connector.sparkpay.sender import Sender
from connector.sparkpay.told import Told

_BREATH = 10


class Observer:
    """Publishes what changed at one connection, one batch at a time.

    Of the catalogue's kinds only `kinds` are told. The SKUs that a product claims are remembered in any case, because
    prices and stock hang on them.
    """

    def __init__(
        self,
        client: SparkPayClient,
        catalogue: Catalogue,
        memory: Memory,
        sender: Sender,
        *,
        reference: ReferenceBook,
        settings: ConnectionSettings,
        connection: str,
        kinds: frozenset[str] = CATALOGUE_KINDS,
        mapping: ProductMapping = DEFAULT_MAPPING,
        on_problem: OnProblem = log_problem,
    ) -> None:
        self._client = client
        self._catalogue = catalogue
        self._reference = reference
        self._memory = memory
        self._sender = sender
        self._kinds = kinds
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
        selection: Selection | None = None,
    ) -> Told:
        """Publish what is new in these products and remember it. `force` repeats what is not, with the ids it had.

        `gone_ids` are products confirmed as deleted, each with the number of the request that said so. Prices and stock
        of a SKU that these products let go are told from whoever claims it next. A `selection` limits what is told, and
        deletions of products are left to others then. Raises what the platform, the bus and the database raise; then
        nothing is remembered.
        """
        async with self._lock:
            states, told = await self._states(bundles, gone_ids or {}, priority)
            partly = [id_ for id_ in told.stale if self.reads.is_partly_told(id_)]
            if partly:
                again = await self._catalogue.hydrate(partly, priority=_urgent(priority))
                states.update((await self._states(again.bundles, {}, priority))[0])
                told = replace(told, stale=tuple(id_ for id_ in told.stale if id_ not in set(partly)))
            if not states:
                return told
            before = dict(await self._memory.observed("product", list(states)))
            skus = _concerned(states, before)
            asked = set(states)
            while heirs := await self._heirs(states, skus, asked, priority, selection):
                remembered = await self._memory.observed("product", list(heirs))
                states.update(heirs)
                before.update(remembered)
                skus |= _concerned(heirs, remembered)
            ledger = await self._news(states, before, skus, force=force, selection=selection)
            published = await self._sender.send(ledger, priority)
            self._sender.findings.read("product", states)
            for state in states.values():
                self.reads.take(id_of(state.key), state.order, partly=selection is not None)
                if selection is not None:
                    selection.keep(state.key, state.claims)
            return Told(published, told.skipped, told.stale)

    async def tell_gone(self, gone_ids: Mapping[int, int], priority: Priority) -> Told:
        """Publish that these products are gone; see `observe`."""
        return await self.observe([], gone_ids=gone_ids, priority=priority)

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
        self,
        states: Mapping[str, ProductState],
        skus: set[str],
        asked: set[str],
        priority: Priority,
        selection: Selection | None,
    ) -> dict[str, ProductState]:
        """States of products outside the batch that become the owner of a SKU through it; read now, once (`asked`).

        An heir may have changed or gone as well, and leave SKUs of its own to others: so it is called as long as new
        ones turn up.
        """
        before = await self._claimants(sorted(skus), selection)
        after = merged(before, {key: state.claims for key, state in states.items()})
        wanted = {
            new
            for sku, claims in after.items()
            if (new := owner(claims)) is not None and new not in asked and new != owner(before.get(sku, ()))
        }
        if not wanted:
            return {}
        asked |= wanted
        urgent = _urgent(priority)
        read = await self._catalogue.hydrate(sorted(id_of(key) for key in wanted), priority=urgent)
        confirmed = await self.confirm_gone(read.missing, urgent)
        return (await self._states(read.bundles, confirmed, urgent))[0]

    async def _news(
        self,
        states: Mapping[str, ProductState],
        before: Mapping[str, Observed],
        skus: set[str],
        *,
        force: bool,
        selection: Selection | None,
    ) -> Ledger:
        ledger = Ledger(self._connection, force=force)
        kinds = self._kinds if selection is None else self._kinds & selection.kinds
        if "product" not in self._kinds and selection is None:
            ledger.observations += _claims_alone(states, before)
        for key, state in states.items() if "product" in kinds else ():
            number, known = id_of(key), before.get(key)
            if state.product is None and selection is not None:
                continue
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
                    skus=state.claims if selection is None else _claims_before(known),
                )
        ordered = sorted(skus)
        now = {key: state.claims for key, state in states.items()}
        claims = merged(await self._claimants(ordered, selection), now)
        for kind in (kind for kind in ("price", "stock") if kind in kinds):
            remembered = await self._memory.observed(kind, ordered)
            for sku in ordered:
                _tell_sku(ledger, kind, sku, owner(claims.get(sku, ())), states, remembered.get(sku))
        return ledger

    async def _claimants(self, skus: Sequence[str], selection: Selection | None) -> Mapping[str, Sequence[Claim]]:
        remembered = await self._memory.claimants(skus)
        return remembered if selection is None else selection.over(remembered, skus)


def _urgent(priority: Priority) -> Priority:
    """Reading in the middle of a batch: every other batch waits meanwhile."""
    return min(priority, Priority.LIVE)


def _concerned(states: Mapping[str, ProductState], before: Mapping[str, Observed]) -> set[str]:
    """The SKUs that these products had or have."""
    had = {sku for known in before.values() for sku, _ in known.skus}
    return had | {sku for state in states.values() for sku, _ in state.claims}


def _claims_alone(states: Mapping[str, ProductState], before: Mapping[str, Observed]) -> list[Observed]:
    """What products claim, where products themselves are not told: once they are, each of them will be news."""
    found = []
    for key, state in states.items():
        known = before.get(key) or Observed("product", key, DOUBT, "", state.read_at, number=id_of(key), deleted=True)
        gone = state.product is None
        if known.skus != state.claims or known.deleted is not gone:
            found.append(replace(known, skus=state.claims, deleted=gone))
    return found


def _claims_before(known: Observed | None) -> tuple[tuple[str, str], ...]:
    return known.skus if known is not None else ()


def _tell_sku(  # noqa: PLR0917 - one call
    ledger: Ledger,
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
