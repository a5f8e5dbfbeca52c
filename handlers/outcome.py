"""What became of an entity that was to be applied, and what a handler is given to find out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from connector.ports import Desired, Doubt, Holder
from connector.settings import ConnectionSettings
from contracts.entities import Entity


@dataclass(frozen=True, slots=True)
class Task:
    """One entity whose desired state should be on the platform.

    `entity` is none when it was deleted. `applied_hash` and `ledger` are what the handler itself returned when it
    last applied this key (none and empty for the first time): the hash of the outgoing body, and whatever it needs
    to remember of it. In `doubt` they prove nothing: what is there has to be looked at, and is not written again.
    `source` is the publisher of the event, none where nobody alone says all of it: what a source gave before and leaves
    out now was cleared there (`handlers.given`).
    """

    connection: str
    key: str
    entity: Entity | None
    refs: Mapping[str, str] = field(default_factory=dict)
    applied_hash: str | None = None
    ledger: Mapping[str, Any] = field(default_factory=dict)
    attempts: int = 0
    doubt: Doubt = Doubt.NONE
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Skip:
    """A part that could not be made valid and was left out (a variant without SKU), while the rest went on.

    A `note` left nothing out (a title was cut, several SKUs share one stock): it is on record as a problem, and makes
    no dead letter.
    """

    code: str
    message: str
    part: str | None = None
    note: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """A SKU that a variant holds on the platform (`live`, `retired`) or was refused there (`refused`)."""

    sku: str
    part: str
    state: str


@dataclass(frozen=True, slots=True)
class Displaced:
    """A variant of another product that had to leave its SKU for this one.

    It holds the SKU no more, whatever else this entity came to, and what was applied of its product proves nothing.
    """

    sku: str
    product: str
    part: str


@dataclass(frozen=True, slots=True)
class Applied:
    """It is there now. `unchanged` says that no write was needed.

    `claims` (products only; none = leave as they are) are all SKUs of this key with their state.
    `reopen` names keys of the same kind that have to be applied again because of what was done here.
    `wake_at` is the moment at which the same entity will mean something else (a sale begins or ends).
    """

    hash: str
    refs: Mapping[str, str] = field(default_factory=dict)
    ledger: Mapping[str, Any] = field(default_factory=dict)
    unchanged: bool = False
    skips: Sequence[Skip] = ()
    claims: Sequence[Claim] | None = None
    reopen: Sequence[str] = ()
    wake_at: datetime | None = None
    displaced: Sequence[Displaced] = ()


@dataclass(frozen=True, slots=True)
class Rejected:
    """It will never be taken like this: to the dead letters.

    `applied` says what was done on the platform all the same (its variants were suspended, some of its rows went
    through); it is remembered like any `Applied`, so that a later good state is not taken for an unchanged one.
    `wake_at` as in `Applied`: what is refused now may be taken then, what went through in part has to be taken back.
    """

    code: str
    message: str
    status: int | None = None
    details: Sequence[Mapping[str, object]] = ()
    error_class: str = "Rejected"
    claims: Sequence[Claim] | None = None
    applied: Applied | None = None
    wake_at: datetime | None = None
    displaced: Sequence[Displaced] = ()


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something must be applied first, for instance `sku:ROPE-60` or `product:sparkpay:18`."""

    for_: str
    message: str


A_WRITE = "write"


def would_write(message: str) -> Waiting:
    """Instead of a write, where only a look was asked for."""
    return Waiting(A_WRITE, message)


@dataclass(frozen=True, slots=True)
class Failed:
    """It did not work this time; tried again with back-off.

    `target` says whose fault: true = the platform is ill or throttles (no attempt is counted, the side slows down),
    false = this row (attempts are counted; rejected after the last). `pause` stops the whole side until somebody acts.
    `uncertain`: it may have been applied, so the remembered `applied_hash` of the key no longer proves anything.
    `wake_at` as in `Rejected`, for when the last attempt has failed.
    """

    message: str
    target: bool = True
    retry_after: float | None = None
    status: int | None = None
    code: str | None = None
    pause: bool = False
    uncertain: bool = False
    wake_at: datetime | None = None
    displaced: Sequence[Displaced] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """What the platform has was read, of a task in doubt, and nothing was decided: that is for when all are read.

    `ledger` is what the handler wants to be given then, with `Doubt.SEEN`; `claims` as in `Applied`.
    """

    ledger: Mapping[str, Any]
    claims: Sequence[Claim] | None = None


Outcome = Applied | Rejected | Waiting | Failed | Seen


class SkuDirectory(Protocol):
    """Which SKUs are known on the handler's side, and who holds them."""

    async def holders(self, skus: Sequence[str]) -> Mapping[str, Sequence[Holder]]:
        """All that hold or were refused a SKU on this side."""
        ...

    async def desired(self, product: str) -> Desired:
        """Whether that product's newest wanted state still claims which SKUs, and whether it is yet to be applied."""
        ...


class EntityDirectory(Protocol):
    """What was applied to the handler's side, for entities that others refer to."""

    async def refs(self, entity: str, keys: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """Ids in each system, by key, of the entities of a kind that are there; a key that is not is left out."""
        ...


class Intents(Protocol):
    """What must be on record before a call is made, because a process that dies in it cannot say so any more."""

    async def first(self, entity: str, key: str, step: str) -> bool:
        """Set the mark, and say whether it was not set before. If it was, an earlier call may have been taken."""
        ...

    async def displaces(self, product: str, sku: str, part: str) -> None:
        """A part of that other product is about to be made to leave a SKU: it is to be applied again, in full."""
        ...


@dataclass(frozen=True, slots=True)
class Context:
    """What a handler may use besides its client."""

    settings: ConnectionSettings
    skus: SkuDirectory
    now: datetime
    known: EntityDirectory
    intents: Intents


class Handler(Protocol):
    """Applies entities of one kind to one side.

    `apply` answers one outcome per task, in order, and raises nothing but programming errors: platform errors are
    outcomes. It is called with at most `batch` tasks, never with two of one key.
    """

    entity: str
    batch: int
    after: Sequence[str]  # kinds that have to be applied first

    async def apply(self, tasks: Sequence[Task], context: Context) -> Sequence[Outcome]:
        """Bring these entities to the platform with as few calls as it allows."""
        ...
