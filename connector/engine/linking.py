"""Which known entity an event of another service is about: by its refs, else by item number; never by a guess."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connector.ports import Holder
from connector.state.claims import SkuClaims
from connector.state.inbox import Inbox
from contracts.entities import Product
from contracts.events import Event, entity_name

PLATFORMS = ("sparkpay", "sparklayer")


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """More than one known entity fits."""

    message: str


@dataclass(frozen=True, slots=True)
class Linker:
    """Links products, the one kind that is keyed by its creator's id; prices and stock carry a natural key."""

    inbox: Inbox
    claims: SkuClaims
    side: str

    async def key_of(self, event: Event) -> str | Ambiguous:
        """The key under which the event's entity is known on this side."""
        own = event.data.key
        if entity_name(event) != "product" or own.partition(":")[0] in PLATFORMS:
            return own
        named = [f"{system}:{id_}" for system, id_ in event.data.refs.items() if f"{system}:{id_}" != own]
        known = await self.inbox.wanted(event.connection, self.side, "product", [own, *named])
        if own in known:
            return own
        if fitting := sorted(set(named) & set(known)):
            return _single(fitting, f"the refs {dict(event.data.refs)}")
        if not isinstance(event.data, Product):
            return own
        skus = [variant.sku for variant in event.data.variants if variant.sku]
        holders = await self.claims.holders(event.connection, self.side, skus)
        return _by_sku(own, holders)


def _by_sku(own: str, holders: Mapping[str, Sequence[Holder]]) -> str | Ambiguous:
    products = sorted({holder.product for found in holders.values() for holder in found if holder.state != "refused"})
    if not products or own in products:
        return own
    return _single(products, f"the item numbers {', '.join(sorted(holders))}")


def _single(keys: Sequence[str], why: str) -> str | Ambiguous:
    if len(keys) == 1:
        return keys[0]
    return Ambiguous(f"{why} fit several products: {', '.join(keys)}; name the right one in refs")
