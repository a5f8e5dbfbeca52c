"""Database addresses as people write them, turned into what the drivers take; never shown with a password."""

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError

from connector.errors import UserFault

_HOW = "write sqlite:///<path> or postgresql://<user>:<password>@<host>:<port>/<database>"


def parse(text: str) -> URL:
    """The address with the async driver chosen. Raises `UserFault` that says what to write instead."""
    try:
        url = sa.make_url(text)
    except (ArgumentError, ValueError) as error:
        raise UserFault(f"the database address cannot be read: {_HOW}") from error
    backend = url.drivername.partition("+")[0]
    if backend == "sqlite":
        return _sqlite(url)
    if backend in ("postgresql", "postgres"):
        return _postgresql(url)
    raise UserFault(f"databases of kind {backend!r} are not supported: {_HOW}")


def shown(url: URL) -> str:
    """For messages: where the database is, without user, password and options."""
    if url.get_backend_name() == "sqlite":
        return f"SQLite file {url.database}"
    return f"PostgreSQL database {url.database!r} on {url.host or 'localhost'}:{url.port or 5432}"


def _sqlite(url: URL) -> URL:
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise UserFault("the SQLite database needs a file: write sqlite:///<path>")
    try:
        path = Path(url.database).expanduser().absolute()
    except RuntimeError as error:  # the home of somebody who has none here
        raise UserFault(f"the SQLite file {url.database} cannot be found: {error}") from error
    if "\0" in url.database:
        raise UserFault("the name of the SQLite file holds a NUL character")
    return URL.create("sqlite+aiosqlite", database=str(path))


def _postgresql(url: URL) -> URL:
    if not url.database:
        raise UserFault(f"the PostgreSQL address names no database: {_HOW}")
    query: dict[str, str] = {}
    for name, value in url.query.items():
        if name in ("ssl", "sslmode") and isinstance(value, str):
            query["ssl"] = value  # asyncpg's name for libpq's sslmode
        elif name == "host" and isinstance(value, str):
            query["host"] = value  # the folder of a Unix socket
        else:
            raise UserFault(f"the PostgreSQL address has an option {name!r}: only sslmode and host are understood")
    return url.set(drivername="postgresql+asyncpg", query=query)
