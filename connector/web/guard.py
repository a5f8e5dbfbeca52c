"""The operations API is for the holder of the admin token."""

import hmac

from pydantic import SecretStr
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send


class AdminGuard:
    """Refuses `/api` without the token, and altogether where there is none. Everything else passes as it came."""

    def __init__(self, app: ASGIApp, token: SecretStr | None) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry. The path is that which is routed; a URL made of the request also believes the Host header."""
        refusal = None
        if scope["type"] == "http" and scope["path"].startswith("/api"):
            refusal = self._refusal(Headers(scope=scope).get("authorization", ""))
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, given: str) -> JSONResponse | None:
        if self._token is None or not self._token.get_secret_value():  # a variable that is set to nothing opens nothing
            return JSONResponse({"error": "the API is off: set PAYLAYER_ADMIN_TOKEN"}, status_code=403)
        if hmac.compare_digest(given.encode(), f"Bearer {self._token.get_secret_value()}".encode()):
            return None
        return JSONResponse(
            {"error": "send Authorization: Bearer <PAYLAYER_ADMIN_TOKEN>"},
            status_code=401,
            headers={"WWW-Authenticate": "Bearer"},
        )
