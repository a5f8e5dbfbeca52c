"""The price lists of a site: read once, those that are missing created, those with an old name renamed."""

import asyncio
from collections.abc import Mapping

from connector.errors import Conflict, Refused
from connector.sparklayer import SparkLayerClient
from handlers.sparklayer.classify import taken_fields
from handlers.sparklayer.price_body import first_name


class PriceLists:
    """Slug and name of every list that the site has, as far as this process knows.

    Rows that are applied at once may ask at once: the first reads and creates, the others wait for it.
    """

    def __init__(self, client: SparkLayerClient) -> None:
        self._client = client
        self._names: dict[str, str] | None = None
        self._turn = asyncio.Lock()

    def forget(self) -> None:
        """Read them again next time: the platform says that one is not there."""
        self._names = None

    async def ensure(self, wanted: Mapping[str, tuple[str, str]]) -> None:
        """Have every slug, with its name and currency. Raises a `PlatformError` where that does not work.

        A list without a name keeps the one that it has.
        """
        if not wanted:
            return
        async with self._turn:
            names = await self._known()
            for slug in sorted(wanted):
                name, currency = wanted[slug]
                if slug not in names:
                    await self._create(slug, name, currency)
                    names[slug] = name or first_name(slug)
                elif name and names[slug] != name:
                    await self._client.price_lists.change(slug, {"name": name})
                    names[slug] = name

    async def named(self, wanted: Mapping[str, str]) -> bool:
        """Whether each of these slugs is there under its name. Raises a `PlatformError`."""
        async with self._turn:
            names = await self._known()
        return all(slug in names and name in ("", names[slug]) for slug, name in wanted.items())

    async def slugs(self) -> frozenset[str]:
        """Every list that is there. Raises a `PlatformError`."""
        async with self._turn:
            return frozenset(await self._known())

    async def _known(self) -> dict[str, str]:
        if self._names is None:
            rows = await self._client.price_lists.all()
            self._names = {str(row.get("slug")): str(row.get("name")) for row in rows}
        return self._names

    async def _create(self, slug: str, name: str, currency: str) -> None:
        called = name or first_name(slug)
        body = {"slug": slug, "name": called, "currency_code": currency.lower(), "source": "integration"}
        try:
            await self._client.price_lists.create(body)
        except (Refused, Conflict) as error:
            if "slug" not in taken_fields(error) and not isinstance(error, Conflict):
                raise
            if name:  # somebody was faster; who does not know its name leaves it alone
                await self._client.price_lists.change(slug, {"name": name})
