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

    async def keys_of(self, events: Sequence[Event]) -> list[str | Ambiguous]:
        """The key under which each event's entity is known on this side, in order.

        Two look-ups in all for each connection that has products of other services among these events.
        """
        foreign: dict[str, list[Event]] = {}
        for event in events:
            if entity_name(event) == "product" and event.data.key.partition(":")[0] not in PLATFORMS:
                foreign.setdefault(event.connection, []).append(event)
        known = {
            connection: await self.inbox.known(
                connection, self.side, "product", [key for event in named for key in (event.data.key, *_named(event))]
            )
            for connection, named in foreign.items()
        }
        holders = {
            connection: await self.claims.holders(
                connection,
                self.side,
                [sku for event in named if _unlinked(event, known[connection]) for sku in _skus(event)],
            )
            for connection, named in foreign.items()
        }
        linked = {
            id(event): _key(event, known[connection], holders[connection])
            for connection, named in foreign.items()
            for event in named
        }
        return [linked.get(id(event), event.data.key) for event in events]


def _named(event: Event) -> list[str]:
    """The keys that an event's refs name beside its own."""
    named = (f"{system}:{id_}" for system, id_ in event.data.refs.items())
    return [key for key in named if key != event.data.key]


def _skus(event: Event) -> list[str]:
    if not isinstance(event.data, Product):
        return []
    return [variant.sku for variant in event.data.variants if variant.sku]


def _unlinked(event: Event, known: frozenset[str]) -> bool:
    """Whether neither its key nor its refs are known, so that its item numbers have to tell."""
    return known.isdisjoint([event.data.key, *_named(event)])


def _key(event: Event, known: frozenset[str], holders: Mapping[str, Sequence[Holder]]) -> str | Ambiguous:
    own = event.data.key
    if own in known:
        return own
    if fitting := sorted(known.intersection(_named(event))):
        return _single(fitting, f"the refs {dict(event.data.refs)}")
    return _by_sku(own, {sku: holders[sku] for sku in _skus(event) if sku in holders})


def _by_sku(own: str, holders: Mapping[str, Sequence[Holder]]) -> str | Ambiguous:
    products = sorted({holder.product for found in holders.values() for holder in found if holder.state != "refused"})
    if not products or own in products:
        return own
    return _single(products, f"the item numbers {', '.join(sorted(holders))}")


def _single(keys: Sequence[str], why: str) -> str | Ambiguous:
    if len(keys) == 1:
        return keys[0]
    return Ambiguous(f"{why} fit several products: {', '.join(keys)}; name the right one in refs")
