"""I1, I2: a site is connected, a site is removed."""

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from connector.app.joining import Announcement, Joining
from connector.app.removal import Removal
from connector.web.ignite.models import NewConnection, Redirect
from connector.web.ignite.site import PREFIX, REPLIES, Key, Serving

router = APIRouter(tags=["connection"])


@router.post(
    PREFIX,
    operation_id="createPlatformConnection",
    status_code=201,
    response_model=Redirect,
    responses={**REPLIES, 204: {"description": "Already complete and active"}},
)
async def connect(service: Serving, key: Key, body: NewConnection) -> Response:
    """201 with the page where the merchant connects the store, or 204 where that is done. May be repeated."""
    said = Announcement(body.store_id, body.spark_api_client_id, body.spark_api_client_secret)
    url = await Joining(service.core).announced(key, said)
    return Response(status_code=204) if url is None else JSONResponse({"redirect_url": url}, 201)


@router.delete(PREFIX, operation_id="removePlatformConnection", status_code=204, responses=REPLIES)
async def remove(service: Serving, key: Key) -> Response:
    """Nothing of the site is left here. May be repeated, also while it is at work."""
    found = await Joining(service.core).connection_of(key)
    await Removal(service.core, service.platforms).site(key)
    if found is not None:
        await service.desks.drop(found.id)
    return Response(status_code=204)
