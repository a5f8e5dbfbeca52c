"""The whole system in one process under a merchant who edits at random: both platforms agree after every round.

PAYLAYER_SOAK_SEEDS=n plays n seeds instead of a handful; PAYLAYER_SOAK_FIRST=m begins with another one.
"""

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from random import Random

import pytest
import sqlalchemy as sa

from connector.app.letters import LetterFilter, LetterOffice
from connector.bus.embedded import EmbeddedBroker
from connector.demo.oracle import Excuse, OracleSettings, compare
from connector.demo.random_edits import random_edit, random_fight
from connector.demo.stage import CONNECTION, Stage, settings_for, stage, utc_now
from connector.sandbox.sparklayer import SparkLayerSite
from connector.sandbox.sparkpay import CatalogueShape, SparkPayStore, fill_catalogue
from connector.state.tables import inbox

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SEEDS = int(os.environ.get("PAYLAYER_SOAK_SEEDS", "4"))
FIRST = int(os.environ.get("PAYLAYER_SOAK_FIRST", "1"))
ROUNDS, EDITS = 4, 15
SHAPE = CatalogueShape(products=40, skus_at_least=110)
FEW = CatalogueShape(products=12, skus_at_least=20)
LIMIT = 400  # calls per window: the pace is other tests' matter
JUDGED = {"sku_missing", "sku_duplicate", "sku_too_long"}
"""Refusals that the rules ask for: the oracle knows what has to be there all the same, so they excuse nothing."""


@pytest.mark.parametrize("seed", range(FIRST, FIRST + SEEDS))
async def test_both_platforms_agree_after_every_round(seed: int, tmp_path: Path) -> None:
    rng = Random(seed)
    mode = ("single_default", "per_warehouse")[seed % 2]
    fight = seed // 2 % 2 == 1
    store = SparkPayStore(clock=utc_now, seed=seed)
    fill_catalogue(store, FEW if fight else SHAPE, seed)
    with EmbeddedBroker() as broker:
        settings = broker.settings(settings_for(tmp_path, broker.bootstrap_servers))
        values = {"stock.mode": mode, "poll.sweep_share": "1"}
        async with stage(settings, store, SparkLayerSite(clock=utc_now), limit=LIMIT, values=values) as on:
            done = ["the first full sync"]
            await on.sync(full=True)
            await expect_agreement(on, mode, seed, done)
            for _ in range(ROUNDS):
                edit = random_fight if fight else partial(random_edit, conflicts=True)
                done += [edit(store, rng) for _ in range(EDITS)]
                await on.sync(full=False)
                await expect_agreement(on, mode, seed, done)
            await expect_silence(on)


async def expect_agreement(on: Stage, mode: str, seed: int, done: list[str]) -> None:
    """No difference but in what was refused, and everything refused has its letter."""
    await on.service.until_settled(CONNECTION)
    refused = await refusals(on)
    letters = {
        (found.stored.letter.entity, found.stored.letter.key)
        async for found in LetterOffice(on.core).search(LetterFilter())
        if found.stored.letter
    }
    assert refused.keys() <= letters
    settings = OracleSettings(stock_mode="per_warehouse" if mode == "per_warehouse" else "single_default")
    excused = {
        f"{entity}:{key}": Excuse(f"refused: {code}") for (entity, key), code in refused.items() if code not in JUDGED
    }
    compared = compare(on.store.dump(), on.site.dump(), settings=settings, now=utc_now(), excused=excused)
    assert compared.fields_compared > 0
    told = [f"seed {seed}", *map(str, compared.differences[:20]), "after", *done]
    assert compared.differences == (), "\n".join(told)
    stats = await on.stats("sparkpay")
    assert (stats["violations"], stats["refused_429"]) == ([], 0)


async def expect_silence(on: Stage) -> None:
    """Everything told once more, and nothing left to write."""
    before = (await on.stats("sparklayer"))["writes"]
    run = await on.sync(full=True)
    assert run.published > 0
    assert (await on.stats("sparklayer"))["writes"] == before


async def refusals(on: Stage) -> Mapping[tuple[str, str], str]:
    """Entity and key of every row that is refused now, with the code."""
    async with on.core.database.read() as transaction:
        rows = await transaction.execute(
            sa.select(inbox.c.entity, inbox.c.key, inbox.c.error_code).where(inbox.c.state == "rejected")
        )
        return {(row.entity, row.key): row.error_code for row in rows}
