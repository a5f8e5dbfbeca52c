"""Errors of the database drivers, told as one sentence that says what to do."""

import asyncpg
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from connector.errors import PayLayerError, Unavailable, Unstorable, UserFault
from connector.state.address import shown

_SQLITE: tuple[tuple[tuple[str, ...], type[PayLayerError], str], ...] = (
    (
        ("no such table", "no such column"),
        Unavailable,
        "lacks a table or column: run `paylayer doctor`, or restore the file",
    ),
    (("unable to open",), UserFault, "cannot be opened: check that its folder exists and can be written"),
    (("readonly", "read-only"), UserFault, "cannot be written: check the permissions of the file and its folder"),
    (("not a database",), UserFault, "is no SQLite database: name another file or move this one away"),
    (("malformed",), Unavailable, "is damaged: restore it from a copy, or move it away and start anew"),
    (("locked", "busy"), Unavailable, "is held by another process for too long: close what has it open"),
    (("disk is full", "disk I/O"), Unavailable, "cannot be written: free some disk space"),
)
# A number beyond 64 bit, half a surrogate pair, a NUL character; asyncpg's own DataError is a ValueError.
_VALUES = (asyncpg.DataError, OverflowError, ValueError)
_AGAIN = ("40P01", "40001")  # deadlock, serialization failure: the same transaction succeeds when it runs again


def transient(error: BaseException) -> bool:
    """Whether the same transaction, run again, is expected to succeed."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _AGAIN


def translated(error: Exception, url: URL) -> PayLayerError | None:
    """What a driver's error means to a person; none where it is a fault of the program. No secrets."""
    cause = _cause(error)
    where = shown(url)
    if isinstance(cause, _VALUES):
        return Unstorable(f"{where} does not take a value: {str(cause)[:300]}")
    if url.get_backend_name() == "sqlite":
        return _sqlite(error, cause, where)
    return _postgresql(error, cause, where, url)


def _cause(error: Exception) -> BaseException:
    """The driver's own exception beneath SQLAlchemy's wrappers."""
    found: BaseException = error
    if isinstance(error, DBAPIError) and error.orig is not None:
        found = error.orig
    while found.__cause__ is not None:
        found = found.__cause__
    return found


def _sqlite(error: Exception, cause: BaseException, where: str) -> PayLayerError | None:
    text = str(cause)
    for signs, kind, advice in _SQLITE:
        if any(sign in text for sign in signs):
            return kind(f"{where} {advice} ({text})")
    if isinstance(error, OperationalError):
        return Unavailable(f"{where} failed: {text}")
    return None


def _postgresql(error: Exception, cause: BaseException, where: str, url: URL) -> PayLayerError | None:
    user = url.username or "(none)"
    advice: tuple[tuple[tuple[type[BaseException], ...], type[PayLayerError], str], ...] = (
        (
            (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError),
            UserFault,
            f"refuses user {user}: check user and password in PAYLAYER_DATABASE_URL",
        ),
        (
            (asyncpg.InvalidCatalogNameError,),
            UserFault,
            f"does not exist: create it (`createdb {url.database}`) or name another",
        ),
        (
            (asyncpg.InsufficientPrivilegeError,),
            UserFault,
            f"does not let user {user} do that ({cause}): grant it the rights on the schema",
        ),
        (
            (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError),
            Unavailable,
            f"lacks a table or column ({cause}): run `paylayer doctor`, or restore it",
        ),
        (
            (asyncpg.TooManyConnectionsError,),
            Unavailable,
            "has no free connection: raise max_connections or close other programs",
        ),
        (
            (asyncpg.CannotConnectNowError, asyncpg.AdminShutdownError),
            Unavailable,
            "is starting or stopping: try again in a moment",
        ),
        (
            (TimeoutError, OSError, asyncpg.PostgresConnectionError),
            Unavailable,
            "does not answer: check that the server runs and that host and port are right",
        ),
    )
    for kinds, kind, what in advice:
        if isinstance(cause, kinds):
            return kind(f"{where} {what}")
    if isinstance(error, (InterfaceError, OperationalError)) or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    ):
        return Unavailable(f"{where} failed: {cause}")
    return None
