"""The service: producers, intake and appliers of one process, in the roles that it was given."""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import structlog

from connector.app.core import Core
from connector.app.platforms import Platforms, Transport, real_network
from connector.bus.dead_letters import DeadLetterOffice
from connector.bus.intake import Intake
from connector.bus.lag import GroupLag
from connector.bus.publisher import Publisher
from connector.engine.applier import Applier
from connector.engine.book import ConnectionBook
from connector.engine.linking import Linker
from connector.engine.metrics import CountedOutlet, Metrics
from connector.engine.producing import SparkPayProducer
from connector.engine.sink import InboxSink
from connector.engine.supervisor import Job, Supervisor
from connector.engine.tally import Tally
from connector.engine.usage import CallMeter
from connector.sparkpay.poller import Poller
from connector.state.claims import SideDirectory
from connector.state.connections import Connection
from connector.state.observations import SourceMemory
from contracts.topics import TopicNames
from handlers import sparklayer as to_sparklayer

log = structlog.get_logger("paylayer.service")
ROLES = frozenset({"producers", "intake", "appliers", "web"})
APPLIED_SIDES = ("sparklayer",)  # the sides that have handlers
SAVE_SECONDS = 1.0
LOOK_SECONDS = 0.2


@dataclass(slots=True)
class Service:
    """One running process. Make it with `started`."""

    core: Core
    roles: frozenset[str]
    publisher: Publisher
    office: DeadLetterOffice
    lag: GroupLag
    platforms: Platforms
    meter: CallMeter
    tally: Tally
    metrics: Metrics
    book: ConnectionBook
    worker: str
    intakes: dict[str, Intake] = field(default_factory=dict)
    appliers: dict[tuple[str, str], Applier] = field(default_factory=dict)
    producers: dict[str, SparkPayProducer] = field(default_factory=dict)
    supervisor: Supervisor | None = None

    async def run(self) -> None:
        """Work until cancelled. Raises `Unavailable` when the broker cannot be reached at the start."""
        await self.core.workers.register(self.worker, sorted(self.roles), socket.gethostname(), os.getpid())
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._save_usage_forever(), name="usage")
                if "intake" in self.roles:
                    for side in APPLIED_SIDES:
                        self.intakes[side] = self._intake(side)
                        group.create_task(self.intakes[side].run(), name=f"intake:{side}")
                jobs = self._jobs()
                self.supervisor = Supervisor(self.worker, jobs, self.core.workers, self.book, self.core.clock)
                group.create_task(self.supervisor.run(), name="supervisor")
                log.info("started", roles=sorted(self.roles), worker=self.worker)
        finally:
            await self.core.workers.leave(self.worker)

    def _intake(self, side: str) -> Intake:
        linker = Linker(self.core.inbox, self.core.claims, side)
        sink = InboxSink(
            side,
            inbox=self.core.inbox,
            book=self.book,
            linker=linker,
            clock=self.core.clock,
            metrics=self.metrics,
            wake=self._wake,
        )
        return Intake(self.core.settings, side, sink=sink, letters=self.office, clock=self.core.clock)

    def _wake(self, connection: str, side: str) -> None:
        if applier := self.appliers.get((connection, side)):
            applier.wake()

    def _jobs(self) -> dict[str, Job]:
        jobs: dict[str, Job] = {}
        if "producers" in self.roles:
            jobs["poll:sparkpay"] = self._poll
        if "appliers" in self.roles:
            jobs["apply:sparklayer"] = self._apply_to_sparklayer
        return jobs

    async def _poll(self, connection: Connection) -> None:
        budget = self.platforms.budget(connection)
        memory = SourceMemory(self.core.database, self.core.clock, connection.id, "sparkpay")
        async with self.platforms.sparkpay(connection, budget) as client:
            poller = Poller(
                client,
                memory=memory,
                outlet=CountedOutlet(self.publisher, self.metrics),
                settings=connection.settings,
                connection=connection.id,
                clock=self.core.clock,
                interval_seconds=self.core.settings.poll_interval_seconds,
            )
            producer = SparkPayProducer(
                connection.id,
                poller,
                runs=self.core.runs,
                meter=self.meter,
                tally=self.tally,
                pauses=self.core.pauses,
                clock=self.core.clock,
                until_settled=self.until_settled,
            )
            self.producers[connection.id] = producer
            try:
                await producer.run()
            finally:
                self.producers.pop(connection.id, None)
                await budget.close()

    async def _apply_to_sparklayer(self, connection: Connection) -> None:
        side = "sparklayer"
        async with self.platforms.sparklayer(connection) as client:
            applier = Applier(
                connection.id,
                side,
                settings=connection.settings,
                handlers=to_sparklayer.handlers(client),
                inbox=self.core.inbox,
                directory=SideDirectory(self.core.database, connection.id, side),
                office=self.office,
                pauses=self.core.pauses,
                clock=self.core.clock,
                metrics=self.metrics,
                tally=self.tally,
            )
            self.appliers[connection.id, side] = applier
            try:
                await applier.run()
            finally:
                self.appliers.pop((connection.id, side), None)

    async def until_settled(self, connection: str) -> None:
        """Return when everything published so far was taken from Kafka and applied or refused, or waits for another."""
        ends = await self.lag.ends()
        for side in APPLIED_SIDES:
            while not await self.lag.caught_up(side, ends):
                await self.core.clock.sleep(LOOK_SECONDS)
        while await self.core.inbox.busy(connection):
            await self.core.clock.sleep(LOOK_SECONDS)

    async def _save_usage_forever(self) -> None:
        while True:
            await self.core.clock.sleep(SAVE_SECONDS)
            await self.meter.save()
            await self.tally.save()


@asynccontextmanager
async def started(
    core: Core, roles: frozenset[str] = ROLES, transport: Transport = real_network
) -> AsyncIterator[Service]:
    """A service whose broker connection is open. Raises `Unavailable` where the broker does not answer."""
    names = TopicNames(core.settings.topic_prefix)
    async with AsyncExitStack() as stack:
        publisher = await stack.enter_async_context(Publisher.connected(core.settings, core.clock))
        lag = await stack.enter_async_context(GroupLag.connected(core.settings))
        metrics = Metrics()
        meter = CallMeter(core.usage, metrics)
        yield Service(
            core=core,
            roles=roles,
            publisher=publisher,
            office=DeadLetterOffice(
                publisher,
                names,
                core.clock,
                on_refusal=lambda side, refusal: metrics.refused(side, refusal.stage, refusal.entity, refusal.code),
            ),
            lag=lag,
            platforms=Platforms(core, meter, transport),
            meter=meter,
            tally=Tally(core.runs),
            metrics=metrics,
            book=ConnectionBook(core.connections, core.clock),
            worker=f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}",
        )
