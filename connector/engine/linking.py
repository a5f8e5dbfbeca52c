"""Which known entity an event is about: by its ids in each system, else by what identifies it; never by a guess.

Products, customers and orders are keyed by the id of the system that made them; all other kinds carry a natural key.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from connector.ports import Holder
from connector.state.claims import SkuClaims
from connector.state.inbox import Inbox
from connector.state.links import LINKED, Link, Links
from contracts.entities import Customer, Order, Product
from contracts.events import Event, entity_name

PLATFORMS = ("sparkpay", "sparklayer")
_EMAIL, _NUMBER = "email:", "number:"  # names of the table `links` that are no system's ids


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """More than one known entity fits."""

    message: str


@dataclass(slots=True)
class _Known:
    """What is known of the entities of one connection and kind that some events are about."""

    keys: set[str]
    links: dict[str, set[str]]
    holders: Mapping[str, Sequence[Holder]] = field(default_factory=dict)
    learned: list[Link] = field(default_factory=list)
    renamed: list[Link] = field(default_factory=list)  # by their e-mail address of now


@dataclass(frozen=True, slots=True)
class Linker:
    """Finds the key under which an entity is known on one side, and keeps every name that it learns on the way."""

    inbox: Inbox
    claims: SkuClaims
    links: Links
    side: str

    async def keys_of(self, events: Sequence[Event]) -> list[str | Ambiguous]:
        """The key under which each event's entity is known on this side, in order.

        A few look-ups in all for each connection and kind that is linked and among these events.
        """
        groups: dict[tuple[str, str], list[Event]] = {}
        for event in events:
            if _is_linked(event):
                groups.setdefault((event.connection, entity_name(event)), []).append(event)
        linked: dict[int, str | Ambiguous] = {}
        for (connection, kind), of in groups.items():
            known = await self._known(connection, kind, of)
            for event in of:
                linked[id(event)] = _resolve(event, known)
            await self.links.learn(known.learned)
            await self.links.learn(known.renamed, instead=_EMAIL)
        return [linked.get(id(event), event.data.key) for event in events]

    async def _known(self, connection: str, kind: str, events: Sequence[Event]) -> _Known:
        names = [name for event in events for name in (event.data.key, *_named(event))]
        found = await self.links.keys_of(connection, kind, [*names, *filter(None, map(_natural, events))])
        keys = await self.inbox.known(connection, self.side, kind, names)
        known = _Known(set(keys), {name: set(of) for name, of in found.items()})
        if kind == "product":
            skus = [sku for event in events if _is_new(event, known) for sku in _skus(event)]
            known.holders = await self.claims.holders(connection, self.side, skus)
        return known


def _is_linked(event: Event) -> bool:
    """Products of the platforms are left out: nobody else names them, and there are very many."""
    kind = entity_name(event)
    return kind in LINKED and (kind != "product" or _system(event.data.key) not in PLATFORMS)


def _system(key: str) -> str:
    return key.partition(":")[0]


def _named(event: Event) -> list[str]:
    """The keys that an event's refs name beside its own."""
    named = (f"{system}:{id_}" for system, id_ in event.data.refs.items())
    return [key for key in named if key != event.data.key]


def _natural(event: Event) -> str | None:
    """What identifies the entity for people: a customer's e-mail address, an order's number."""
    match event.data:
        case Customer(email=str(email)) if email.strip():
            return _EMAIL + email.strip().casefold()
        case Order(number=str(number)) if number.strip():
            return _NUMBER + number.strip()
    return None


def _skus(event: Event) -> list[str]:
    if not isinstance(event.data, Product):
        return []
    return [variant.sku for variant in event.data.variants if variant.sku]


def _is_new(event: Event, known: _Known) -> bool:
    """Whether neither its key nor its refs are known, so that what identifies it has to tell."""
    return not _by_name(event, known)


def _by_name(event: Event, known: _Known) -> set[str]:
    own = event.data.key
    if own in known.keys:
        return {own}
    if made_for := known.links.get(own):
        return set(made_for)
    named = _named(event)
    return known.keys.intersection(named).union(*(known.links.get(name, ()) for name in named))


def _resolve(event: Event, known: _Known) -> str | Ambiguous:
    """The key of an event's entity; what it teaches is known to the events after it."""
    found = _by_name(event, known)
    why = f"the refs {dict(event.data.refs)}"
    natural = _natural(event)
    if not found and isinstance(event.data, Product):
        found, why = _by_sku(event, known.holders), f"the item numbers {', '.join(sorted(known.holders))}"
    elif not found and natural is not None:
        found, why = _by_nature(event, natural, known), f"{natural.partition(':')[0]} {natural.partition(':')[2]}"
    if len(found) > 1:
        kind = entity_name(event)
        return Ambiguous(f"{why} fit several {kind}s: {', '.join(sorted(found))}; name the right one in refs")
    key = found.pop() if found else event.data.key
    _learn(event, key, natural, known)
    return key


def _by_sku(event: Event, holders: Mapping[str, Sequence[Holder]]) -> set[str]:
    held = (holder for sku in _skus(event) for holder in holders.get(sku, ()))
    found = {holder.product for holder in held if holder.state != "refused"}
    return set() if event.data.key in found else found


def _by_nature(event: Event, natural: str, known: _Known) -> set[str]:
    """Those of other systems: each knows its own apart. Orders of the platforms go by their ids alone."""
    system = _system(event.data.key)
    if isinstance(event.data, Order) and system in PLATFORMS:
        return set()
    return {key for key in known.links.get(natural, ()) if _system(key) != system}


def _learn(event: Event, key: str, natural: str | None, known: _Known) -> None:
    kind = entity_name(event)
    known.keys.add(key)
    for name in (event.data.key, *_named(event)):
        if name != key and key not in known.links.get(name, ()):
            known.links.setdefault(name, set()).add(key)
            known.learned.append(Link(event.connection, kind, name, key))
    if natural is not None and key not in known.links.get(natural, ()):
        known.links.setdefault(natural, set()).add(key)
        link = Link(event.connection, kind, natural, key)
        (known.renamed if natural.startswith(_EMAIL) else known.learned).append(link)
