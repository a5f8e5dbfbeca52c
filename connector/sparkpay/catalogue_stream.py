"""The catalogue of one store, watched: products with their prices and stock."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import aclosing

from connector.clock import Clock
from connector.ports import Memory, Priority, Progress
from connector.settings import ConnectionSettings
from connector.sparkpay import field_values
from connector.sparkpay.bundle import ReferenceData
from connector.sparkpay.catalogue import Catalogue
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.gone import Gone
from connector.sparkpay.live import CATALOGUE, REFERENCE, LivePoll
from connector.sparkpay.observer import Observer
from connector.sparkpay.outlines import Outlines
from connector.sparkpay.pace import SweepPause
from connector.sparkpay.product_state import OnProblem, ProductMapping
from connector.sparkpay.reference import ReferenceBook
from connector.sparkpay.run_position import RunPosition
from connector.sparkpay.selection import Selection
from connector.sparkpay.sender import Sender
from connector.sparkpay.stream import Found, ReadNamed, unheard
from connector.sparkpay.sweep import Sweeps
from connector.sparkpay.told import Told
from connector.sparkpay.whole_walk import WholeWalk

_HIDDEN_SECONDS = 60.0  # what a sync reads may take it as known for so long which products are hidden


class CatalogueStream:
    """Implements `Stream` for products, prices and stock, as far as they are told."""

    def __init__(  # noqa: PLR0917 - the whole world of the catalogue
        self,
        client: SparkPayClient,
        memory: Memory,
        sender: Sender,
        reference: ReferenceBook,
        settings: ConnectionSettings,
        connection: str,
        clock: Clock,
        *,
        kinds: frozenset[str],
        pause: SweepPause,
        mapping: ProductMapping,
        on_problem: OnProblem,
        on_found: Found = unheard,
    ) -> None:
        self.kinds = kinds
        self.looks: Mapping[str, int] = CATALOGUE
        custom_fields = settings.reads_product_fields
        self.slow: Sequence[str] = (*REFERENCE, field_values.RESOURCE) if custom_fields else REFERENCE
        self._client = client
        self._memory = memory
        self._reference = reference
        self.catalogue = Catalogue(client, reference, custom_fields=custom_fields)
        self.observer = Observer(
            client,
            self.catalogue,
            memory,
            sender,
            reference=reference,
            settings=settings,
            connection=connection,
            kinds=kinds,
            mapping=mapping,
            on_problem=on_problem,
        )
        outlines = Outlines()
        gone = Gone("product", "products", client, memory, self.observer, settings, connection, outlines.forget)
        self._live = LivePoll(
            client,
            self.catalogue,
            self.observer,
            memory,
            reference=reference,
            gone=gone,
            settings=settings,
            outlines=outlines,
            on_found=on_found,
        )
        self.named: Mapping[str, ReadNamed] = {"products": self._live.tell_named}
        self._whole = WholeWalk(client, self.catalogue, self.observer, self._live, gone, outlines)
        self._sweeps = Sweeps(
            client,
            self._whole,
            memory,
            gone=gone,
            settings=settings,
            clock=clock,
            outlines=outlines,
            pause=pause,
        )
        self._selections: dict[str, Selection] = {}
        self._compared: ReferenceData | None = None

    async def is_new(self) -> bool:
        """See `Stream`."""
        return await self._live.feeds.is_new()

    async def poll(
        self, resources: Iterable[str], priority: Priority, *, afresh: bool = False
    ) -> tuple[set[str], Told]:
        """See `Stream`. `afresh` also reads again which products are hidden in a store."""
        found = await self._live.poll(resources, priority, afresh=afresh)
        await self._compare_reference()
        return found

    async def full_sync(
        self, run_id: str, progress: Progress | None, *, force: bool, only: frozenset[str] | None
    ) -> Told:
        """See `Stream`. `only` some of the kinds: the others, and deletions, are left for looks and sweeps to find."""
        kinds = self.kinds & (only or self.kinds)
        position = RunPosition(self._memory, f"full:{run_id}")
        after = await position.after()
        if not kinds or after is None:
            return Told()
        selection = None if kinds == self.kinds else self._selections.setdefault(run_id, Selection(kinds))
        await self._reference.refresh_inactive(Priority.SYNC, older_than=_HIDDEN_SECONDS)
        await self._live.feeds.begin(Priority.SYNC)
        total = Told()
        walk = (
            self._whole.stretches(after, force=force)
            if selection is None
            else self._whole.chosen(after, selection, force=force)
        )
        async with aclosing(walk) as stretches:
            async for stretch in stretches:
                await position.reached(stretch.until)
                total += stretch.told
                if progress is not None:
                    told = stretch.told
                    await progress(read=stretch.read, published=told.published, skipped=told.skipped)
        if selection is None:
            await self._sweeps.set_baseline()
        self._selections.pop(run_id, None)
        await position.done()
        return total

    async def tell_some(self, ids: Iterable[int], kinds: frozenset[str], *, force: bool) -> Told:
        """See `Stream`: products by id. Deletions are told where nothing but `kinds` is left out."""
        await self._reference.refresh_inactive(Priority.SYNC, older_than=_HIDDEN_SECONDS)
        reader = object()
        self.observer.reads.begin(reader, self._client.order)
        try:
            if self.kinds <= kinds:
                return await self._live.tell(ids, Priority.SYNC, force=force)
            read = await self.catalogue.hydrate(ids, priority=Priority.SYNC)
            selection = Selection(self.kinds & kinds)
            return await self.observer.observe(read.bundles, priority=Priority.SYNC, force=force, selection=selection)
        finally:
            self.observer.reads.end(reader)

    async def forget_run(self, run_id: str) -> None:
        """See `Stream`."""
        await RunPosition(self._memory, f"full:{run_id}").forget()

    async def has_walked(self) -> bool:
        """See `Stream`."""
        return await self._sweeps.has_baseline()

    async def seconds_until_sweep(self, *, first: bool) -> float:  # noqa: ARG002 - a first sync is asked for
        """See `Stream`; the first walk over a catalogue is always a full sync."""
        return await self._sweeps.seconds_until_due()

    async def sweep(self) -> Told:
        """See `Stream`."""
        if not self._sweeps.under_way:
            await self._reference.refresh_inactive(Priority.SYNC)
        told = await self._sweeps.advance()
        await self._compare_reference()
        return told

    async def sweep_all(self, progress: Progress | None) -> Told:
        """See `Stream`."""
        told = await self._sweeps.run_all(progress)
        await self._compare_reference()
        return told

    async def stop(self) -> None:
        """See `Stream`."""
        await self._sweeps.stop()

    async def _compare_reference(self) -> None:
        """Other statuses, types, warehouses or groups may change any product: then all are walked again.

        Products hidden in a store are read by themselves.
        """
        known = self._reference.known
        if known is self._compared or known is None:
            return
        before, self._compared = self._compared, known
        if before is not None and _shared(before) != _shared(known):
            await self._sweeps.soon()


def _shared(data: ReferenceData) -> tuple[object, ...]:
    """What concerns more than single products, without the times."""
    tables = (data.variant_groups, data.product_statuses, data.customer_types, data.warehouses)
    untimed = tuple(
        {id_: {name: value for name, value in row.items() if name != "updated_at"} for id_, row in table.items()}
        for table in tables
    )
    return (data.store_id, data.image_base, dict(data.inventory_settings), *untimed)
