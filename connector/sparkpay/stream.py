"""What the poller asks of whoever watches one part of a store."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Protocol

from connector.ports import Priority, Progress
from connector.sparkpay.told import Told

ReadNamed = Callable[[Sequence[int]], Awaitable[object]]
"""Reads rows of one resource by id and tells what is new in them; a row that is not there is looked into."""

Found = Callable[[str, Iterable[int]], None]
"""Is told of a resource and the rows of it that a look found changed."""


def unheard(_resource: str, _ids: Iterable[int]) -> None:
    """Nobody wants to know what looks find."""


class Stream(Protocol):
    """One part of a store - the catalogue, the customers, the orders, the small tables - looked at, walked and swept.

    Methods raise the typed errors of `connector.errors` and then have stored no position that they did not reach.
    """

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of entities that it tells."""
        ...

    @property
    def looks(self) -> Mapping[str, int]:
        """The resources to look at, and how often in comparison."""
        ...

    @property
    def slow(self) -> Sequence[str]:
        """The resources that hardly ever change: looked at each `poll.slowest_seconds`."""
        ...

    @property
    def named(self) -> Mapping[str, ReadNamed]:
        """The resources whose rows webhooks name for it, each with the way to read such rows at once."""
        ...

    async def is_new(self) -> bool:
        """Whether nothing of it was ever watched."""
        ...

    async def poll(
        self, resources: Iterable[str], priority: Priority, *, afresh: bool = False
    ) -> tuple[set[str], Told]:
        """Look at these resources once and publish what changed. Returns those that had changes, and what was told.

        `afresh` also reads what shows no change by itself.
        """
        ...

    async def full_sync(
        self, run_id: str, progress: Progress | None, *, force: bool, only: frozenset[str] | None
    ) -> Told:
        """Read and publish all of it, from where the run has come to; nothing where the run is through with it."""
        ...

    async def tell_some(self, ids: Iterable[int], kinds: frozenset[str], *, force: bool) -> Told:
        """Read the rows of these ids and publish what is new of these kinds; `force` what is not new as well."""
        ...

    async def forget_run(self, run_id: str) -> None:
        """The run is through with everything."""
        ...

    async def has_walked(self) -> bool:
        """Whether all of it was ever published: before that a sweep has nothing to compare with."""
        ...

    async def seconds_until_sweep(self, *, first: bool) -> float:
        """How long no sweep is due. `first`: one may do what a first full sync would have done."""
        ...

    async def sweep(self) -> Told:
        """Do the next stretch of a sweep, a call or a few."""
        ...

    async def sweep_all(self, progress: Progress | None) -> Told:
        """Compare everything once, now."""
        ...

    async def stop(self) -> None:
        """Give up a sweep that is under way; it begins again later."""
        ...
