"""`POST /products/importMany`: many products in one call, each with a result of its own (vendor docs: products).

The one bulk route of the store. A line names a product by id, or by item number where it may have to be made; either
way it can be sent again. Never a category or a manufacturer: those would be made anew each time.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from connector.errors import ContractFault, NotFound, PlatformError, Refused, TooLarge
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.failures import Failure, error_of
from handlers.outcome import Outcome
from handlers.sparklayer.bulk import RowLimit, is_time_out
from handlers.sparkpay.classify import classify, stops_the_side

Line = Mapping[str, Any]
Result = int | Outcome
"""The product's id, or why the line was not taken."""

_ROUTE = "products/importMany"
_ENDPOINT = f"POST /{_ROUTE}"
_FIRST_ERROR = 300


def change(product_id: int, fields: Mapping[str, Any]) -> Line:
    """A line that changes fields of a product that is there."""
    return {"product": {"id": product_id, **fields}}


def bring(item_number: str, fields: Mapping[str, Any]) -> Line:
    """A line that changes the product of that item number, or makes it."""
    return {"lookup_by_sku": True, "product": {"item_number": item_number, **fields}}


class ProductImport:
    """Sends lines; how many a call may have is learned (the vendor says nothing of it)."""

    def __init__(self, client: SparkPayClient) -> None:
        self._client = client
        self._limit = RowLimit()

    async def send(self, lines: Sequence[Line], most: int) -> list[Result]:
        """What became of each line. When the store is in trouble, the rest is not tried."""
        found: dict[int, Result] = {}
        waiting = list(range(len(lines)))
        while waiting:
            size = self._limit.rows(most)
            part, waiting = waiting[:size], waiting[size:]
            stack = [part]
            while stack:
                now = stack.pop()
                try:
                    results = await self._call([lines[at] for at in now])
                except (Refused, NotFound, TooLarge) as error:
                    if isinstance(error, TooLarge):
                        self._limit.too_large(len(now))
                    if len(now) == 1:
                        found[now[0]] = classify(error)
                    else:  # nobody says which line it was, and a line can be sent again
                        middle = len(now) // 2
                        stack += [now[middle:], now[:middle]]
                except PlatformError as error:
                    if is_time_out(error):
                        self._limit.too_slow(len(now))
                    outcome = classify(error)
                    found |= dict.fromkeys(now, outcome)
                    if stops_the_side(outcome):
                        untried = [*(at for left in stack for at in left), *waiting]
                        found |= dict.fromkeys(untried, outcome)
                        stack, waiting = [], []
                else:
                    self._limit.good()
                    found |= dict(zip(now, results, strict=True))
        return [found[at] for at in range(len(lines))]

    async def _call(self, lines: Sequence[Line]) -> list[Result]:
        answer = await self._client.request("POST", _ROUTE, body=list(lines))
        rows = answer.get("results") if isinstance(answer, Mapping) else None
        if not isinstance(rows, Sequence):
            raise ContractFault("the answer has no results", side="sparkpay", endpoint=_ENDPOINT)
        by_line = {row.get("line_item"): row for row in rows if isinstance(row, Mapping)}
        return [result_of(by_line.get(number)) for number in range(len(lines))]


def result_of(row: Mapping[str, Any] | None) -> Result:
    """What an answer says of one line (vendor docs: `line_item`, `status_code`, `entity_id`; a message is seen)."""
    status, id_ = (row.get("status_code"), row.get("entity_id")) if row is not None else (None, None)
    if row is None or not isinstance(status, int):
        return classify(ContractFault("a line has no result", side="sparkpay", endpoint=_ENDPOINT))
    if status >= _FIRST_ERROR:
        told = [str(value) for name, value in row.items() if name not in ("line_item", "status_code", "entity_id")]
        failure = Failure(status, "; ".join(told) or f"a line was answered with {status} and no reason")
        return classify(error_of(failure, _ENDPOINT, wrote=True))
    if not isinstance(id_, int) or id_ <= 0:
        return classify(ContractFault("a line was taken and has no id", side="sparkpay", endpoint=_ENDPOINT))
    return id_
