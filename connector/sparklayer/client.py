"""The client of one SparkLayer site."""

from types import TracebackType
from typing import Self

import httpx

from connector.clock import Clock
from connector.cookies import no_cookies
from connector.permit import CallPermit
from connector.sparklayer.credentials import Credentials
from connector.sparklayer.customer_groups import CustomerGroups
from connector.sparklayer.customers import Customers, CustomersV1
from connector.sparklayer.endpoint import Endpoint
from connector.sparklayer.gate import CallGate
from connector.sparklayer.orders import Orders
from connector.sparklayer.price_lists import PriceLists
from connector.sparklayer.prices import Prices
from connector.sparklayer.products import Products
from connector.sparklayer.purchases import Purchases
from connector.sparklayer.session import OnCall, Session
from connector.sparklayer.shipping_methods import ShippingMethods
from connector.sparklayer.site_settings import SiteSettings
from connector.sparklayer.stock import Stock
from connector.sparklayer.stock_locations import StockLocations
from connector.sparklayer.sync_log import SyncLog
from connector.sparklayer.token import MemoryTokenStore, TokenStore
from connector.tls import trusted
from connector.version import USER_AGENT


class SparkLayerClient:
    """Endpoints of one site, grouped by concept; an async context manager.

    Every method makes exactly one call (`price_lists.all` one per page, and any call one more after a first 401) and
    raises a `PlatformError` when it fails; retrying is the caller's. `gate` is shared by all clients of a site,
    `tokens` by all processes, `on_call` is told of every call that was made, `permit` is asked before
    each one.
    """

    def __init__(
        self,
        base_url: str,
        site_id: str,
        credentials: Credentials,
        *,
        clock: Clock,
        gate: CallGate,
        transport: httpx.AsyncBaseTransport | None = None,
        tokens: TokenStore | None = None,
        on_call: OnCall | None = None,
        permit: CallPermit | None = None,
    ) -> None:
        http = httpx.AsyncClient(
            base_url=base_url,
            transport=transport,
            verify=trusted(),
            headers={"User-Agent": USER_AGENT, "Accept": "application/json"},
            cookies=no_cookies(),
        )
        self._session = Session(
            http,
            site_id,
            credentials,
            clock=clock,
            gate=gate,
            store=tokens if tokens is not None else MemoryTokenStore(),
            on_call=on_call if on_call is not None else _nobody,
            permit=permit if permit is not None else CallPermit(),
        )
        self.products = Products(self._session)
        self.stock = Stock(self._session)
        self.stock_locations = StockLocations(self._session)
        self.price_lists = PriceLists(self._session)
        self.prices = Prices(self._session)
        self.customer_groups = CustomerGroups(self._session)
        self.customers = Customers(self._session)
        self.customers_v1 = CustomersV1(self._session)
        self.shipping_methods = ShippingMethods(self._session)
        self.purchases = Purchases(self._session)
        self.orders = Orders(self._session)
        self.settings = SiteSettings(self._session)
        self.sync_log = SyncLog(self._session)

    async def check_token(self) -> None:
        """Make sure that the keys buy a token, or that a stored one lives; raises `CredentialsRefused`."""
        await self._session.check_token()

    async def read(self, path: str) -> object:
        """Whatever a GET of a path (its segments percent-encoded) answers; raises `NotFound`."""
        return await self._session.call(Endpoint("GET", path, writes=False))

    async def aclose(self) -> None:
        """Close the connections; calls under way fail."""
        await self._session.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def _nobody(_method: str, _route: str, _status: int | None, _seconds: float) -> None:
    """Stand in for the hook where nobody counts."""
