"""Whatever happens to SKUs in whatever order, the site ends as the rules say, and then nothing is left to do."""

import asyncio
from collections.abc import Sequence
from random import Random
from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.ports import Doubt
from connector.sandbox.sparklayer import FaultRule
from contracts.entities import Product
from handlers.outcome import Applied, Failed, Rejected
from tests.support.handler_desk import Desk, rope

KEYS = ("sparkpay:2", "sparkpay:10", "sparkpay:30")
skus = st.lists(st.sampled_from("ABC"), min_size=2, max_size=2, unique=True)
Then = Literal["later", "at once", "unanswered", "killed"]
"""When it is applied; of some calls the answer is lost, and a process that is killed has written down nothing of it."""
Step = tuple[int, Sequence[str] | None, Literal["active", "hidden", "discontinued"], Then]
steps: st.SearchStrategy[Step] = st.tuples(
    st.sampled_from([2, 10, 30]),
    st.one_of(skus, skus, skus, st.lists(st.sampled_from("ABC"), max_size=1), st.none()),
    st.sampled_from(["active", "active", "active", "hidden", "discontinued"]),
    st.sampled_from(["later", "at once", "at once", "unanswered", "killed"]),
)


@settings(max_examples=120)
@given(st.lists(steps, min_size=1, max_size=9), st.randoms(use_true_random=False))
def test_the_site_ends_as_the_rules_say(history: list[Step], random: Random) -> None:
    assert asyncio.run(writes_after(history, random)) == []


async def writes_after(history: list[Step], random: Random) -> list[str]:
    """Plays it, holds what the site has against the rules, and returns the writes of applying everything once more."""
    desk = Desk()
    wanted: dict[str, Product | None] = {}
    for number, claimed, status, then in history:
        product = None if claimed is None else rope(number, *claimed, status=status)
        wanted[f"sparkpay:{number}"] = product
        desk.put("product", f"sparkpay:{number}", product)
        due = shuffled([key for key in KEYS if is_open(desk, key)], random)
        if then == "at once":
            await desk.settle(*due)
        elif then == "unanswered":
            await run_unanswered(desk, due, random)
        elif then == "killed":
            await desk.run_and_die("product", *due)
    if random.random() < 0.5:
        await desk.run("product", *shuffled([key for key in KEYS if is_open(desk, key)], random))
    await desk.settle(*shuffled(sorted(wanted), random))
    for sku in "ABC":
        ranked = sorted(
            (product.status != "active", int(key.partition(":")[2]), variant.id)
            for key, product in wanted.items()
            if product is not None
            for variant in product.variants
            if variant.sku == sku
        )
        found = desk.site.variant_by_sku(sku)
        if ranked and not ranked[0][0]:
            assert found is not None
            assert (found["external_id"], found["status"]) == (ranked[0][2], "live"), (sku, desk.site.dump())
        else:
            assert found is None or found["status"] != "live"
    live = {
        variant["sku"]
        for row in desk.site.catalogue.products()
        for variant in row["variants"]
        if variant["status"] == "live"
    }
    assert live <= set("ABC")
    desk.calls()
    for key in shuffled(sorted(wanted), random):
        (outcome,) = await desk.run("product", key)
        assert isinstance(outcome, Applied | Rejected)
    writes = [call for call in desk.calls() if not call.startswith("GET ")]
    await desk.client.aclose()
    return writes


async def run_unanswered(desk: Desk, keys: Sequence[str], random: Random) -> None:
    """One call of these has no answer; it may have been taken."""
    kind, path = random.choice(("drop_before", "drop_after")), random.choice(("*/products*", "*/variants*"))
    desk.faults.add(FaultRule(kind, method=random.choice(("POST", "PATCH")), path=path, times=1))
    for key, outcome in zip(keys, await desk.run("product", *keys), strict=True):
        if isinstance(outcome, Failed):
            desk.rows["product", key].doubt = Doubt.SENT  # as the inbox had marked it before
    desk.faults.clear()


def is_open(desk: Desk, key: str) -> bool:
    row = desk.rows.get(("product", key))
    return row is not None and row.pending


def shuffled(keys: Sequence[str], random: Random) -> list[str]:
    mixed = list(keys)
    random.shuffle(mixed)
    return mixed
