"""What platform code needs of the world, without knowing the bus or the database."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any, Protocol

from contracts.entities import Entity
from contracts.events import Event


class Priority(IntEnum):
    """Who goes first on a budget and in the inbox; the names are those of the `paylayer-priority` header."""

    INTERACTIVE = 0
    LIVE = 1
    REPLAY = 2
    SYNC = 3


class Doubt(IntEnum):
    """How sure it is that a side has what the inbox says was applied there last."""

    NONE = 0
    UNSEEN = 1  # after a loss of state: look before anything is written
    SEEN = 2  # the ledger tells what was found there just now; nothing is decided yet
    SENT = 3  # it was on its way, and nobody has written down what became of it: look at this one alone


@dataclass(frozen=True, slots=True)
class Observed:
    """The state of an entity that a source showed last, and the event that told of it."""

    entity: str
    key: str
    hash: str  # of the canonical entity; empty for a deletion, and where what was shown is not on record any more
    event_id: str
    time: datetime  # the event's version time
    number: int | None = None  # the source's own numeric id: for sweeps over id ranges
    skus: tuple[tuple[str, str], ...] = ()  # products: (SKU, variant id) pairs that it claims
    deleted: bool = False


class Memory(Protocol):
    """What a producer remembers about one connection and source; every write is durable when the call returns."""

    async def observed(self, entity: str, keys: Sequence[str]) -> Mapping[str, Observed]:
        """What is remembered of these keys."""
        ...

    async def remember(self, observations: Sequence[Observed]) -> None:
        """Store observations whose events the bus has acknowledged; products replace their SKU claims."""
        ...

    async def numbers(self, entity: str, after: int, until: int | None) -> Sequence[int]:
        """Numbers of the not deleted entities with after < number <= until, ascending; for deletion sweeps."""
        ...

    async def keyed(self, entity: str, numbers: Sequence[int]) -> Mapping[int, Sequence[str]]:
        """The keys of the not deleted entities with these numbers."""
        ...

    async def claimants(self, skus: Sequence[str]) -> Mapping[str, Sequence[tuple[str, str]]]:
        """(product key, variant id) of everything that claims a SKU at this source."""
        ...

    async def cursor(self, name: str) -> Mapping[str, Any] | None:
        """A stored position; none at the first start."""
        ...

    async def save_cursor(self, name: str, position: Mapping[str, Any] | None) -> None:
        """Store (or with none, forget) a position."""
        ...


class Outlet(Protocol):
    """Where a producer puts its events."""

    async def publish(self, events: Sequence[Event], priority: Priority, target: str | None = None) -> None:
        """Return after the bus has acknowledged every event. Raises `Unavailable` when it does not."""
        ...


class Ticket(Protocol):
    """One call that may leave now."""

    def answered(self, used: int | None, limit: int | None) -> None:
        """The reply's `X-AC-Call-Limit`; none where it has none. Call once, with every reply."""
        ...

    def throttled(self, retry_after: float) -> None:
        """The reply was 429: nobody sends for so many seconds."""
        ...


class Echoes(Protocol):
    """Tells what PayLayer itself wrote to a platform from what somebody changed there."""

    async def sift(self, events: Sequence[Event]) -> Sequence[Event]:
        """Those of a producer's events that say something new, in order, each under its entity's own key.

        That is another than the producer's where the entity was made for it (`sparkpay:123` for `erp:77`). What is
        left out only shows what was written there: its observation is remembered all the same.
        """
        ...


class NoEchoes:
    """For a producer whose platform nobody writes to: everything is news."""

    async def sift(self, events: Sequence[Event]) -> Sequence[Event]:
        """All of them."""
        return events


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a side should have of an entity; none for one that should be gone, or of which nothing was taken there."""

    entity: Entity | None
    settled: bool  # nothing of it is on its way
    applied_at: datetime | None = None


class Known(Protocol):
    """What a connection's state knows of one side: for platforms that have no list of it."""

    async def skus(self, after: str, limit: int) -> Sequence[str]:
        """SKUs that are there or that the other platform shows, ascending, those after one."""
        ...

    async def entities(self, entity: str, after: str, limit: int) -> Sequence[tuple[str, str]]:
        """Key, and id on that side, of what was applied there and is not deleted; by key, those after one."""
        ...

    async def wanted(self, entity: str, keys: Sequence[str]) -> Mapping[str, Wanted]:
        """What was wanted there last, of those keys of which anything was."""
        ...


class CallBudget(Protocol):
    """The calls that a store allows, shared by everything that calls it."""

    def call(self, priority: Priority) -> AbstractAsyncContextManager[Ticket]:
        """Wait for a free call; leaving the block counts it as answered now, whatever happened."""
        ...


class Progress(Protocol):
    """Who wants to know how a long walk goes."""

    async def __call__(self, *, read: int = 0, published: int = 0, skipped: int = 0) -> None:
        """Counts to add."""
        ...


@dataclass(frozen=True, slots=True)
class Holder:
    """One claim on a SKU as a directory of SKUs knows it."""

    product: str
    part: str
    state: str


@dataclass(frozen=True, slots=True)
class Desired:
    """The newest wanted state of a product: the SKUs it claims, and whether it is still to be applied."""

    skus: frozenset[str]
    pending: bool


RowPages = AsyncIterator[Sequence[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Hint:
    """A row of a platform of which somebody said that it changed; `stamp` is another after each renewal."""

    resource: str
    number: int  # the platform's own id
    stamp: str


class Hints(Protocol):
    """The rows of one connection that are said to have changed; a row is there once, however often it is named."""

    async def take(self, limit: int) -> Sequence[Hint]:
        """The oldest ones. They stay until they are forgotten."""
        ...

    async def forget(self, hints: Sequence[Hint]) -> None:
        """Remove those that were not renewed since they were taken."""
        ...

    async def arrivals(self) -> Mapping[str, datetime]:
        """By resource, when the latest hint came."""
        ...


@dataclass(frozen=True, slots=True)
class Unmapped:
    """An entity that a platform shows and that cannot be said in PayLayer's words.

    `rest_is_told`: only this part of it is missing, and everything else of the same reading is told.
    """

    kind: str
    key: str
    code: str
    message: str
    part: str | None = None
    rest_is_told: bool = False


class Findings(Protocol):
    """What a reader of a platform could not map, until it could. Nothing here waits or fails."""

    def found(self, problem: Unmapped) -> None:
        """It was read just now, and this is wrong with it."""
        ...

    def read(self, kind: str, keys: Iterable[str]) -> None:
        """These were read just now, or are gone there: what was wrong before is mended.

        What was found with `rest_is_told` since such an entity was read last stays.
        """
        ...


class NoFindings:
    """For a reader whose problems nobody keeps."""

    def found(self, problem: Unmapped) -> None:
        """Forget it."""

    def read(self, kind: str, keys: Iterable[str]) -> None:
        """Forget them."""
