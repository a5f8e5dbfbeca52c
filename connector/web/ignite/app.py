"""The Ignite service as an application of its own, behind its gate."""

from typing import Any

import structlog
from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route
from starlette.types import ASGIApp

from connector.app.ignite_refusal import IgniteRefused
from connector.app.joining import AnotherStore
from connector.app.service import Service
from connector.errors import PayLayerError, UserFault
from connector.web.ignite import checkout, connection, customers, syncs
from connector.web.ignite.gate import SIGNATURE, IgniteGate
from connector.web.ignite.site import in_time

log = structlog.get_logger("paylayer.ignite")
_DESCRIPTION = """\
What SparkLayer calls to connect a Spark Pay store, and what it asks of it.

Fields that are not listed, and those that Spark Pay has no place for, are taken and not kept; none is refused. A
refusal is 400 with `error_code`, and a `message` that is fit for a buyer. Text with the character U+0000 or half a
surrogate pair is refused wherever it stands. Every operation may be repeated.

Who calls is proved as this installation is configured: `bearer`, `basic`, or `signature`.
"""
_SIGNATURE = (
    "HMAC-SHA256 in hex over `<timestamp>.<method>.<path and query>.` and the body; `X-PayLayer-Timestamp` has the "
    "unix seconds, good for five minutes."
)


def ignite_app(service: Service) -> ASGIApp:
    """Every operation of the contract, for the holder of the credential alone."""
    return IgniteGate(operations(service), service)


def operations(service: Service | None) -> FastAPI:
    """The operations without the gate; without a service only their description."""
    app = FastAPI(
        title="PayLayer: Ignite contract",
        version="1",
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        dependencies=[Depends(in_time)],
    )
    app.state.service = service
    for module in (connection, customers, checkout, syncs):
        app.include_router(module.router)
    app.add_exception_handler(IgniteRefused, _refused)
    app.add_exception_handler(PayLayerError, _failed)
    app.add_exception_handler(TimeoutError, _failed)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _unknown)
    app.add_exception_handler(Exception, _failed)
    app.openapi = lambda: _document(app)  # type: ignore[method-assign]
    return app


def _document(app: FastAPI) -> dict[str, Any]:
    """FastAPI announces 422 for what is answered with 400 here."""
    document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    for methods in document["paths"].values():
        for operation in methods.values():
            operation["responses"].pop("422", None)
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)
    document["components"]["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "basic": {"type": "http", "scheme": "basic"},
        "signature": {"type": "apiKey", "in": "header", "name": SIGNATURE, "description": _SIGNATURE},
    }
    document["security"] = [{"bearer": []}, {"basic": []}, {"signature": []}]
    return document


async def _refused(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, IgniteRefused)  # noqa: S101 - registered for it
    return _told(error.status, error.code, str(error))


async def _failed(request: Request, error: Exception) -> JSONResponse:
    """What the caller can do nothing about is in our log, not in the answer."""
    if isinstance(error, AnotherStore):
        log.warning("another_store", path=request.url.path, error=str(error))
        return _told(400, "another-store", "the site is connected with another store")
    if isinstance(error, UserFault):
        return _told(400, "not-possible", "this is not possible as things are")
    if isinstance(error, TimeoutError):
        log.warning("not_answered_in_time", path=request.url.path)
        return _told(500, "store-busy", "the store is busy at the moment; please try again in half a minute")
    log.error("ignite_failed", path=request.url.path, error=f"{type(error).__name__}: {error}")
    return _told(500, "system-exception", "something went wrong; please try again")


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
    return _told(400, "invalid-request", f"{where}: {first['msg']}")


async def _unknown(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
    code = "invalid-request" if error.status_code == 400 else "unknown-operation"  # noqa: PLR2004
    answer = _told(error.status_code, code, str(error.detail))
    answer.headers.update(error.headers or {})
    if "allow" in answer.headers:  # each route knows only its own method
        answer.headers["allow"] = ", ".join(_methods(request))
    return answer


def _methods(request: Request) -> list[str]:
    """What the path may be asked for."""
    routes = [route for route in request.app.routes if isinstance(route, Route)]
    found = (route.methods or () for route in routes if route.matches(request.scope)[0] is not Match.NONE)
    return sorted({method for methods in found for method in methods})


def _told(status: int, code: str, message: str) -> JSONResponse:
    return JSONResponse({"error_code": code, "message": message}, status)
