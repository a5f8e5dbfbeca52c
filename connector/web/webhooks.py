"""`/webhooks/sparkpay/...`: what the store says has changed. Stored before it is answered, read afterwards."""

import structlog
from fastapi import APIRouter, Request, Response
from starlette.requests import ClientDisconnect

from connector.app.service import Service
from connector.sparkpay.webhook_body import named_rows

log = structlog.get_logger("paylayer.webhooks")
router = APIRouter()
LARGEST_BYTES = 2_000_000  # a filled order of a few thousand lines
_LONGEST_SECRET = 200


@router.post("/webhooks/sparkpay/{connection}/{secret}")
@router.post("/webhooks/sparkpay/{connection}/{secret}/{event}")
async def receive(request: Request, connection: str, secret: str, event: str = "") -> Response:  # noqa: ARG001
    """200 after what the body names is stored; 404 for a stranger, whatever is wrong; 413 for a body too large.

    A body that cannot be read is answered with 200 as well: to refuse it would not make the platform send a better one.
    """
    service: Service = request.app.state.service
    if len(secret) > _LONGEST_SECRET or not await service.webhook_door.admits(connection, secret):
        return Response(status_code=404)
    try:
        raw = await body_up_to(request, LARGEST_BYTES)
    except ClientDisconnect:
        return Response(status_code=400)
    if raw is None:
        return Response(status_code=413)
    rows = named_rows(raw)
    if rows:
        await service.hint_box.put([(connection, resource, number) for resource, number in rows])
    else:
        log.warning("webhook_names_nothing", connection=connection, bytes=len(raw))
    return Response(status_code=200)


async def body_up_to(request: Request, largest: int) -> bytes | None:
    """The whole body; none where it is larger, of which no more is kept than that."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > largest:
        return None
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > largest:
            return None
    return bytes(raw)
