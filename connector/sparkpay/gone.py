"""Rows that are gone: found by comparing ids, confirmed one by one, never too many at once."""

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from connector.errors import ConfirmationNeeded
from connector.ports import Memory, Priority
from connector.settings import ConnectionSettings
from connector.sparkpay import walk
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.query import Query
from connector.sparkpay.stretch import Stretch
from connector.sparkpay.told import Told

ALWAYS_ALLOWED = 20
"""Entities of a kind that may vanish together from however small a store."""

_BATCH = 200


class GoneTeller(Protocol):
    """Who publishes that entities are gone."""

    async def confirm_gone(self, ids: Sequence[int], priority: Priority, /) -> Mapping[int, int]:
        """Those that the platform answers 404 for, with the number of the request that said so."""
        ...

    async def tell_gone(self, gone_ids: Mapping[int, int], priority: Priority, /) -> Told:
        """Publish that these are gone."""
        ...


def _ignore(_ids: Iterable[int]) -> None:
    """Nobody keeps anything of them."""


@dataclass(frozen=True, slots=True)
class Gone:
    """Tells deletions of one kind of one connection; the only way that a deletion of such an entity leaves.

    More than `poll.deletions_at_once` of all known entities of the kind look like an empty answer or a token of another
    store: then `ConfirmationNeeded` is raised and none is told. `forget` hears of those that were told.
    """

    kind: str
    resource: str
    client: SparkPayClient
    memory: Memory
    teller: GoneTeller
    settings: ConnectionSettings
    connection: str
    forget: Callable[[Iterable[int]], None] = field(default=_ignore)

    async def confirmed(self, ids: Iterable[int], priority: Priority) -> dict[int, int]:
        """Of ids that were not answered those that were published and exist no more, with the request that said so.

        Each costs a call, because a list may be old or incomplete. Raises `ConfirmationNeeded`.
        """
        wanted = list(ids)
        alive = sorted(await self.memory.keyed(self.kind, wanted)) if wanted else []
        return dict(await self.teller.confirm_gone(await self.plausible(alive, priority), priority))

    async def tell(self, ids: Iterable[int], priority: Priority) -> Told:
        """Publish the deletion of those of these that are confirmed to be gone."""
        found = list((await self.confirmed(ids, priority)).items())
        told = Told()
        for start in range(0, len(found), _BATCH):
            batch = dict(found[start : start + _BATCH])
            told += await self.teller.tell_gone(batch, priority)
            self.forget(batch)
        return told

    async def walk(self, priority: Priority) -> AsyncGenerator[Stretch, None]:
        """All ids of the store against those that were published; deletions are told at its end."""
        census = Census(self, priority)
        async for page in walk.by_id(self.client, self.resource, Query().only("id"), priority=priority):
            present = {int(row["id"]) for row in page.rows}
            await census.count(max(present), present)
            yield Stretch(census.until, len(present), Told())
        yield Stretch(census.until, 0, await census.close())

    async def allowed(self) -> int:
        """How many may vanish at once."""
        known = len(await self.memory.numbers(self.kind, 0, None))
        return max(ALWAYS_ALLOWED, int(known * self.settings.poll.deletions_at_once))

    async def plausible(self, ids: list[int], priority: Priority, allowed: int | None = None) -> list[int]:
        """The ids, where they are not too many; else those that are missing when asked for by id as well."""
        if len(ids) <= ALWAYS_ALLOWED:
            return ids
        if allowed is None:
            allowed = await self.allowed()
        if len(ids) <= allowed:
            return ids
        found: set[object] = set()
        async for page in self.client.select_many(self.resource, ids, fields=("id",), priority=priority):
            found.update(row["id"] for row in page.rows)
        missing = [id_ for id_ in ids if id_ not in found]
        if len(missing) > allowed:
            raise ConfirmationNeeded(
                f"{self.client.origin} does not show {len(missing)} or more of the {self.resource} that connection "
                f"{self.connection} has published, {missing[0]} for one; at most {allowed} may vanish at once (setting "
                f"poll.deletions_at_once), so none was deleted. See that the token is for the right store. If they are "
                f"really deleted: paylayer connections update {self.connection} --set poll.deletions_at_once=1; "
                f"then paylayer connections resume {self.connection}"
            )
        return missing


class Census:
    """Which published entities one walk, in the order of ids, did not meet."""

    def __init__(self, gone: Gone, priority: Priority, after: int = 0) -> None:
        self.until = after
        self._gone = gone
        self._priority = priority
        self._absent: list[int] = []
        self._allowed: int | None = None

    async def count(self, until: int | None, present: set[int]) -> None:
        """The walk has come to this id (none: to its end). Raises `ConfirmationNeeded` as soon as too many lack."""
        known = await self._gone.memory.numbers(self._gone.kind, self.until, until)
        self._absent += [id_ for id_ in known if id_ not in present]
        self.until = self.until if until is None else until
        if len(self._absent) > ALWAYS_ALLOWED:
            self._allowed = await self._gone.allowed() if self._allowed is None else self._allowed
            self._absent = await self._gone.plausible(self._absent, self._priority, self._allowed)

    async def close(self) -> Told:
        """The walk is through: tell what is gone."""
        await self.count(None, set())
        return await self._gone.tell(self._absent, self._priority)
