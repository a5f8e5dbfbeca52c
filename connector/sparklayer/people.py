"""Customers of a site, read one by one: there is no list of them, and orders name only their id."""

from collections import OrderedDict
from dataclasses import dataclass

from connector.clock import Clock
from connector.errors import NotFound
from connector.sparklayer.customers import Customers, CustomersV1
from connector.sparklayer.mapping.fields import Row

_KEPT = 1000
_GOOD_FOR_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class _Read:
    row: Row | None
    at: float


class People:
    """Reads a customer by SparkLayer's id, and remembers it for some minutes: a buyer often places several orders."""

    def __init__(self, customers: Customers, customers_v1: CustomersV1, clock: Clock, *, v1: bool) -> None:
        self._customers = customers
        self._customers_v1 = customers_v1
        self._clock = clock
        self._v1 = v1
        self._read: OrderedDict[str, _Read] = OrderedDict()

    async def get(self, id_: str, *, afresh: bool = False) -> Row | None:
        """The customer with its addresses; none where the site has no such customer. Raises a `PlatformError`."""
        known = self._read.get(id_)
        now = self._clock.monotonic()
        if known is not None and not afresh and now - known.at < _GOOD_FOR_SECONDS:
            return known.row
        try:
            row: Row | None = await (
                self._customers_v1.get(id_) if self._v1 else self._customers.get("sparklayer", id_)
            )
        except NotFound:
            row = None
        self._read[id_] = _Read(row, now)
        self._read.move_to_end(id_)
        while len(self._read) > _KEPT:
            self._read.popitem(last=False)
        return row
