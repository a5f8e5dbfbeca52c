"""What a piece of code asks the database."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event

from connector.state.database import Database


@contextmanager
def statements(db: Database) -> Iterator[list[str]]:
    """The statements that are executed within the block, without what begins and ends transactions."""
    seen: list[str] = []

    def executed(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith(("BEGIN", "COMMIT", "ROLLBACK")):
            seen.append(statement)

    engine = db._engine.sync_engine
    event.listen(engine, "before_cursor_execute", executed)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", executed)
