"""Calls per changed entity once everything is synchronised: every kind, from the store, the site and other services.

300 changes of each kind, up to a hundred entities at once, are found by polls and applied. What a poll costs that finds
nothing is left out, for that depends on how often one looks and not on what changes; the look that found the changes
counts, and so does what the next polls read again because their windows overlap. Calls are those in the journals of
both sandboxes. The connection is the whole service but Kafka and the processes, on a clock that stands, so the figures
are the same on every machine.

More than one call per change, and why:
- a customer who is new on SparkLayer, or who changes his type: PUT and `price_lists` replace what a merchant may have
  set there, so that is read before;
- an order that was placed in SparkLayer: two in the store (see `order_calls`); in SparkLayer a look at what it keeps of
  it and the answer, and its buyer once;
- an order of another service: its number may be taken in the store, which is a look more;
- a shipment and a status in the store are two rows of two resources.
"""

import inspect
from collections import Counter
from collections.abc import Awaitable, Sequence
from pathlib import Path

from contracts.topics import SIDES
from tests.benchmarks.figures import Figure, at_most, plain
from tests.benchmarks.steady_changes import IN_SITE, IN_STORE, PUBLISHED, SUB_ACCOUNT, Case, furnish
from tests.both_ways.world import World, make_template, world

Route = tuple[str, str]  # of which side, and what
CHANGES = 300
QUIET = 4  # polls after the last change: what is read twice shows there
_NAME, _UNIT = "steady_calls", "per change"
_SECONDS = 40.0
_KINDS = ("product", "price", "stock", "customer", "customer_group", "order")
_TABLES = ("stock_location", "shipping_method", "setting")
_COMMON = {
    "customers__association_type_id": str(SUB_ACCOUNT),
    "shipping__api": "v2",
    "stock__mode": "per_warehouse",
}
_FROM_STORE = {f"flow__{kind}": "to_sparklayer" for kind in (*_KINDS, *_TABLES)}
_FROM_SITE = {
    **_FROM_STORE,
    **{f"flow__{kind}": "both" for kind in ("price", "stock", "customer", "customer_group", "order")},
    "stock__mode": "single_default",
}
_SOURCES = {"store": "sparkpay", "site": "sparklayer"}
_FROM_OTHERS = {f"flow__{kind}": "to_sparkpay" for kind in _KINDS}


async def measure(folder: Path) -> list[Figure]:
    """All changes, of each of the three that make them."""
    template = await make_template(folder / "template.sqlite3")
    figures: list[Figure] = []
    for name, cases, flows in (
        ("store", IN_STORE, _FROM_STORE),
        ("site", IN_SITE, _FROM_SITE),
        ("erp", PUBLISHED, _FROM_OTHERS),
    ):
        own = folder / name
        own.mkdir()
        async with world(own, template, **{**_COMMON, **flows}) as on:
            figures += await _of_all(on, name, cases)
    return figures


async def _of_all(on: World, name: str, cases: Sequence[Case]) -> list[Figure]:
    furnish(on)
    on.clock.advance(3600)
    await on.poller.full_sync("first")
    await on.watch.full_sync("first")
    await _follow(on)
    figures: list[Figure] = []
    for case in cases:
        figures += await _of_case(on, name, case)
    broken = len(on.platforms.store_app.state.journal.violations)
    return [
        *figures,
        at_most(_NAME, f"{name}: changes that were refused", len(on.office.refusals), "changes", 0),
        at_most(_NAME, f"{name}: requests that break the vendor's description", broken, "calls", 0),
    ]


async def _of_case(on: World, name: str, case: Case) -> list[Figure]:
    rounds = CHANGES // case.entities
    await _change(on, case, rounds)  # whatever is done for the first time is done here
    await _settled(on)
    idle = await _calls(on, _look(on))
    calls: Counter[Route] = Counter()
    found = 0
    for turn in range(rounds + QUIET):
        if turn < rounds:
            await _change(on, case, turn)
        published = bool(on.bus.events)
        on.clock.advance(_SECONDS)
        calls += await _calls(on, _look(on))
        found += bool(on.bus.events) and not published
        calls += await _calls(on, _follow(on))
    for route, count in idle.items():
        calls[route] = max(0, calls[route] - (rounds + QUIET) * count)
    figures: list[Figure] = []
    for side, limit in (("sparkpay", case.store), ("sparklayer", case.site)):
        if limit is None:
            continue
        routes = Counter({route: count for (where, route), count in calls.items() if where == side})
        each = (routes.total() + (found if side == _SOURCES.get(name) else 0)) / CHANGES
        figures.append(at_most(_NAME, f"{name}, {case.name}: {side}", each, _UNIT, limit))
        if each > limit:  # then it should be seen what it is made up of
            figures += [plain(_NAME, f"    {route}", count / CHANGES, _UNIT) for route, count in routes.most_common(4)]
    return figures


async def _change(on: World, case: Case, turn: int) -> None:
    for number in range(1, case.entities + 1):
        waited = case.change(on, number, turn)
        if inspect.isawaitable(waited):
            await waited


async def _look(on: World) -> None:
    """One poll of each side, and a round over all customers where they are taken from SparkLayer."""
    await on.poller.poll_once()
    await on.watch.catch_up()
    await on.watch.full_sync("look", only=frozenset({"customer"}))


async def _follow(on: World) -> None:
    await on.deliver()
    for side in SIDES:
        await on.apply(side)


async def _calls(on: World, doing: Awaitable[None]) -> Counter[Route]:
    before = _counted(on)
    await doing
    return _counted(on) - before


def _counted(on: World) -> Counter[Route]:
    apps = {"sparkpay": on.platforms.store_app, "sparklayer": on.platforms.site_app}
    return Counter(
        {(side, route): count for side in SIDES for route, count in apps[side].state.journal.by_route.items()}
    )


async def _settled(on: World) -> None:
    """Nothing is told any more, and what changed last lies beyond the overlap."""
    for _ in range(QUIET):
        on.clock.advance(3600)
        await _look(on)
        await _follow(on)
