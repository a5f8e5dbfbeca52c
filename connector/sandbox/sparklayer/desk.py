"""Where calls come in: the place for faults of the line, the journal, and answers that never leave."""

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import httpx
from starlette.types import Receive, Scope, Send

from connector.sandbox.sparklayer.faults import FaultBook, FaultRule
from connector.sandbox.sparklayer.journal import Journal, Served
from connector.sandbox.sparklayer.rate import http_date
from connector.sandbox.sparklayer.service import TOKEN_PATH, Reply, Request, Service

_HTML = b"<html><head><title>%d</title></head><body><h1>Server Error</h1></body></html>"


class Desk:
    """Takes one ASGI request, lets it go wrong where a fault says so, and writes it down."""

    def __init__(
        self, service: Service, faults: FaultBook, journal: Journal, sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self._service = service
        self._faults = faults
        self._journal = journal
        self._sleep = sleep

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> bool | None:
        """Answer, or drop the connection.

        An answer that never leaves ends in one of two ways. A server closes the connection when an application
        returns something, so True is returned. In-process (httpx.ASGITransport, told apart by the missing
        `spec_version`) there is no connection: the httpx error that a caller would see is raised.
        """
        request = await _read(scope, receive)
        rule = self._faults.strike(request.method, request.path)
        began = time.perf_counter()
        reply, kept = await self._exchange(request, rule)
        self._journal.record(
            Served(
                time=self._service.site.clock(),
                method=request.method,
                path=request.path,
                query=request.query,
                route=kept.route,
                status=reply.status if reply is not None else None,
                ms=(time.perf_counter() - began) * 1000,
                body=kept.body,
                size=len(request.raw),
                fault=rule.kind if rule is not None else None,
                writes=kept.writes,
            ),
            token=request.path == TOKEN_PATH,
        )
        served = "spec_version" in scope["asgi"]
        if reply is None:
            if served:
                return True
            if rule is not None and rule.kind == "timeout":
                raise httpx.ReadTimeout("The sandbox does not answer.")
            raise httpx.RemoteProtocolError("The sandbox closed the connection without an answer.")
        if not served:
            # A server stamps its answers itself; in-process somebody has to.
            reply.headers["date"] = http_date(self._service.site.clock())
        await _send(reply, send)
        return None

    async def _exchange(self, request: Request, rule: FaultRule | None) -> tuple[Reply | None, Reply]:
        """The answer that leaves, if any, and the one that the site worked out."""
        nothing = Reply(0, route=request.path)
        if rule is None:
            reply = await self._service.answer(request)
            return reply, reply
        if rule.kind in {"delay_ms", "timeout"}:
            await self._sleep(rule.ms / 1000)
        if rule.kind == "status":
            return self._fault_reply(rule), nothing
        if rule.kind in {"drop_before", "timeout"}:
            return None, nothing
        reply = await self._service.answer(request)
        if rule.kind == "drop_after":
            return None, reply
        if rule.kind == "cut_json":
            cut = Reply(reply.status, reply.raw[: len(reply.raw) // 2], dict(reply.headers))
            return cut, reply
        return reply, reply

    def _fault_reply(self, rule: FaultRule) -> Reply:
        reply = Reply(rule.status)
        if rule.status == 429:  # noqa: PLR2004 - HTTP's own number
            reply.headers["retry-after"] = self._service.retry_after()
        if rule.body and rule.status == 502:  # noqa: PLR2004 - a gateway's own page
            reply.raw, reply.headers["content-type"] = _HTML % rule.status, "text/html"
        elif rule.body:
            reply.raw = b'{"title":"sandbox-fault","status":%d,"detail":"Injected.","errors":null}' % rule.status
            reply.headers["content-type"] = "application/problem+json"
        return reply


async def _read(scope: Scope, receive: Receive) -> Request:
    raw = bytearray()
    while True:
        message: MutableMapping[str, Any] = await receive()
        raw += message.get("body", b"")
        if not message.get("more_body", False):
            break
    return Request(
        method=scope["method"],
        path=scope.get("raw_path", scope["path"].encode()).decode("ascii", "replace"),
        query=scope["query_string"].decode("ascii", "replace"),
        headers={name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]},
        raw=bytes(raw),
    )


async def _send(reply: Reply, send: Send) -> None:
    headers = {"access-control-allow-origin": "*", **reply.headers}
    if reply.status != 204:  # noqa: PLR2004 - an answer without content has no length
        headers["content-length"] = str(len(reply.raw))
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": encoded})
    await send({"type": "http.response.body", "body": reply.raw})
