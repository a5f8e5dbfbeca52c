"""The HTTP application of one service process."""

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

from connector.app.service import Service
from connector.errors import PayLayerError, UserFault
from connector.web import api, letters_api, oauth, rehearsals_api
from connector.web.gauges import refresh
from connector.web.guard import AdminGuard
from connector.web.health import Verdict, live, ready
from connector.web.ignite.app import ignite_app
from connector.web.webhooks import WebhookRoute


def build(service: Service) -> FastAPI:
    """Health and metrics for everybody who reaches the port; `/api` only with the admin token, off without one."""
    web = FastAPI(title="PayLayer", version="1", docs_url=None, redoc_url=None, openapi_url=None)
    web.state.service = service
    web.state.replays = set()  # tasks: what goes on after its request was answered
    web.add_middleware(AdminGuard, token=service.core.settings.admin_token)
    web.router.routes.append(WebhookRoute(service))  # the first that is looked at: nothing comes as often
    web.include_router(api.router)
    web.include_router(letters_api.router)
    web.include_router(oauth.router)
    web.state.install_limit = oauth.install_limit(service)

    web.router.routes.append(IgniteRoute(ignite_app(service)))
    web.include_router(rehearsals_api.router)

    @web.get("/health/live")
    async def health_live() -> JSONResponse:
        """Whether everything that should move has moved lately."""
        return _answer(live(service))

    @web.get("/health/ready")
    async def health_ready() -> JSONResponse:
        """Whether it takes part in its consumer groups."""
        return _answer(ready(service))

    @web.get("/metrics")
    async def metrics() -> Response:
        """Prometheus text."""
        await refresh(service)
        return PlainTextResponse(generate_latest(service.metrics.registry), media_type=CONTENT_TYPE_LATEST)

    @web.exception_handler(PayLayerError)
    async def on_error(_request: Request, error: PayLayerError) -> JSONResponse:
        """A known error is a sentence: 400 for the caller's fault, 503 for something that does not answer."""
        return JSONResponse({"error": str(error)}, status_code=400 if isinstance(error, UserFault) else 503)

    @web.exception_handler(RequestValidationError)
    async def on_wrong_input(_request: Request, error: RequestValidationError) -> JSONResponse:
        """The first thing that is wrong, as a sentence; nothing of the request is repeated."""
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return JSONResponse({"error": f"{where}: {first['msg']}"}, status_code=422)

    return web


class IgniteRoute(BaseRoute):
    """Everything under `/v1` belongs to the Ignite service, whose own paths begin there too."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """By the path alone."""
        path: str = scope.get("path", "")
        ours = scope["type"] == "http" and (path == "/v1" or path.startswith("/v1/"))
        return (Match.FULL if ours else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand it over as it came."""
        await self._application(scope, receive, send)


def _answer(verdict: Verdict) -> JSONResponse:
    status = 200 if verdict.well else 503
    return JSONResponse({"ok": verdict.well, "problems": list(verdict.problems)}, status_code=status)
