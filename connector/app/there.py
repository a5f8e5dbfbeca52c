"""What the platforms have of that which a rehearsal would write, read for as few calls as they allow."""

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from urllib.parse import unquote

from connector.app.differences import Change, difference
from connector.errors import NotFound, Refused
from connector.rehearsal import Intended, Rehearsal
from connector.sparklayer import SparkLayerClient
from connector.sparkpay.client import SparkPayClient

_ROW = re.compile(r"/(?P<resource>[a-z_]+)/(?P<id>[0-9]+)")
_AT_ONCE = 500
_LISTS = {
    "/api/v1/customer-groups/": ("/api/v1/customer-groups", "slug"),
    "/api/v2/shipping-methods/": ("/api/v2/shipping-methods", "id"),
    "/api/v1/shipping-methods/": ("/api/v1/shipping-methods", "id"),
    "/api/v1/stock-locations/": ("/api/v1/stock-locations", "id"),
}
"""Where single rows have no address to be read at."""


@dataclass(slots=True)
class There:
    """Both platforms; lists of prices are read once each and kept."""

    pay: SparkPayClient
    layer: SparkLayerClient
    rehearsal: Rehearsal
    _prices: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    async def changes(self, intended: Intended) -> AsyncIterator[Change]:
        """What one request would change; nothing where everything is like that. Raises what the platforms raise."""
        if intended.path.endswith("/batch-update-pricing"):
            async for found in self._of_prices(intended):
                yield found
        elif intended.path.endswith("/batch-update-stock"):
            async for found in self._of_stock(intended):
                yield found
        else:
            there = await (self._row(intended) if intended.side == "sparkpay" else self._resource(intended))
            change = difference(intended, _label(intended), _by_key(intended.body), there)
            if change is not None:
                yield change

    async def _of_prices(self, intended: Intended) -> AsyncIterator[Change]:
        for row in intended.body:
            slug, sku = str(row["price_list_slug"]), str(row["sku"])
            there = (await self._list(slug)).get(sku)
            change = difference(intended, f"price of {sku} in {slug}", {"pricing": row.get("pricing")}, there)
            if change is not None:
                yield change

    async def _list(self, slug: str) -> Mapping[str, Any]:
        if slug not in self._prices:
            try:
                rows = await self.layer.prices.get_list(slug)
            except NotFound:
                rows = []  # it would be made
            self._prices[slug] = {str(row.get("sku")): {"pricing": row.get("pricing")} for row in rows}
        return self._prices[slug]

    async def _of_stock(self, intended: Intended) -> AsyncIterator[Change]:
        rows = iter(intended.body)
        while some := list(islice(rows, _AT_ONCE)):
            names = await self._locations()
            levels = {
                (str(row.get("sku")), names.get(str(row.get("stock_location_id")), "default")): row
                for row in await self.layer.stock.fetch(sorted({str(row["sku"]) for row in some}))
            }
            for row in some:
                place = str(row.get("stock_location_external_id") or row.get("stock_location_id") or "default")
                place = names.get(place, place)
                there = levels.get((str(row["sku"]), place))
                wanted = {name: value for name, value in row.items() if name not in {"sku", *_PLACES}}
                change = difference(intended, f"stock of {row['sku']} at {place}", wanted, there)
                if change is not None:
                    yield change

    async def _locations(self) -> Mapping[str, str]:
        rows = await self.layer.stock_locations.all()
        return {str(row.get("id")): str(row.get("external_id") or row.get("id")) for row in rows}

    async def _row(self, intended: Intended) -> Any:  # noqa: ANN401 - JSON
        """A row of the store; none where the request makes one."""
        found = _ROW.fullmatch(intended.path.removesuffix("/status"))
        if found is None or intended.method == "POST":
            return None
        try:
            return await self.pay.get(found["resource"], int(found["id"]))
        except NotFound:
            return None

    async def _resource(self, intended: Intended) -> Any:  # noqa: ANN401 - JSON
        """What the site answers at the same address, or has in its list."""
        if intended.method == "POST":
            return None
        for prefix, (path, name) in _LISTS.items():
            if intended.path.startswith(prefix):
                rows = await self.layer.read(path)
                wanted = unquote(intended.path.removeprefix(prefix))
                found = rows if isinstance(rows, list) else []
                return next((row for row in found if str(row.get(name)) == wanted), None)
        try:
            answer = await self.layer.read(intended.path)
        except (NotFound, Refused):
            return None
        return _by_key(answer)


def _by_key(body: Any) -> Any:  # noqa: ANN401 - JSON
    """Settings, which are lists of key and value, as one object."""
    if isinstance(body, list) and body and all(isinstance(row, Mapping) and "key" in row for row in body):
        return {str(row["key"]): row.get("value") for row in body}
    return body


_PLACES = ("stock_location_external_id", "stock_location_id")


def _label(intended: Intended) -> str:
    """`products/18`, and of something new what it says of itself."""
    path = unquote(re.sub(r"^/api/v[0-9]+", "", intended.path)).strip("/")
    body = intended.body if isinstance(intended.body, Mapping) else {}
    if intended.method != "POST":
        return path
    named = next((str(body[name]) for name in _NAMED if body.get(name)), "")
    return f"{path} {named}".strip()


_NAMED = ("external_id", "slug", "order_number", "email", "item_number", "sku", "name", "title")
