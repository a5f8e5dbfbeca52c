"""Stock locations to SparkLayer: created and renamed, never deleted, for their levels would go with them."""

from collections.abc import Sequence

from connector.errors import NotFound, PlatformError
from connector.sparklayer import SparkLayerClient
from contracts.entities import StockLocation
from handlers.outcome import Applied, Context, Outcome, Task, would_write
from handlers.sparklayer.body_hash import body_hash
from handlers.sparklayer.classify import classify
from handlers.sparklayer.stock_locations import StockLocations

DEFAULT = "default"


class StockLocationHandler:
    """Applies stock locations. With all stock in one place, no other place is made.

    `look_only` tells what differs instead of writing it.
    """

    entity = "stock-location"
    batch = 50
    after: Sequence[str] = ()

    def __init__(self, client: SparkLayerClient, locations: StockLocations, *, look_only: bool = False) -> None:
        self._client = client
        self._look_only = look_only
        self._locations = locations

    async def apply(self, tasks: Sequence[Task], context: Context) -> Sequence[Outcome]:
        """See `Handler`."""
        outcomes = []
        for task in tasks:
            try:
                outcomes.append(await self._apply(task, context))
            except PlatformError as error:
                self._locations.forget()
                outcomes.append(classify(error))
        return outcomes

    async def _apply(self, task: Task, context: Context) -> Outcome:
        location = task.entity
        if location is None or (context.settings.stock.mode == "single_default" and task.key != DEFAULT):
            return Applied(body_hash(None), unchanged=True)
        if not isinstance(location, StockLocation):
            raise TypeError(f"{task.key} is no stock location")
        hash_ = body_hash({"name": location.name})
        if hash_ == task.applied_hash and not task.doubt:
            return Applied(hash_, unchanged=True)
        if task.doubt and (await self._locations.names()).get(location.key) == location.name:
            return Applied(hash_, refs={"sparklayer": location.key}, unchanged=True)
        if self._look_only:
            return would_write(f"stock location {location.key} is not there as it should be")
        if location.key in await self._locations.known():
            try:
                await self._client.stock_locations.change(location.key, {"name": location.name})
                self._locations.renamed(location.key, location.name)
            except NotFound:
                self._locations.forget()
        await self._locations.ensure({location.key: location.name})
        return Applied(hash_, refs={"sparklayer": location.key})
