"""A connection that was removed a moment ago: what is still on its way for it is nobody's, and no fault."""

from connector.clock import SteppedClock
from connector.engine.book import DEPARTED_SECONDS, FRESH_SECONDS, ConnectionBook
from connector.state.connections import Connections, SparkLayerAccess, SparkPayAccess
from connector.state.database import Database
from connector.state.vault import Vault

PAY, LAYER = SparkPayAccess("https://p", "t"), SparkLayerAccess("https://l", "s", "test", "c", "x")


async def test_a_process_remembers_for_a_while_whom_it_knew(db: Database) -> None:
    clock = SteppedClock()
    connections = Connections(db, Vault("departed-only-0123456789-0123456789"), clock)
    book = ConnectionBook(connections, clock)
    for id_ in ("first", "second"):
        await connections.add(id_, PAY, LAYER)
    await book.all()
    assert book.departed() == set()
    await connections.remove("first")
    clock.advance(FRESH_SECONDS)
    assert "first" not in await book.all()
    assert book.departed() == {"first"}
    assert "first" not in await book.covering({"first"})
    await connections.add("first", PAY, LAYER)
    await book.all(refresh=True)
    assert book.departed() == set()
    await connections.remove("second")
    await book.all(refresh=True)
    clock.advance(DEPARTED_SECONDS + 1)
    assert book.departed() == set()
