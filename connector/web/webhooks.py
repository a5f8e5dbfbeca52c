"""`/webhooks/sparkpay/...`: what the store says has changed. Stored before it is answered, read afterwards."""

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from connector.app.service import Service
from connector.sparkpay.webhook_body import named_rows

log = structlog.get_logger("paylayer.webhooks")
LARGEST_BYTES = 2_000_000  # a filled order of a few thousand lines
_PREFIX = "/webhooks/sparkpay/"
_LONGEST_SECRET = 200


class WebhookRoute(BaseRoute):
    """`POST /webhooks/sparkpay/<connection>/<secret>[/<event>]`.

    A route of its own instead of one of the framework's: a bulk edit in a store sends hundreds of webhooks a second,
    and taking parameters apart would cost more than storing them.
    """

    def __init__(self, service: Service) -> None:
        self._service = service

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """By the path alone."""
        ours = scope["type"] == "http" and scope["path"].startswith(_PREFIX)
        return (Match.FULL if ours else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call. Raises what the database raises."""
        await (await self._answer(scope, receive))(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        connection, _, rest = scope["path"].removeprefix(_PREFIX).partition("/")
        secret, _, event = rest.partition("/")
        if "/" in event:
            return Response(status_code=404)
        if scope["method"] != "POST":
            return Response(status_code=405, headers={"Allow": "POST"})
        return await self._received(connection, secret, Request(scope, receive))

    async def _received(self, connection: str, secret: str, request: Request) -> Response:
        """200 after what the body names is stored; 404 for a stranger, whatever is wrong; 413 for a body too large.

        A body that cannot be read is answered with 200 as well: to refuse it would not make the platform send a better
        one.
        """
        if len(secret) > _LONGEST_SECRET or not await self._service.webhook_door.admits(connection, secret):
            return Response(status_code=404)
        try:
            raw = await body_up_to(request, LARGEST_BYTES)
        except ClientDisconnect:
            return Response(status_code=400)
        if raw is None:
            return Response(status_code=413)
        rows = named_rows(raw)
        if rows:
            await self._service.hint_box.put([(connection, resource, number) for resource, number in rows])
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
