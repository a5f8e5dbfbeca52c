"""From a request to an answer: length, token, window, scope, cache, route."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field

from connector.sandbox import exchange
from connector.sandbox.exact_json import read_json
from connector.sandbox.skewed_clock import SkewedClock
from connector.sandbox.sparkpay import orders, stock, writes
from connector.sandbox.sparkpay.carts import Carts
from connector.sandbox.sparkpay.errors import Refused
from connector.sandbox.sparkpay.import_many import import_many
from connector.sandbox.sparkpay.installed_apps import InstalledApps
from connector.sandbox.sparkpay.journal import Journal
from connector.sandbox.sparkpay.policy import SandboxPolicy
from connector.sandbox.sparkpay.query import only, parameters
from connector.sandbox.sparkpay.rate_window import RateWindow, Taken
from connector.sandbox.sparkpay.read_cache import ReadCache, wants_fresh
from connector.sandbox.sparkpay.reads import Reader, Shape
from connector.sandbox.sparkpay.resources import RESOURCES, Resource
from connector.sandbox.sparkpay.store import SparkPayStore
from connector.sandbox.sparkpay.wire import encode

API_PREFIX = "/api/v1/"
_STOCK_ACTIONS = frozenset({"set", "add", "remove"})
_INTEGRATIONS = {"customers": orders.customer_integration, "orders": orders.order_integration}
_INVENTORY_SCOPES = RESOURCES["products"]
_TOO_LONG = (
    b"<html><head><title>404.15</title></head><body><h3>HTTP Error 404.15 - Not Found</h3>"
    b"<p>The request filtering module denies a request whose query string is too long.</p></body></html>"
)


@dataclass(frozen=True, slots=True)
class Request(exchange.Request):
    """What came in, with its path decoded."""

    @property
    def parts(self) -> list[str]:
        """The path below the API's root; a `.json` suffix and a trailing slash mean nothing."""
        below = self.path.removeprefix(API_PREFIX).rstrip("/").removesuffix(".json")
        return below.split("/") if below else []

    @property
    def route(self) -> str:
        """The path with ids replaced, for statistics."""
        return "/" + "/".join("{id}" if part.isdecimal() else part for part in self.parts)


@dataclass(slots=True)
class Reply:
    """What goes out, and what the journal wants to know of how it came about."""

    status: int = 200
    raw: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    route: str = ""
    body: object = None
    cached: bool = False
    refused: bool = False

    def write(self, text: str, status: int = 200) -> None:
        """Set JSON text and status."""
        self.status = status
        self.raw = text.encode()
        self.headers["Content-Type"] = "application/json; charset=utf-8"


class Service:
    """The API of one store behind its checks."""

    def __init__(self, store: SparkPayStore, policy: SandboxPolicy, journal: Journal) -> None:
        self.store = store
        self.policy = policy
        self.window = RateWindow()
        self._journal = journal
        self._reader = Reader(store)
        self._cache = ReadCache(policy.cache_bytes)
        self.carts = Carts(store)
        # The call window is counted by true time: it is the network's, not the store's.
        self.clock = store.clock = SkewedClock(store.clock, lambda: self.policy.clock_ahead_seconds)
        self.installed = InstalledApps(lambda: self.policy, self.clock.true)

    def answer(self, request: Request, *, stale: bool = False) -> Reply:
        """Return the whole answer, refusals included. `stale`: the fault of a cached read that ignores no-cache."""
        reply = Reply(route=request.route)
        try:
            self._serve(request, reply, stale=stale)
        except Refused as refusal:
            self._refuse(request, reply, refusal)
        return reply

    def admit(self, request: Request) -> Reply | None:
        """Count the call; a reply when it goes no further: too long, wrong token, window full."""
        reply = Reply(route=request.route)
        if len(request.query) > self.policy.max_query:
            self._journal.violation(request.method, request.path, f"query of {len(request.query)} characters")
            reply.status, reply.raw, reply.headers["Content-Type"] = 404, _TOO_LONG, "text/html"
            return reply
        token = request.headers.get("x-ac-auth-token", "")
        if not hmac.compare_digest(token.encode(), self.policy.token.encode()) and not self.installed.admits(token):
            # Nobody's call: it takes nothing out of the store's window.
            self._refuse(request, reply, Refused(401, "The token is missing or not valid."))
            return reply
        now = self.clock.true()
        taken = self.window.take(self.policy, now)
        if not taken.allowed:
            reply.refused = True
            self.too_many(reply, taken)
            return reply
        return None

    def too_many(self, reply: Reply, taken: Taken | None = None) -> None:
        """Make the reply a 429."""
        now = self.clock.true()
        taken = taken or self.window.peek(self.policy, now)
        reply.headers["Retry-After"] = self.window.retry_after(taken, now, self.clock.ahead)
        reply.write(encode(Refused(429, "The call limit of this store is exceeded.").body, self.store.zone), 429)

    def call_limit(self) -> str:
        """Return the value of X-AC-Call-Limit now."""
        return self.window.peek(self.policy, self.clock.true()).header

    def _refuse(self, request: Request, reply: Reply, refusal: Refused) -> None:
        if refusal.violation:
            self._journal.violation(request.method, request.path, refusal.details)
        reply.write(encode(refusal.body, self.store.zone), refusal.status)

    def _serve(self, request: Request, reply: Reply, *, stale: bool) -> None:
        parts = request.parts
        if parts[:1] == ["carts"]:
            self._serve_cart(request, reply)
            return
        declared = _INVENTORY_SCOPES if parts[:1] == ["inventory"] else RESOURCES.get(parts[0] if parts else "")
        if declared is None or declared.internal:
            raise Refused(404, f"'{request.path}' was not found.")
        self._check_scope(declared, request.method)
        if request.method == "GET":
            self._read(request, reply, declared, stale=stale)
            return
        if request.method not in {"POST", "PUT", "DELETE"}:
            raise Refused(405, f"{request.method} is not allowed here.", violation=True)
        only(parameters(request.query))
        if request.method != "DELETE":
            reply.body = self._read_body(request)
        self._write(request, reply, declared)

    def _serve_cart(self, request: Request, reply: Reply) -> None:
        self._check_scope(RESOURCES["orders"], request.method)
        if request.method != "GET":
            reply.body = self._read_body(request)
        status, shown = self.carts.answer(request.method, request.parts, request.query, reply.body)
        reply.write(encode(shown, self.store.zone), status)

    def _check_scope(self, declared: Resource, method: str) -> None:
        needed = declared.read_scopes if method == "GET" else declared.write_scopes
        if self.policy.scopes is not None and not needed & self.policy.scopes:
            raise Refused(403, f"The token lacks the scope {' or '.join(sorted(needed))}.")

    def _read(self, request: Request, reply: Reply, declared: Resource, *, stale: bool) -> None:
        url, now, seconds = f"{request.path}?{request.query}", self.store.clock(), self.policy.cache_seconds
        kept = self._cache.any_age(url) if stale else None
        if kept is None and not wants_fresh(request.headers):
            kept = self._cache.fresh(url, now, seconds)
        reply.cached = kept is not None
        if kept is None:
            text = self._read_text(request, declared)
            kept = self._cache.keep(url, text.encode(), now)
        reply.raw = kept.body
        reply.headers["Content-Type"] = "application/json; charset=utf-8"
        reply.headers |= kept.headers(seconds)

    def _read_text(self, request: Request, declared: Resource) -> str:  # noqa: PLR0911 - one line per read form
        reader, policy, query = self._reader, self.policy, request.query
        match request.parts:
            case ["inventory"]:
                return encode(stock.read(self.store, parameters(query)), self.store.zone)
            case ["inventory", "settings"]:
                only(parameters(query))
                return encode(stock.read_settings(self.store), self.store.zone)
            case [name] if name != "inventory":
                return reader.list(
                    declared, query, request.path, max_count=policy.max_count, link_host=policy.link_host
                )
            case [_, "select_many"]:
                return reader.select_many(declared, query)
            case [_, row_id] if row_id.isdecimal():
                return reader.one(declared, int(row_id), query)
            case [_, row_id, "filled"] if row_id.isdecimal():
                return reader.filled(declared, int(row_id), query)
            case [_, row_id, nested] if row_id.isdecimal():
                return reader.nested(declared, int(row_id), nested, query)
        raise Refused(404, f"'{request.path}' was not found.")

    def _read_body(self, request: Request) -> object:
        if not request.headers.get("content-type", "").lower().startswith("application/json"):
            raise Refused(400, "The body must be sent as application/json.", violation=True)
        try:
            return read_json(request.raw)
        except ValueError as exc:
            raise Refused(400, f"The body is no JSON: {exc}", violation=True) from exc

    def _write(self, request: Request, reply: Reply, declared: Resource) -> None:
        if self._write_specially(request, reply, declared):
            return
        store, body = self.store, reply.body
        match request.method, request.parts:
            case "POST", [name] if name != "inventory":
                written = writes.post(store, declared, body)
                self._show(reply, declared, written)
            case "PUT", [name, row_id] if row_id.isdecimal() and name != "inventory":
                written = writes.put(store, declared, int(row_id), body)
                self._show(reply, declared, written)
            case "DELETE", [name, row_id] if row_id.isdecimal() and name != "inventory":
                if declared.create is None:
                    raise Refused(405, f"'{declared.name}' cannot be deleted.", violation=True)
                writes.delete(store, declared, int(row_id))
                reply.status = 204
            case _:
                raise Refused(404, f"{request.method} '{request.path}' was not found.", violation=True)

    def _write_specially(self, request: Request, reply: Reply, declared: Resource) -> bool:
        """Whether it was one of the routes that belong to one resource alone."""
        store, body = self.store, reply.body
        match request.method, request.parts:
            case "POST", ["products", "importMany"]:
                if isinstance(body, list) and len(body) > self.policy.import_max_lines:
                    raise Refused(413, f"At most {self.policy.import_max_lines} lines are taken.")
                problems: list[str] = []
                reply.write(encode(import_many(store, body, problems), store.zone))
                for problem in problems:
                    self._journal.violation(request.method, request.path, problem)
            case "POST", ["inventory", how] if how in _STOCK_ACTIONS:
                reply.write(encode(stock.write(store, how, body), store.zone))
            case "PUT", ["inventory", "settings"]:
                reply.write(encode(stock.write_settings(store, body), store.zone))
            case "PUT", ["orders", row_id, "status"] if row_id.isdecimal():
                row = orders.set_status(store, int(row_id), body)
                reply.write(self._reader.row(declared, row, Shape()))
            case "POST", [name, "integration"] if name in _INTEGRATIONS:
                if not self.policy.integration_routes:
                    raise Refused(404, f"POST '{request.path}' was not found.")
                reply.write(self._reader.row(declared, _INTEGRATIONS[name](store, body), Shape()))
            case _:
                return False
        return True

    def _show(self, reply: Reply, declared: Resource, written: writes.Written) -> None:
        text = self._reader.row(declared, written.row, Shape(), written.shown)
        reply.write(text, 201 if written.created else 200)
