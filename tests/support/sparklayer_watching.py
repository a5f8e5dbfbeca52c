"""A watch over a simulated site, with what it remembers, publishes and is told of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from connector.clock import SteppedClock
from connector.ports import NoEchoes, Wanted
from connector.settings import ConnectionSettings
from connector.sparklayer.watch import SiteWatch
from contracts.events import Event, entity_name
from tests.fakes.findings import FakeFindings
from tests.fakes.sparkpay_ports import FakeMemory, FakeOutlet
from tests.support.sparklayer_rig import Rig


@dataclass
class FakeKnown:
    """What the state knows of the site."""

    all_skus: list[str] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)  # customers: key -> id there

    async def skus(self, after: str, limit: int) -> Sequence[str]:
        return sorted(sku for sku in self.all_skus if sku > after)[:limit]

    plans: dict[tuple[str, str], Wanted] = field(default_factory=dict)

    async def wanted(self, entity: str, keys: Sequence[str]) -> Mapping[str, Wanted]:
        return {key: self.plans[entity, key] for key in keys if (entity, key) in self.plans}

    async def entities(self, entity: str, after: str, limit: int) -> Sequence[tuple[str, str]]:
        assert entity == "customer"
        return sorted((key, id_) for key, id_ in self.ids.items() if key > after)[:limit]


@dataclass
class Interrupted(httpx.AsyncBaseTransport):
    """Between two answers something happens at the site."""

    inner: httpx.AsyncBaseTransport
    left: int = 0
    work: Callable[[], object] = lambda: None

    instead: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path in self.instead:
            return httpx.Response(200, json=self.instead[request.url.path])
        response = await self.inner.handle_async_request(request)
        if request.method == "GET" and request.url.path == "/api/v1/purchases":
            self.left -= 1
            if self.left == 0:
                self.work()
        return response


class Watching:
    """`begin` starts a watch, also one after a crash: it has what was stored and nothing else."""

    def __init__(self, rig: Rig, flows: str = "order=to_sparkpay", **changed: str) -> None:
        self.rig, self.memory, self.outlet, self.known = rig, FakeMemory(), FakeOutlet(), FakeKnown()
        flow = {f"flow.{name}": direction for name, _, direction in (one.partition("=") for one in flows.split())}
        off = dict.fromkeys((f"flow.{name}" for name in ConnectionSettings().flow.model_dump()), "off")
        self.settings = ConnectionSettings().with_values({**off, **flow, **changed})
        self.echoes: Any = NoEchoes()
        self.findings = FakeFindings()
        self.begin()

    @property
    def clock(self) -> SteppedClock:
        return self.rig.clock

    def meanwhile(self, answers: int, work: Callable[[], object]) -> None:
        """Do something right after so many answers of the list of purchases."""
        self.transport.left, self.transport.work = answers, work

    def answers(self, path: str, rows: list[dict[str, Any]]) -> None:
        """The site answers a list in this way from now on."""
        self.transport.instead[path] = rows

    def begin(self) -> None:
        self.transport = Interrupted(httpx.ASGITransport(self.rig.app))
        self.watch = SiteWatch(
            self.rig.client(transport=self.transport), self.memory, self.outlet, self.settings, "acme", self.clock,
            known=self.known, echoes=self.echoes, findings=self.findings,
        )  # fmt: skip

    async def look(self) -> list[Event]:
        """Wait as long as an order takes to be seen at the most, look, and hand over what was published."""
        return await self.after(self.settings.watch.purchases_seconds)

    async def after(self, seconds: float) -> list[Event]:
        self.clock.advance(seconds)
        await self.watch.step()
        return self.outlet.take()

    def calls(self) -> list[str]:
        """What was asked of the site since the last time, tokens left out."""
        made = [f"{method} {route}" for method, route, _, _ in self.rig.calls if "auth" not in route]
        self.rig.calls.clear()
        return made


def keys(events: Sequence[Event]) -> list[str]:
    return [f"{entity_name(event)} {event.data.key}" for event in events]
