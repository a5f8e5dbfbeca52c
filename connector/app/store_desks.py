"""A store's client for whoever waits for an answer: kept between calls, renewed when the connection changes."""

import asyncio
from dataclasses import dataclass, field

from connector.app.core import Core
from connector.app.finishing import Finishing
from connector.app.platforms import Platforms
from connector.budget.shared import SharedBudget
from connector.budget.urgency import UrgencyBudget, acting_as
from connector.mapping_rules import mapping_of
from connector.ports import Priority
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.moved_store import MovedStore
from connector.state.claims import SideDirectory
from connector.state.connections import Connection
from connector.state.entities import SideEntities
from connector.state.intents import SideIntents
from connector.state.observations import SourceMemory
from contracts.entities import Entity
from handlers import sparkpay as to_sparkpay
from handlers.mapped import mapped
from handlers.outcome import Context, Handler, Outcome, Task

SIDE = "sparkpay"


@dataclass(frozen=True, slots=True)
class StoreDesk:
    """One store, ready to be called: its client, and the handlers that write to it."""

    core: Core
    connection: Connection
    client: SparkPayClient
    handlers: dict[str, Handler]
    budget: SharedBudget
    finishing: Finishing = field(default_factory=Finishing)

    async def apply(self, entity: Entity, kind: str, key: str) -> Outcome:
        """What the handler of a kind says of the entity, while somebody waits for it."""
        with acting_as(Priority.INTERACTIVE):
            (outcome,) = await self.handlers[kind].apply([Task(self.connection.id, key, entity)], self.context())
        return outcome

    def context(self) -> Context:
        """What handlers may use besides the client."""
        core, id_ = self.core, self.connection.id
        return Context(
            self.connection.settings,
            SideDirectory(core.database, id_, SIDE),
            core.clock.now(),
            SideEntities(core.database, id_, SIDE),
            SideIntents(core.database, core.clock, id_, SIDE),
        )


@dataclass(slots=True)
class StoreDesks:
    """The desks of a process, one per connection."""

    core: Core
    platforms: Platforms
    _open: dict[str, StoreDesk] = field(default_factory=dict)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def of(self, connection: Connection) -> StoreDesk:
        """The desk of a connection as it is now."""
        async with self._lock:
            desk = self._open.get(connection.id)
            if desk is not None and desk.connection == connection:
                return desk
            if desk is not None:
                await self._close(self._open.pop(connection.id))
            budget = self.platforms.budget(connection)
            client = self.platforms.sparkpay(connection, UrgencyBudget(budget))
            handlers = mapped(to_sparkpay.handlers(client), mapping_of(connection.settings.mapping.rules), SIDE)
            desk = StoreDesk(self.core, connection, client, handlers, budget)
            memory = SourceMemory(self.core.database, self.core.clock, connection.id, SIDE)
            try:
                await MovedStore(client, memory, connection.id).check()
            except BaseException:
                await self._close(desk)
                raise
            self._open[connection.id] = desk
            return desk

    async def drop(self, connection: str) -> None:
        """The connection is gone."""
        async with self._lock:
            if (desk := self._open.pop(connection, None)) is not None:
                await self._close(desk)

    async def close(self) -> None:
        """Close all of them."""
        for id_ in list(self._open):
            await self.drop(id_)

    async def _close(self, desk: StoreDesk) -> None:
        await desk.finishing.close()
        await desk.client.__aexit__(None, None, None)
        await desk.budget.close()
