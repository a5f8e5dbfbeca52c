"""Options that several commands share."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from connector.errors import UserFault

Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
ConnectionId = Annotated[str, typer.Argument(metavar="ID", help="Id of the connection.")]

_AGO = re.compile(r"([0-9]{1,12})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def moment(text: str | None, option: str, now: datetime) -> datetime | None:
    """A time such as `2026-11-22T10:00:00Z`, or `90m`, `2h`, `3d` ago. Raises `UserFault`."""
    if text is None:
        return None
    ago = _AGO.fullmatch(text)
    try:
        if ago is not None:
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise UserFault(
            f"{option} {text!r} is no time: write 2026-11-22T10:00:00Z, or 90m, 2h, 3d for so long ago"
        ) from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def pairs(values: list[str], option: str = "--set") -> dict[str, str]:
    """`KEY=VALUE` texts as a dict. Raises `UserFault`."""
    found: dict[str, str] = {}
    for text in values:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UserFault(f"{option} takes KEY=VALUE, not {text!r}")
        found[key.strip()] = value
    return found
