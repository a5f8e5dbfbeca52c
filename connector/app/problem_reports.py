"""Problems of a connection as scripts read them."""

from dataclasses import asdict
from typing import Any

from connector.app.core import Core
from connector.app.sync_report import placed


async def problem_reports(core: Core, connection: str, limit: int) -> list[dict[str, Any]]:
    """The newest problems, each with the page of the store that it is about. Raises `UserFault`."""
    known = await core.connections.get(connection)
    found = await placed(core, known, await core.problems.list(connection, limit))
    return [{**asdict(one.problem), "url": one.url} for one in found]
