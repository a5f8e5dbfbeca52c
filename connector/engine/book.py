"""The connections as this process knows them; looked up anew when somebody changed one."""

from collections.abc import Iterable, Mapping

from connector.clock import Clock
from connector.state.connections import Connection, Connections

DEPARTED_SECONDS = 600.0  # by then nothing of a connection that was removed is on its way any more
FRESH_SECONDS = 2.0  # a connection that was added has to be picked up within five


class ConnectionBook:
    """A cache over the table of connections that is never older than two seconds."""

    def __init__(self, connections: Connections, clock: Clock) -> None:
        self._connections = connections
        self._clock = clock
        self._versions: Mapping[str, int] = {}
        self._known: dict[str, Connection] = {}
        self._departed: dict[str, float] = {}
        self._read_at = float("-inf")

    async def all(self, *, refresh: bool = False) -> Mapping[str, Connection]:
        """Every connection by id."""
        if refresh or self._clock.monotonic() - self._read_at >= FRESH_SECONDS:
            versions = await self._connections.versions()
            if versions != self._versions:
                before = self._known
                self._known = {found.id: found for found in await self._connections.all()}
                self._departed |= dict.fromkeys(before.keys() - self._known.keys(), self._clock.monotonic())
                self._versions = versions
            self._read_at = self._clock.monotonic()
        return self._known

    async def covering(self, wanted: Iterable[str]) -> Mapping[str, Connection]:
        """Every connection by id, looked up anew when one of these is not known.

        So the first event of a connection that was added a moment ago is not refused, and a batch of events of
        connections that do not exist costs one look.
        """
        known = await self.all()
        return known if known.keys() >= set(wanted) else await self.all(refresh=True)

    def departed(self) -> set[str]:
        """Connections that this process knew and that were removed within the last minutes."""
        oldest = self._clock.monotonic() - DEPARTED_SECONDS
        self._departed = {id_: at for id_, at in self._departed.items() if at > oldest and id_ not in self._known}
        return set(self._departed)
