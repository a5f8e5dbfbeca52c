"""Changing the key that secrets lie under: everything, once, broken off and gone on with, while services write."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from connector.clock import SteppedClock
from connector.errors import UserFault
from connector.state.connections import Connections, SparkLayerAccess, SparkPayAccess
from connector.state.database import Database
from connector.state.ignite_sites import IgniteSites, InstalledStore, SiteKey, StoreGrant
from connector.state.oauth import Handshake, Handshakes, OAuthGrants
from connector.state.sealed_texts import SealedTexts
from connector.state.tables import SEALED, connections, metadata
from connector.state.tokens import SealedTokens
from connector.state.vault import Vault
from connector.state.webhook_access import WebhookSecrets

OLD, NEW = "old-key-0123456789-0123456789-0123456789", "new-key-0123456789-0123456789-0123456789"
BEFORE, MEANWHILE, AFTER = Vault(OLD), Vault(NEW, OLD), Vault(NEW)


class Killed(Exception):
    """The process ends here."""


class Stores:
    """Everything that keeps secrets, as one process has it."""

    def __init__(self, db: Database, vault: Vault, clock: SteppedClock) -> None:
        self.clock = clock
        self.connections = Connections(db, vault, clock)
        self.tokens = SealedTokens(db, vault)
        self.webhooks = WebhookSecrets(db, vault, clock)
        self.grants = OAuthGrants(db, vault, clock)
        self.handshakes = Handshakes(db, vault, clock)
        self.sites = IgniteSites(db, vault, clock)

    async def fill(self, count: int = 1) -> dict[str, str]:
        """One of each secret for each connection; the states that only a browser knows."""
        later = self.clock.now() + timedelta(hours=1)
        kept = {}
        for number in range(count):
            id_, site = f"c{number}", SiteKey("live", f"tools-{number}")
            await self.connections.add(
                id_,
                SparkPayAccess(f"https://shop{number}.example", f"token-{number}"),
                SparkLayerAccess("https://layer.example", site.id, "live", "client", f"secret-{number}"),
            )
            await self.tokens.save(f"{id_}/sparklayer/client", f"access-{number}", later)
            await self.webhooks.rotate(id_)
            await self.grants.save(
                id_, app_id="app", app_secret=f"app-{number}", refresh_token=f"refresh-{number}", token="t",
                expires_at=later,
            )  # fmt: skip
            await self.sites.announce(
                site, connection=id_, store_id=None, client_id="c", client_secret=f"site-{number}"
            )
            kept[f"link {number}"] = await self.sites.link(site)
            grant = StoreGrant("app", f"app-{number}", f"refresh-{number}", later)
            await self.sites.install(site, InstalledStore(f"https://shop{number}.example", f"waiting-{number}", grant))
            begun = Handshake("live", site.id, "https://shop.example", "app", f"app-{number}", "scope")
            kept[f"state {number}"] = await self.handshakes.begin(begun)
        return kept

    async def read(self, kept: dict[str, str], count: int = 1) -> list[Any]:
        """All of it as it comes back."""
        found: list[Any] = []
        for number in range(count):
            id_, site = f"c{number}", SiteKey("live", f"tools-{number}")
            found += [
                await self.connections.get(id_),
                await self.tokens.load(f"{id_}/sparklayer/client"),
                await self.webhooks.get(id_),
                await self.grants.get(id_),
                await self.sites.get(site),
                await self.sites.installed(site),
                await self.sites.by_link(kept[f"link {number}"]),
                await self.sites.link(site) == kept[f"link {number}"],
            ]
        return found


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


async def sealed_under(db: Database, vault: Vault) -> tuple[int, int]:
    """How many texts of the whole database look sealed, and how many of them with this key."""
    texts = []
    async with db.read() as transaction:
        for table in metadata.sorted_tables:
            for row in await transaction.execute(sa.select(table)):
                texts += [value for value in row if isinstance(value, str) and value.startswith("v1.")]
    return len(texts), sum(text.startswith(vault.beginning) for text in texts)


async def test_every_secret_is_sealed_anew_and_reads_as_before(db: Database, clock: SteppedClock) -> None:
    kept = await Stores(db, BEFORE, clock).fill(3)
    before = await Stores(db, BEFORE, clock).read(kept, 3)
    columns = [column for table in metadata.sorted_tables for column in table.columns if column.info == SEALED]
    assert await sealed_under(db, BEFORE) == (3 * len(columns), 3 * len(columns))  # none is not marked
    texts = SealedTexts(db, MEANWHILE)
    assert sum(count.former for count in await texts.count()) == 3 * len(columns)
    assert await texts.renew() == 3 * len(columns)
    assert await sealed_under(db, AFTER) == (3 * len(columns), 3 * len(columns))
    assert all(count.all_current for count in await texts.count())
    assert await texts.renew() == 0
    assert await Stores(db, AFTER, clock).read(kept, 3) == before
    state = kept["state 0"]
    taken = await Stores(db, AFTER, clock).handshakes.take(state)
    assert taken is not None
    assert taken.app_secret == "app-0"
    with pytest.raises(UserFault, match="another key"):
        await Stores(db, BEFORE, clock).connections.get("c0")


async def test_a_process_with_both_keys_reads_what_either_sealed(db: Database, clock: SteppedClock) -> None:
    """Rolled out in two steps no process ever meets a secret that it cannot read."""
    kept = await Stores(db, BEFORE, clock).fill()
    learning, sealing = Vault(OLD, NEW), MEANWHILE
    await Stores(db, sealing, clock).tokens.save("c0/sparklayer/client", "newer", clock.now())
    for vault in (learning, sealing):
        found = await Stores(db, vault, clock).read(kept)
        assert found[1] == ("newer", clock.now())
    await Stores(db, learning, clock).tokens.save("c0/sparklayer/client", "newest", clock.now())
    assert await Stores(db, sealing, clock).tokens.load("c0/sparklayer/client") == ("newest", clock.now())


async def test_broken_off_it_goes_on_where_it_was(db: Database, clock: SteppedClock) -> None:
    kept = await Stores(db, BEFORE, clock).fill(2)
    before = await Stores(db, BEFORE, clock).read(kept, 2)
    everything, renewed, breaks = (await sealed_under(db, BEFORE))[0], 0, 0
    while renewed < everything:
        transactions = 0

        async def cut(_: object) -> None:
            nonlocal transactions
            transactions += 1
            if transactions > 1:
                raise Killed

        try:
            await SealedTexts(db.fenced(cut), MEANWHILE).renew()
        except Killed:
            breaks += 1
        _, now = await sealed_under(db, AFTER)
        assert now > renewed
        renewed = now
    assert breaks > 3
    assert await Stores(db, AFTER, clock).read(kept, 2) == before


async def test_many_rows_are_taken_page_by_page(db: Database, clock: SteppedClock) -> None:
    tokens = SealedTokens(db, BEFORE)
    for number in range(230):
        await tokens.save(f"acme/{number:03}", f"t{number}", clock.now())
    assert await SealedTexts(db, MEANWHILE).renew() == 230
    assert await SealedTokens(db, AFTER).load("acme/229") == ("t229", clock.now())


async def test_nothing_that_somebody_stores_meanwhile_is_lost(db: Database, clock: SteppedClock) -> None:
    """Processes with both keys, one sealing with either, change tokens while they are sealed anew."""
    names = [f"acme/{number}" for number in range(30)]
    for name in names:
        await SealedTokens(db, BEFORE).save(name, "0", clock.now())

    async def change(vault: Vault, mine: list[str]) -> None:
        for number in range(1, 6):
            for name in mine:
                await SealedTokens(db, vault).save(name, str(number), clock.now())

    writers = [change(Vault(OLD, NEW), names[:15]), change(MEANWHILE, names[15:])]
    await asyncio.gather(*writers, *(SealedTexts(db, MEANWHILE).renew() for _ in range(3)))
    await SealedTexts(db, MEANWHILE).renew()
    assert [await SealedTokens(db, AFTER).load(name) for name in names] == [("5", clock.now())] * 30


async def test_what_cannot_be_read_is_named_and_left_as_it_is(db: Database, clock: SteppedClock) -> None:
    await Stores(db, BEFORE, clock).fill()
    lost = Vault("a-key-that-nobody-has-0123456789-0123456789")
    await SealedTokens(db, lost).save("acme/x", "t", clock.now())
    async with db.begin() as transaction:
        await transaction.execute(sa.update(connections).values(client_secret="rubbish"))
    texts = SealedTexts(db, MEANWHILE)
    await texts.renew()
    left = {count.what: count.unreadable for count in await texts.count() if not count.all_current}
    assert left == {"connections.client_secret": ("c0",), "tokens.token": ("acme/x",)}
    assert await SealedTokens(db, lost).load("acme/x") == ("t", clock.now())
