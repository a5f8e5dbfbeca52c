"""Price lists (vendor docs: pricing API)."""

from collections.abc import Mapping

from connector.errors import ContractFault
from connector.sparklayer import endpoint
from connector.sparklayer.session import Session
from connector.sparklayer.wire import Row

PAGE_SIZE = 250
_MOST_PAGES = 100  # a site with more is no site: the pages repeat themselves


class PriceLists:
    """Lists are named by their slug, which cannot be changed."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def all(self, source: str | None = None) -> list[Row]:
        """Read every list page by page; `source` is `custom`, `platform` or `integration`."""
        rows: list[Row] = []
        for page in range(1, _MOST_PAGES + 1):
            found, pages = await self._page(page, source)
            rows += found
            if page >= pages or not found:
                return rows
        raise self._unreadable()

    async def all_v1(self) -> list[Row]:
        """Read every list in one call: the older endpoint, for sites without the paged one."""
        return await self._session.call_for_rows(endpoint.PRICE_LISTS)

    async def create(self, price_list: Mapping[str, object]) -> Row:
        """Add a list; raises `Refused` (`resource-already-exists`) when the slug is taken."""
        return await self._session.call_for_row(endpoint.PRICE_LIST_CREATE, body=price_list)

    async def get(self, slug: str) -> Row:
        """Read one; raises `NotFound`."""
        return await self._session.call_for_row(endpoint.PRICE_LIST_READ, {"slug": slug})

    async def change(self, slug: str, changes: Mapping[str, object]) -> Row:
        """Rename one or set its rules."""
        return await self._session.call_for_row(endpoint.PRICE_LIST_CHANGE, {"slug": slug}, body=changes)

    async def delete(self, slug: str) -> None:
        """Drop a list with its rules and prices; raises `Refused` while another list's rule uses it."""
        await self._session.call(endpoint.PRICE_LIST_DELETE, {"slug": slug})

    async def _page(self, page: int, source: str | None) -> tuple[list[Row], int]:
        query = {"page": str(page), "page_size": str(PAGE_SIZE), "order_by": "name:asc"}
        if source is not None:
            query["source"] = source
        answer = await self._session.call(endpoint.PRICE_LISTS_PAGE, query=query)
        try:
            rows, pages = answer["data"], answer["pagination"]["total_pages"]  # type: ignore[index]
        except (KeyError, TypeError) as error:
            raise self._unreadable() from error
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows) or not isinstance(pages, int):
            raise self._unreadable()
        return rows, pages

    @staticmethod
    def _unreadable() -> ContractFault:
        name = endpoint.PRICE_LISTS_PAGE.name
        return ContractFault("the answer is not a page of price lists", side=endpoint.SIDE, endpoint=name, status=200)
