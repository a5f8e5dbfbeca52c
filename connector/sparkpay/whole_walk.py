"""Every product of the store, read and published; what is not there any more is published as deleted."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from connector.ports import Memory, Priority
from connector.sparkpay.bundle import ProductBundle
from connector.sparkpay.catalogue import Catalogue
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.live import LivePoll
from connector.sparkpay.observer import Observer, Told
from connector.sparkpay.outlines import Outlines


@dataclass(frozen=True, slots=True)
class Stretch:
    """Part of a walk that is published and remembered: up to and including product `until`."""

    until: int
    read: int
    told: Told


class WholeWalk:
    """Walks the catalogue of one connection; several walks and the live poll may run side by side."""

    def __init__(
        self,
        client: SparkPayClient,
        catalogue: Catalogue,
        observer: Observer,
        memory: Memory,
        *,
        live: LivePoll,
        outlines: Outlines,
    ) -> None:
        self._client = client
        self._catalogue = catalogue
        self._observer = observer
        self._memory = memory
        self._live = live
        self._outlines = outlines

    async def stretches(
        self, after: int, *, force: bool = False, priority: Priority = Priority.SYNC
    ) -> AsyncGenerator[Stretch, None]:
        """All products above `after` as they are; `force` publishes what is not new as well."""
        generation = self._outlines.generation
        async with aclosing(self._each(self._catalogue.bundles(after, priority=priority), after, priority)) as slices:
            async for bundles, stretch in slices:
                told = await self._observer.observe(bundles, priority=priority, force=force)
                self._outlines.keep(bundles)
                if told.stale and force:
                    told += await self._live.tell(told.stale, priority, force=True)
                yield Stretch(stretch.until, stretch.read, stretch.told + told)
        if after == 0:
            self._outlines.completed(generation)

    async def differences(self, *, priority: Priority = Priority.SYNC) -> AsyncGenerator[Stretch, None]:
        """All products of which prices, stock or plain fields are not as published, read anew.

        For a store of which every product is outlined; costs neither pictures nor options.
        """
        async with aclosing(self._each(self._catalogue.outlines(priority=priority), 0, priority)) as slices:
            async for bundles, stretch in slices:
                suspects = self._outlines.differing(bundles)
                told = await self._live.tell([bundle.id for bundle in suspects], priority)
                self._outlines.keep(suspects)
                yield Stretch(stretch.until, stretch.read, stretch.told + told)

    async def missing(self, after: int, until: int | None, present: set[int], priority: Priority) -> Told:
        """Publish as deleted what was published in this range of ids, is not present, and is confirmed to be gone."""
        known = await self._memory.numbers("product", after, until)
        confirmed = await self._observer.confirm_gone([id_ for id_ in known if id_ not in present], priority)
        self._outlines.forget(confirmed)
        return await self._observer.observe([], gone_ids=confirmed, priority=priority) if confirmed else Told()

    async def _each(
        self, walk: AsyncGenerator[list[ProductBundle], None], after: int, priority: Priority
    ) -> AsyncGenerator[tuple[list[ProductBundle], Stretch], None]:
        """Slices of a walk, each with the deletions before and within it; the last one is empty."""
        reader = object()
        self._observer.reads.begin(reader, self._client.order)
        try:
            async with aclosing(walk) as slices:
                async for bundles in slices:
                    self._observer.reads.begin(reader, min(bundle.read_order for bundle in bundles))
                    ids = {bundle.id for bundle in bundles}
                    until = max(ids)
                    gone = await self.missing(after, until, ids, priority)
                    yield bundles, Stretch(until, len(bundles), gone)
                    after = until
            yield [], Stretch(after, 0, await self.missing(after, None, set(), priority))
        finally:
            self._observer.reads.end(reader)
