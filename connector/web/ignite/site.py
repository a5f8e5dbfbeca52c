"""What every operation of the contract begins with: the site of its path, and the store that it is joined with."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import Depends, Path, Request

from connector.app.ignite_refusal import IgniteRefused
from connector.app.joining import Joining
from connector.app.service import Service
from connector.app.store_desks import StoreDesk
from connector.state.connections import Connection
from connector.state.ignite_sites import SiteKey
from connector.web.ignite.models import Refusal

PREFIX = "/v1/{siteEnv}/{siteId}"
DEADLINE_SECONDS = 5.0
REPLIES: dict[int | str, dict[str, Any]] = {
    400: {"model": Refusal, "description": "Refused"},
    401: {"model": Refusal, "description": "Auth Failure"},
    413: {"model": Refusal, "description": "A body of more than a megabyte"},
    429: {
        "model": Refusal,
        "description": "Too many wrong credentials from this address",
        "headers": {
            "Retry-After": {"description": "Seconds", "required": True, "schema": {"type": "integer", "minimum": 1}}
        },
    },
    500: {"model": Refusal, "description": "System Exception"},
}
SiteEnv = Annotated[Literal["live", "test"], Path(alias="siteEnv")]
SiteId = Annotated[str, Path(alias="siteId", min_length=1, max_length=200, pattern=r"^[!-~]+$")]


def service_of(request: Request) -> Service:
    """The service that answers."""
    found: Service = request.app.state.service
    return found


def site_key(site_env: SiteEnv, site_id: SiteId) -> SiteKey:
    """The site of the path."""
    return SiteKey(site_env, site_id)


async def in_time() -> AsyncIterator[None]:
    """Nobody waits longer than this; what was begun is safe to ask for again."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        yield


Serving = Annotated[Service, Depends(service_of)]
Key = Annotated[SiteKey, Depends(site_key)]


async def joined(service: Serving, key: Key) -> Connection:
    """The connection of the site."""
    found = await Joining(service.core).connection_of(key)
    if found is None:
        raise IgniteRefused("not-connected", "this site is not connected with a store")
    return found


Joined = Annotated[Connection, Depends(joined)]


async def desk(service: Serving, connection: Joined) -> StoreDesk:
    """Its store, ready to be called."""
    return await service.desks.of(connection)


Desk = Annotated[StoreDesk, Depends(desk)]
