"""A sync of part of a store: rows by id, or those that fit a query in the platform's own language."""

from collections.abc import AsyncIterator, Iterable, Sequence
from itertools import islice

from connector.choice import Choice
from connector.errors import UserFault
from connector.ports import Memory, Priority, Progress
from connector.sparkpay import walk
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.stream import Stream
from connector.sparkpay.told import Told
from connector.sparkpay.where import parse_where

RESOURCES = {
    "product": "products",
    "price": "products",
    "stock": "products",
    "customer": "customers",
    "order": "orders",
    "customer-group": "customer_types",
    "shipping-method": "custom_shipping_methods",
    "stock-location": "warehouses",
}
"""The resource whose ids and fields choose entities of a kind: prices and stock are chosen by their product."""
USUAL_KINDS = ("product", "price", "stock")
"""What is meant where no kind is named."""
SLICE = 200


def check_choice(choice: Choice, kinds: Sequence[str]) -> str:
    """The resource that is chosen from. Raises `UserFault` where the kinds have several, or a condition is wrong."""
    resources = {RESOURCES.get(kind, kind): kind for kind in kinds or USUAL_KINDS}
    if unknown := [kind for kind in kinds if kind not in RESOURCES]:
        raise UserFault(f"{unknown[0]} cannot be chosen by id or query: sync it whole, with --entity {unknown[0]}")
    if len(resources) > 1:
        raise UserFault(
            f"--id, --ids, --where and --since choose rows of one table; {' and '.join(kinds)} have several: "
            "run one sync for each"
        )
    (resource,) = resources
    parse_where(choice.where, resource)
    return resource


async def tell_chosen(  # noqa: PLR0917 - one call
    streams: Sequence[Stream],
    client: SparkPayClient,
    memory: Memory,
    run_id: str,
    choice: Choice,
    kinds: frozenset[str],
    progress: Progress | None,
    *,
    force: bool,
) -> Told:
    """Read and publish what was chosen. Cancelled or failed, the same run goes on after the last stretch.

    Raises `UserFault` where no stream tells these kinds, and what the platform raises.
    """
    kinds = kinds or frozenset(USUAL_KINDS)
    resource = check_choice(choice, sorted(kinds))
    telling = [(stream, stream.kinds & kinds) for stream in streams if stream.kinds & kinds]
    if not telling:
        raise UserFault(
            f"the flow of this connection takes no {' or '.join(sorted(kinds))} from Spark Pay: change it with "
            "paylayer connections update --set flow.<entity>=to_sparklayer"
        )
    name = f"chosen:{run_id}"
    position = await memory.cursor(name) or {}
    total = Told()
    async for turn, ids in _stretches(client, resource, choice, position.get("turn", 0), position.get("after", 0)):
        for stream, of_stream in telling:
            told = await stream.tell_some(ids, of_stream, force=force)
            total += told
            if progress is not None:
                read = len(ids) if stream is telling[0][0] else 0
                await progress(read=read, published=told.published, skipped=told.skipped)
        await memory.save_cursor(name, {"turn": turn, "after": ids[-1]})
    await memory.save_cursor(name, None)
    return total


async def _stretches(
    client: SparkPayClient, resource: str, choice: Choice, turn: int, after: int
) -> AsyncIterator[tuple[int, list[int]]]:
    """Ids in order, some hundred at a time; `turn` counts the plain queries that the choice comes to."""
    if choice.ids and not choice.where and choice.since is None:
        for some in _slices(id_ for id_ in sorted(set(choice.ids)) if id_ > after):
            yield 0, some
        return
    where = parse_where(choice.where, resource)
    if choice.since is not None:
        where = where.since(choice.since)
    wanted = frozenset(choice.ids)
    for number, query in enumerate(where.queries("id")):
        if number < turn:
            continue
        start = after if number == turn else 0
        async for page in walk.by_id(client, resource, query, after=start, priority=Priority.SYNC):
            for some in _slices(row["id"] for row in page.rows if not wanted or row["id"] in wanted):
                yield number, some


def _slices(ids: Iterable[int]) -> Iterable[list[int]]:
    left = iter(ids)
    while some := list(islice(left, SLICE)):
        yield some
