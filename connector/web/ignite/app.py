"""The Ignite service as an application of its own, behind its gate."""

from typing import Any

import structlog
from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from connector.app.ignite_refusal import IgniteRefused
from connector.app.joining import AnotherStore
from connector.app.service import Service
from connector.errors import PayLayerError, UserFault
from connector.web.ignite import checkout, connection, customers, syncs
from connector.web.ignite.gate import IgniteGate
from connector.web.ignite.site import in_time

log = structlog.get_logger("paylayer.ignite")


def ignite_app(service: Service) -> ASGIApp:
    """Every operation of the contract, for the holder of the credential alone."""
    return IgniteGate(operations(service), service)


def operations(service: Service | None) -> FastAPI:
    """The operations without the gate; without a service only their description."""
    app = FastAPI(
        title="PayLayer: Ignite contract",
        version="1",
        description="What SparkLayer calls to connect a Spark Pay store, and what it asks of it.",
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
    document["components"]["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
    document["security"] = [{"bearer": []}]
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
    log.error("ignite_failed", path=request.url.path, error=f"{type(error).__name__}: {error}")
    return _told(500, "system-exception", "something went wrong; please try again")


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
    return _told(400, "invalid-request", f"{where}: {first['msg']}")


async def _unknown(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
    code = "invalid-request" if error.status_code == 400 else "unknown-operation"  # noqa: PLR2004
    answer = _told(error.status_code, code, str(error.detail))
    answer.headers.update(error.headers or {})
    return answer


def _told(status: int, code: str, message: str) -> JSONResponse:
    return JSONResponse({"error_code": code, "message": message}, status)
