"""Which SKU belongs to which product, on each platform and as each source shows it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from connector.clock import Clock, SystemClock
from connector.ports import Desired, Holder
from connector.state.among import among
from connector.state.columns import headers_of
from connector.state.database import Database
from connector.state.inbox_rows import OPEN
from connector.state.tables import inbox, sku_claims
from contracts.entities import Product
from contracts.events import Unreadable, decode

THERE = ("live", "retired")  # the SKU exists on the platform; a refused one does not
_PRODUCT = "product"
_CHUNK = 500

Item = TypeVar("Item")


class Claiming(Protocol):
    """Anything that says which part holds a SKU, for instance a handler's own `Claim`."""

    @property
    def sku(self) -> str:
        """The SKU."""
        ...

    @property
    def part(self) -> str:
        """The variant."""
        ...

    @property
    def state(self) -> str:
        """`live`, `retired`, `refused`, or for what a source shows `observed`."""
        ...


@dataclass(frozen=True, slots=True)
class Claim:
    """A SKU that one part of a product holds, held or was refused."""

    sku: str
    part: str
    state: str


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of SKUs when claims were replaced.

    `taken`: SKUs that another part has now. `freed`: pairs of SKU and product that let it go, or sells it no more.
    `left`: SKUs that none of these products has any more, live or retired.
    """

    taken: frozenset[str]
    freed: frozenset[tuple[str, str]]
    left: frozenset[str]


class SkuClaims:
    """All claims. `side` is a platform; what a source shows is kept under `source_side(source)`."""

    def __init__(self, db: Database, clock: Clock | None = None) -> None:
        self._db = db
        self._clock = clock or SystemClock()

    async def replace(self, connection: str, side: str, product: str, claims: Sequence[Claiming]) -> None:
        """These are all claims of that product now."""
        async with self._db.begin() as transaction:
            await replace(transaction, connection, side, {product: claims}, self._clock.now())

    async def holders(self, connection: str, side: str, skus: Sequence[str]) -> dict[str, list[Holder]]:
        """Everything that claims these SKUs; SKUs that nobody claims are left out."""
        found: dict[str, list[Holder]] = {}
        async with self._db.read() as transaction:
            for chunk in chunks(sorted(set(skus))):
                rows = await transaction.execute(
                    sa.select(sku_claims)
                    .where(
                        sku_claims.c.connection == connection, sku_claims.c.side == side, among(sku_claims.c.sku, chunk)
                    )
                    .order_by(sku_claims.c.sku, sku_claims.c.product, sku_claims.c.part)
                )
                for row in rows:
                    found.setdefault(row.sku, []).append(Holder(row.product, row.part, row.state))
        return found


class SideDirectory:
    """The SKUs of one connection and side, as a handler asks for them."""

    def __init__(self, db: Database, connection: str, side: str) -> None:
        self._db = db
        self._claims = SkuClaims(db)
        self._connection = connection
        self._side = side

    async def holders(self, skus: Sequence[str]) -> Mapping[str, Sequence[Holder]]:
        """All that hold or were refused a SKU on this side."""
        return await self._claims.holders(self._connection, self._side, skus)

    async def desired(self, product: str) -> Desired:
        """The SKUs that the newest wanted state of a product claims; none of an unknown or deleted one."""
        async with self._db.read() as transaction:
            row = (
                await transaction.execute(
                    sa.select(inbox.c.state, inbox.c.deleted, inbox.c.record_key, inbox.c.value, inbox.c.headers).where(
                        inbox.c.connection == self._connection,
                        inbox.c.side == self._side,
                        inbox.c.entity == _PRODUCT,
                        inbox.c.key == product,
                    )
                )
            ).one_or_none()
        if row is None:
            return Desired(frozenset(), pending=False)
        pending = row.state in OPEN
        if row.deleted:
            return Desired(frozenset(), pending)
        try:
            data = decode(bytes(row.record_key), bytes(row.value), headers_of(row.headers)).data
        except Unreadable:  # an event of a contract that this version no longer reads claims nothing
            return Desired(frozenset(), pending)
        variants = data.variants if isinstance(data, Product) else ()
        return Desired(frozenset(variant.sku for variant in variants if variant.sku is not None), pending)


def source_side(source: str) -> str:
    """Where the claims that a source shows are kept, apart from those on the platform of the same name."""
    return f"source:{source}"


def chunks(values: Sequence[Item]) -> Iterable[Sequence[Item]]:
    """Parts small enough for one IN list."""
    return (values[start : start + _CHUNK] for start in range(0, len(values), _CHUNK))


async def replace(
    transaction: AsyncConnection,
    connection: str,
    side: str,
    claims: Mapping[str, Sequence[Claiming]],
    now: datetime,
) -> "Moved":
    """`SkuClaims.replace` of several products within a transaction."""
    before: dict[tuple[str, str, str], str] = {}
    for chunk in chunks(sorted(claims)):
        whose = (sku_claims.c.connection == connection, sku_claims.c.side == side, among(sku_claims.c.product, chunk))
        there = await transaction.execute(
            sa.select(sku_claims.c.sku, sku_claims.c.product, sku_claims.c.part, sku_claims.c.state).where(
                *whose, sku_claims.c.state.in_(THERE)
            )
        )
        before |= {(row.sku, row.product, row.part): row.state for row in there}
        await transaction.execute(sa.delete(sku_claims).where(*whose))
    rows = {
        (claim.sku, product, claim.part): {
            "connection": connection,
            "side": side,
            "sku": claim.sku,
            "product": product,
            "part": claim.part,
            "state": claim.state,
            "since": now,
        }
        for product, held in claims.items()
        for claim in held
    }
    if rows:
        await transaction.execute(sa.insert(sku_claims), [rows[name] for name in sorted(rows)])
    after = {name: str(row["state"]) for name, row in rows.items() if row["state"] in THERE}
    return Moved(
        taken=frozenset(sku for sku, *_ in after.keys() - before.keys()),
        freed=frozenset(pair for pair, _ in _strongest(before) - _strongest(after)),
        left=frozenset({sku for sku, *_ in before} - {sku for sku, *_ in after}),
    )


def _strongest(claims: Mapping[tuple[str, str, str], str]) -> set[tuple[tuple[str, str], str]]:
    """How each product holds each SKU, `live` or at least `retired`: as pairs that are not there once it holds less."""
    held = {((sku, product), "retired") for sku, product, _ in claims}
    return held | {((sku, product), state) for (sku, product, _), state in claims.items() if state == "live"}


async def heirs(transaction: AsyncConnection, connection: str, side: str, freed: Iterable[tuple[str, str]]) -> set[str]:
    """The products that were refused a SKU which another one, of these pairs of SKU and product, has let go."""
    by_sku: dict[str, set[str]] = {}
    for sku, product in freed:
        by_sku.setdefault(sku, set()).add(product)
    found: set[str] = set()
    for chunk in chunks(sorted(by_sku)):
        rows = await transaction.execute(
            sa.select(sku_claims.c.sku, sku_claims.c.product).where(
                sku_claims.c.connection == connection,
                sku_claims.c.side == side,
                among(sku_claims.c.sku, chunk),
                sku_claims.c.state == "refused",
            )
        )
        found |= {row.product for row in rows if by_sku[row.sku] - {row.product}}
    return found
