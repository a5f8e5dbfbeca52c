"""What an endpoint is: a method, a path template, the scope it needs, and a function from call to answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from connector.sandbox.sparklayer.policy import SitePolicy
from connector.sandbox.sparklayer.site import SparkLayerSite


@dataclass(frozen=True, slots=True)
class Call:
    """One authorised request. `refuses_sku` asks the injected faults about a row."""

    site: SparkLayerSite
    policy: SitePolicy
    params: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    refuses_sku: Callable[[str], bool]
    template: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body; None is an empty body."""

    status: int
    body: object = None


@dataclass(frozen=True, slots=True)
class Operation:
    """One endpoint. `writes` is false for reads, also those that use POST; `locks_prices` marks pricing writes.

    `reports`: it tells how the sync goes, and writes nothing of the merchant's.
    """

    method: str
    template: str
    scope: str
    run: Callable[[Call], Answer]
    writes: bool = True
    locks_prices: bool = False
    reports: bool = False

    def params(self, raw_path: str) -> dict[str, str] | None:
        """Values of the template's `{names}`, decoded, or None if the path is another one.

        Works on the path as sent, so that an encoded slash stays inside its segment.
        """
        wanted, given = self.template.split("/"), raw_path.split("/")
        if len(wanted) != len(given):
            return None
        found: dict[str, str] = {}
        for name, value in zip(wanted, given, strict=True):
            if name.startswith("{"):
                if not value:
                    return None
                found[name[1:-1]] = unquote(value, errors="strict")
            elif name != value:
                return None
        return found
