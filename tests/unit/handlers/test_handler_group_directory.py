"""What is known of a site's groups while they are read and written side by side."""

import asyncio
from typing import Any, cast

from connector.clock import SteppedClock
from connector.sparklayer import SparkLayerClient
from handlers.sparklayer.customer_groups import GroupDirectory


class SlowSite:
    """Answers with the groups of the moment at which it was asked, when it is told to."""

    def __init__(self) -> None:
        self.slugs = ["base", "old"]
        self.asked = 0
        self.may_answer = asyncio.Event()
        self.customer_groups = self

    async def all(self) -> list[dict[str, Any]]:
        self.asked += 1
        rows = [{"slug": slug, "name": slug.title(), "parent_slug": "base"} for slug in self.slugs]
        await self.may_answer.wait()
        return rows


async def test_what_is_written_while_the_list_is_read_is_not_forgotten() -> None:
    site, clock = SlowSite(), SteppedClock()
    groups = GroupDirectory(cast("SparkLayerClient", site))
    asking = asyncio.create_task(groups.has("ct-1", clock.now()))
    while not site.asked:
        await asyncio.sleep(0)
    groups.written("ct-1", ("Trade", "base"))
    site.slugs.remove("old")
    groups.written("old", None)
    site.may_answer.set()
    assert await asking, "a customer who needs the group must not be told to wait for it"
    assert (await groups.all())["ct-1"] == ("Trade", "base")
    assert "old" not in await groups.all()


async def test_a_list_that_is_read_again_keeps_what_was_written_meanwhile_and_is_read_once_at_a_time() -> None:
    site, clock = SlowSite(), SteppedClock()
    site.may_answer.set()
    groups = GroupDirectory(cast("SparkLayerClient", site))
    before = await groups.all()
    site.may_answer.clear()
    asking = [asyncio.create_task(groups.has(slug, clock.now())) for slug in ("ct-1", "ct-2")]
    while site.asked < 2:
        await asyncio.sleep(0)
    groups.written("ct-1", ("Trade", "base"))
    groups.written("ct-2", ("More", "base"))
    site.may_answer.set()
    assert await asyncio.gather(*asking) == [True, True]
    assert site.asked == 2
    assert "ct-1" not in before
