"""Connections keep their credentials sealed, and go without a trace."""

import pytest
import sqlalchemy as sa

from connector.clock import SteppedClock
from connector.errors import UserFault
from connector.ports import Observed
from connector.settings import ConnectionSettings
from connector.state.connections import Connections, Pause, SidePauses, SparkLayerAccess, SparkPayAccess
from connector.state.database import Database
from connector.state.inbox import Inbox
from connector.state.observations import SourceMemory
from connector.state.runs import Runs
from connector.state.tables import metadata
from connector.state.tokens import SealedTokens
from connector.state.vault import Vault
from tests.behaviour.state.arrivals import arrival

KEY = "a key of at least thirty-two characters"
PAY = SparkPayAccess("https://shop.test", "pay-secret")
LAYER = SparkLayerAccess("https://layer.test", "site", "live", "client", "layer-secret")


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def connections(db: Database, clock: SteppedClock) -> Connections:
    return Connections(db, Vault(KEY), clock)


async def test_what_is_added_comes_back(connections: Connections) -> None:
    settings = ConnectionSettings().with_values({"stock.mode": "per_warehouse", "sparkpay.limit": "20"})
    added = await connections.add("acme", PAY, LAYER, settings)
    assert await connections.get("acme") == added
    assert await connections.all() == [added]
    assert (added.settings.sparkpay.limit, added.state, added.version) == (20, "active", 1)
    assert "secret" not in repr(added)


async def test_secrets_are_sealed_in_the_database(db: Database, connections: Connections) -> None:
    await connections.add("acme", PAY, LAYER)
    async with db.read() as connection:
        row = (await connection.execute(sa.text("SELECT * FROM connections"))).one()
    assert not any("secret" in str(value) for name, value in row._mapping.items() if name != "client_secret")
    assert "layer-secret" not in row.client_secret


async def test_another_key_is_a_clear_fault(db: Database, connections: Connections, clock: SteppedClock) -> None:
    await connections.add("acme", PAY, LAYER)
    other = Connections(db, Vault("another key of thirty-two characters!"), clock)
    with pytest.raises(UserFault, match="sealed with another key"):
        await other.get("acme")
    assert await other.ids() == ["acme"]


async def test_unknown_and_double_ids_are_named(connections: Connections) -> None:
    with pytest.raises(UserFault, match="connections add"):
        await connections.get("acme")
    await connections.add("acme", PAY, LAYER)
    with pytest.raises(UserFault, match="known are acme"):
        await connections.get("acne")
    with pytest.raises(UserFault, match="exists already"):
        await connections.add("acme", PAY, LAYER)
    for change in (connections.remove("x"), connections.set_state("x", "paused"), connections.update("x")):
        with pytest.raises(UserFault, match="no connection 'x'"):
            await change


async def test_each_change_raises_the_version(connections: Connections, clock: SteppedClock) -> None:
    await connections.add("acme", PAY, LAYER)
    clock.advance(1)
    await connections.set_state("acme", "paused")
    changed = await connections.update("acme", sparkpay=SparkPayAccess("https://new.test", "new"))
    assert await connections.versions() == {"acme": 3}
    assert (changed.sparkpay.url, changed.sparklayer, changed.state) == ("https://new.test", LAYER, "paused")
    assert changed.updated_at > changed.created_at
    changed = await connections.update("acme", settings=ConnectionSettings().with_values({"stock.batch": "7"}))
    assert (changed.settings.stock.batch, changed.sparkpay.token) == (7, "new")


async def test_removing_leaves_no_row_of_it(db: Database, connections: Connections, clock: SteppedClock) -> None:
    for id_ in ("acme", "acme-2"):
        await connections.add(id_, PAY, LAYER)
        await Inbox(db, clock).put([arrival(connection=id_)])
        await SidePauses(db, clock).pause(id_, "sparkpay", "why")
        memory = SourceMemory(db, clock, id_, "sparkpay")
        await memory.remember([Observed("product", "p", "h", "e", clock.now(), 1, (("A", "v"),))])
        await memory.save_cursor("products", {"at": 1})
        await Runs(db, clock).request(id_, ["product"], full=True, requested_by="test")
        await SealedTokens(db, Vault(KEY)).save(f"{id_}/sparklayer", "t", clock.now())
    await connections.remove("acme")
    async with db.read() as connection:
        for table in metadata.sorted_tables:
            names = [row[0] for row in await connection.execute(sa.select(table.c[next(iter(table.c.keys()))]))]
            assert "acme" not in names
            if "connection" in table.c:
                kept = set((await connection.execute(sa.select(table.c.connection))).scalars())
                assert kept in (set(), {"acme-2"}), table.name
    assert await SealedTokens(db, Vault(KEY)).load("acme/sparklayer") is None
    assert await SealedTokens(db, Vault(KEY)).load("acme-2/sparklayer") == ("t", clock.now())


async def test_sides_pause_and_resume(db: Database, clock: SteppedClock) -> None:
    pauses = SidePauses(db, clock)
    assert await pauses.paused("acme") == {}
    since = clock.now()
    await pauses.pause("acme", "sparklayer", "401")
    clock.advance(5)
    await pauses.pause("acme", "sparklayer", "403", clock.now())
    assert await pauses.paused("acme") == {"sparklayer": Pause("403", since, clock.now())}
    await pauses.resume("acme", "sparklayer")
    await pauses.resume("acme", "sparklayer")
    assert await pauses.paused("acme") == {}


async def test_tokens_are_sealed_and_replaced(db: Database, clock: SteppedClock) -> None:
    tokens = SealedTokens(db, Vault(KEY))
    assert await tokens.load("acme/sparklayer") is None
    await tokens.save("acme/sparklayer", "first", clock.now())
    clock.advance(60)
    await tokens.save("acme/sparklayer", "second", clock.now())
    assert await tokens.load("acme/sparklayer") == ("second", clock.now())
    async with db.read() as connection:
        assert "second" not in str((await connection.execute(sa.text("SELECT token FROM tokens"))).scalar_one())


@pytest.mark.parametrize("sealed", ["", "v1", "v0.abc.def", "nonsense", Vault(KEY).seal("x")[:-4] + "AAAA"])
def test_damaged_seals_are_a_fault(sealed: str) -> None:
    with pytest.raises(UserFault, match="damaged"):
        Vault(KEY).unseal(sealed)


def test_a_seal_opens_with_its_key_only() -> None:
    sealed = Vault(KEY).seal("très secret")
    assert Vault(KEY).unseal(sealed) == "très secret"
    assert sealed != Vault(KEY).seal("très secret")
