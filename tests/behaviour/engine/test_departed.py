"""A connection that was removed a moment ago: what is still on its way for it is nobody's, and no fault."""

from connector.engine.book import DEPARTED_SECONDS, FRESH_SECONDS, ConnectionBook
from connector.state.connections import Connections, SparkLayerAccess, SparkPayAccess
from connector.state.vault import Vault
from tests.behaviour.engine.bench import Bench

PAY, LAYER = SparkPayAccess("https://p", "t"), SparkLayerAccess("https://l", "s", "test", "c", "x")


async def test_a_process_remembers_for_a_while_whom_it_knew(bench: Bench) -> None:
    connections = Connections(bench.db, Vault("departed-only-0123456789-0123456789"), bench.clock)
    book = ConnectionBook(connections, bench.clock)
    for id_ in ("first", "second"):
        await connections.add(id_, PAY, LAYER)
    await book.all()
    assert book.departed() == set()
    await connections.remove("first")
    bench.clock.advance(FRESH_SECONDS)
    assert "first" not in await book.all()
    assert book.departed() == {"first"}
    assert "first" not in await book.covering({"first"})
    await connections.add("first", PAY, LAYER)
    await book.all(refresh=True)
    assert book.departed() == set()
    await connections.remove("second")
    await book.all(refresh=True)
    bench.clock.advance(DEPARTED_SECONDS + 1)
    assert book.departed() == set()
