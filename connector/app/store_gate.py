"""Nobody works with a store before it is sure that it is the connection's own."""

import random
from dataclasses import dataclass

from connector.app.core import Core
from connector.engine.metrics import Metrics
from connector.engine.standstill import Standstill
from connector.errors import ConfirmationNeeded, CredentialsRefused
from connector.ports import Memory
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.moved_store import MovedStore
from connector.state.connections import Connection
from connector.state.pauses import BY_HAND

_SIDE = "sparkpay"
_LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class StoreGate:
    """For whoever reads or writes a store for long. What it refuses pauses the side, with the reason."""

    core: Core
    connection: Connection
    metrics: Metrics

    async def passed(self, client: SparkPayClient, memory: Memory) -> None:
        """Return when the address shows the store that the connection began with; that may take a person.

        Raises what the client raises, but not that the credentials are refused: that is a pause, which ends by itself
        when they are good.
        """
        moved = MovedStore(client, memory, self.connection.id)
        standstill = Standstill(
            self.connection.id,
            _SIDE,
            self.core.pauses,
            self.core.clock,
            random.Random(),  # noqa: S311 - it spreads probes
            self.metrics,
            access=moved.check,
            version=self.connection.version,
        )
        while True:
            try:
                await moved.check()
            except ConfirmationNeeded as error:
                await standstill.begin(str(error), BY_HAND)
            except CredentialsRefused as error:
                advice = f". Give it valid credentials: paylayer connections update {self.connection.id}"
                await standstill.begin(f"{error}{advice}", "credentials")
            else:
                return
            while (pause := await standstill.current()) is not None:
                if not (pause.probe_is_due(self.core.clock.now()) and await standstill.ask(pause)):
                    await self.core.clock.sleep(_LOOK_SECONDS)
