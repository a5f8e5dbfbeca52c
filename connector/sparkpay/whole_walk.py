"""Every product of the store, read and published; what is not there any more is published as deleted."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace

from connector.ports import Priority
from connector.sparkpay.bundle import ProductBundle
from connector.sparkpay.catalogue import Catalogue
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.gone import Census, Gone
from connector.sparkpay.live import LivePoll
from connector.sparkpay.observer import Observer
from connector.sparkpay.outlines import Outlines
from connector.sparkpay.selection import Selection
from connector.sparkpay.stretch import Stretch
from connector.sparkpay.told import Told


@dataclass(frozen=True, slots=True)
class WholeWalk:
    """Walks the catalogue of one connection; several walks and the live poll may run side by side.

    Deletions are told at the end of a walk, when it is known that they are not too many.
    """

    client: SparkPayClient
    catalogue: Catalogue
    observer: Observer
    live: LivePoll
    gone: Gone
    outlines: Outlines

    async def stretches(
        self, after: int, *, force: bool = False, priority: Priority = Priority.SYNC
    ) -> AsyncGenerator[Stretch, None]:
        """All products above `after` as they are; `force` publishes what is not new as well."""
        generation = self.outlines.generation
        async with aclosing(self._each(self.catalogue.bundles(after, priority=priority), after, priority)) as slices:
            async for bundles, stretch in slices:
                told = await self.observer.observe(bundles, priority=priority, force=force)
                self.outlines.keep(bundles)
                if told.stale and force:
                    told += await self.live.tell(told.stale, priority, force=True)
                yield _more(stretch, told)
        if after == 0:
            self.outlines.completed(generation)

    async def chosen(
        self, after: int, selection: Selection, *, force: bool = False, priority: Priority = Priority.SYNC
    ) -> AsyncGenerator[Stretch, None]:
        """All products above `after`, of which only the selected kinds are told; nothing counts as seen or as gone."""
        walk = self._each(self.catalogue.bundles(after, priority=priority), after, priority, tell_gone=False)
        async with aclosing(walk) as slices:
            async for bundles, stretch in slices:
                told = await self.observer.observe(bundles, priority=priority, force=force, selection=selection)
                if told.stale and force:
                    read = await self.catalogue.hydrate(told.stale, priority=priority)
                    told += await self.observer.observe(
                        read.bundles, priority=priority, force=True, selection=selection
                    )
                yield _more(stretch, told)

    async def differences(self, *, priority: Priority = Priority.SYNC) -> AsyncGenerator[Stretch, None]:
        """All products of which prices, stock or plain fields are not as published, read anew.

        For a store of which every product is outlined; costs neither pictures nor options.
        """
        async with aclosing(self._each(self.catalogue.outlines(priority=priority), 0, priority)) as slices:
            async for bundles, stretch in slices:
                suspects = self.outlines.differing(bundles)
                told = await self.live.tell([bundle.id for bundle in suspects], priority)
                self.outlines.keep(suspects)
                yield _more(stretch, told)

    async def _each(
        self, walk: AsyncGenerator[list[ProductBundle], None], after: int, priority: Priority, *, tell_gone: bool = True
    ) -> AsyncGenerator[tuple[list[ProductBundle], Stretch], None]:
        """Slices of a walk; the last one is empty and has the deletions."""
        reader = object()
        census = Census(self.gone, priority, after)
        self.observer.reads.begin(reader, self.client.order)
        try:
            async with aclosing(walk) as slices:
                async for bundles in slices:
                    self.observer.reads.begin(reader, min(bundle.read_order for bundle in bundles))
                    ids = {bundle.id for bundle in bundles}
                    await census.count(max(ids), ids)
                    yield bundles, Stretch(census.until, len(bundles), Told())
            if tell_gone:
                yield [], Stretch(census.until, 0, await self._deletions(census, after, priority))
        finally:
            self.observer.reads.end(reader)

    async def _deletions(self, census: Census, after: int, priority: Priority) -> Told:
        """Of a walk that began in the middle nobody knows any more what it missed before: all ids are compared anew."""
        if after == 0:
            return await census.close()
        told = Told()
        async with aclosing(self.gone.walk(priority)) as stretches:
            async for stretch in stretches:
                told += stretch.told
        return told


def _more(stretch: Stretch, told: Told) -> Stretch:
    return replace(stretch, told=stretch.told + told)
