"""The service: producers, intake and appliers of one process, in the roles that it was given."""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import structlog

from connector.app.both_ways import echoes, sent_as, two_way
from connector.app.core import Core
from connector.app.hint_box import HintBox
from connector.app.ignite_turns import in_turn
from connector.app.platforms import Platforms, Transport, real_network
from connector.app.remapping import reapply_where_rules_changed
from connector.app.store_desks import StoreDesks
from connector.app.store_gate import StoreGate
from connector.app.sync_log_keeping import SyncLogKeeper
from connector.app.token_renewal import TokenRenewal
from connector.app.webhook_door import WebhookDoor
from connector.app.webhook_keeping import WebhookKeeper
from connector.budget.urgency import UrgencyBudget
from connector.bus.dead_letters import DeadLetterOffice
from connector.bus.flood import FloodPolicy
from connector.bus.intake import Intake
from connector.bus.intake_policy import IntakePolicy
from connector.bus.lag import GroupLag
from connector.bus.publisher import Publisher
from connector.engine.applier import Applier
from connector.engine.book import ConnectionBook
from connector.engine.linking import Linker
from connector.engine.lookout import Lookout
from connector.engine.metrics import CountedOutlet, Metrics
from connector.engine.places import SyncPlaces
from connector.engine.producing import Producer, Reader, Step
from connector.engine.sink import InboxSink
from connector.engine.standstill import Access
from connector.engine.supervisor import Job, Supervisor
from connector.engine.tally import Tally
from connector.engine.usage import CallMeter
from connector.errors import PayLayerError
from connector.mapping_rules import mapping_of
from connector.pace import IdleLooks
from connector.permit import CallPermit
from connector.ports import Priority
from connector.sparklayer import SparkLayerClient
from connector.sparklayer.watch import SiteWatch, kinds_told
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.poller import Poller
from connector.sparkpay.query import Query
from connector.state.claims import SideDirectory
from connector.state.connections import Connection
from connector.state.database import Database
from connector.state.entities import SideEntities
from connector.state.hints import ConnectionHints
from connector.state.inbox import Inbox
from connector.state.intents import SideIntents
from connector.state.known import KnownThere
from connector.state.lease import Lease
from connector.state.links import Links
from connector.state.observations import SourceMemory
from connector.state.pauses import SidePauses
from connector.state.runs import Runs
from connector.state.unmapped import UnmappedEntities
from connector.version import VERSION
from contracts.topics import SIDES, TopicNames
from handlers import sparklayer as to_sparklayer
from handlers import sparkpay as to_sparkpay
from handlers.mapped import mapped
from handlers.outcome import Handler

log = structlog.get_logger("paylayer.service")
ROLES = frozenset({"producers", "intake", "appliers", "web"})
SAVE_SECONDS = 1.0
TIDY_SECONDS = 5.0
POLL_STARTS = 20  # a second, two per connection: a first look is a dozen calls, and too many would hold up others
LAST_WORDS_SECONDS = 0.5
LOOK_SECONDS = (0.2, 2.0)  # the first pause, and the longest of a wait that may take hours


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
    look_only: bool = False  # appliers compare what is in doubt, and write nothing
    intakes: dict[str, Intake] = field(default_factory=dict)
    appliers: dict[tuple[str, str], Applier] = field(default_factory=dict)
    producers: dict[tuple[str, str], Producer] = field(default_factory=dict)
    supervisor: Supervisor | None = None
    lookout: Lookout = field(init=False)
    places: SyncPlaces = field(init=False)
    idle: IdleLooks = field(init=False)
    webhook_door: WebhookDoor = field(init=False)
    hint_box: HintBox = field(init=False)
    desks: StoreDesks = field(init=False)

    def __post_init__(self) -> None:
        core = self.core
        self.lookout = Lookout(core.inbox, core.pauses, core.runs, core.clock, wake=self._due, hints=core.hints)
        self.places = SyncPlaces(core.clock)
        self.idle = IdleLooks(core.settings.idle_calls_per_second)
        self.webhook_door = WebhookDoor(core.webhooks, core.clock)
        self.hint_box = HintBox(core.hints, core.clock, wake=self.lookout.hint)
        self.desks = StoreDesks(core, self.platforms)

    async def run(self) -> None:
        """Work until cancelled. Raises `Unavailable` when the broker cannot be reached at the start."""
        await self.core.workers.register(self.worker, sorted(self.roles), socket.gethostname(), os.getpid())
        try:
            await self.lookout.look()  # nobody may take a side that is paused for one that is not
            async with asyncio.TaskGroup() as group:
                group.create_task(self.lookout.run(), name="lookout")
                group.create_task(self._save_usage_forever(), name="usage")
                group.create_task(self._tidy_forever(), name="tidy")
                if "intake" in self.roles:
                    for side in SIDES:
                        await self.core.stops.release(side)  # a restart is one way to go on
                        self.intakes[side] = self._intake(side)
                        group.create_task(self.intakes[side].run(), name=f"intake:{side}")
                jobs = self._jobs()
                self.supervisor = Supervisor(
                    self.worker,
                    jobs,
                    self.core.workers,
                    self.book,
                    self.core.clock,
                    starts_per_beat={"producers": POLL_STARTS},
                    needed=needed,
                )
                group.create_task(self.supervisor.run(), name="supervisor")
                log.info("started", version=VERSION, roles=sorted(self.roles), worker=self.worker)
        finally:
            await self.desks.close()
            await self._last_words()

    async def _last_words(self) -> None:
        """What the database should still hear, if it listens."""
        for words in (self._save_usage, partial(self.core.workers.leave, self.worker)):
            try:
                async with asyncio.timeout(LAST_WORDS_SECONDS):
                    await words()
            except (PayLayerError, TimeoutError) as error:
                log.warning("not_stored_at_the_end", error=f"{type(error).__name__}: {error}")

    def _intake(self, side: str) -> Intake:
        linker = Linker(self.core.inbox, self.core.claims, Links(self.core.database), side)
        sink = InboxSink(
            side,
            inbox=self.core.inbox,
            book=self.book,
            linker=linker,
            clock=self.core.clock,
            metrics=self.metrics,
            wake=self._wake,
        )
        settings = self.core.settings
        flood = FloodPolicy(settings.flood_in_a_row, settings.flood_ratio, settings.flood_window)
        return Intake(
            settings,
            side,
            sink=sink,
            letters=self.office,
            clock=self.core.clock,
            policy=IntakePolicy(flood=flood),
            stops=self.core.stops,
            concerned=sink.concerned,
        )

    def _wake(self, connection: str, side: str, entity: str) -> None:
        if applier := self.appliers.get((connection, side)):
            applier.wake(entity)

    def _due(self, connection: str, side: str, entity: str) -> None:
        if applier := self.appliers.get((connection, side)):
            applier.due(entity)

    def _jobs(self) -> dict[str, dict[str, Job]]:
        """By role, what there is to do for each connection."""
        jobs: dict[str, dict[str, Job]] = {
            "producers": {"poll:sparkpay": self._poll, "poll:sparklayer": self._watch_sparklayer},
            "appliers": {"apply:sparklayer": self._apply_to_sparklayer, "apply:sparkpay": self._apply_to_sparkpay},
        }
        return {role: of_role for role, of_role in jobs.items() if role in self.roles}

    async def _poll(self, connection: Connection, lease: Lease) -> None:
        async with self._renewing(connection) as renewed:
            await self._poll_sparkpay(renewed, lease)

    async def _poll_sparkpay(self, connection: Connection, lease: Lease) -> None:
        budget = self.platforms.budget(connection)
        database = self.core.database.fenced(lease.confirm)
        unmapped = UnmappedEntities(database, self.core.clock, connection.id, "sparkpay")
        memory = SourceMemory(database, self.core.clock, connection.id, "sparkpay", unmapped)
        async with self.platforms.sparkpay(connection, budget) as client:
            await StoreGate(self.core, connection, self.metrics).passed(client, memory)
            poller = Poller(
                client,
                memory=memory,
                outlet=CountedOutlet(self.publisher, self.metrics, lease.require),
                settings=connection.settings,
                connection=connection.id,
                clock=self.core.clock,
                interval_seconds=self.core.settings.poll_interval_seconds,
                hints=ConnectionHints(database, connection.id),
                echoes=echoes(database, self.core.clock, connection, memory, "sparkpay"),
                findings=unmapped,
                idle=self.idle,
            )
            hints = self.lookout.when_hinted(connection.id, poller.hint_step)
            steps = {"poll": poller.look_step, "sweep": poller.sweep_step, "hints": hints}
            access = partial(_read_a_product, client)
            try:
                async with asyncio.TaskGroup() as group:
                    keeper = group.create_task(WebhookKeeper(self.core, connection, client).run(), name="webhooks")
                    teller = SyncLogKeeper(self.core, connection, self.platforms)
                    telling = group.create_task(teller.run(), name="sync-log")
                    await self._produce(
                        connection,
                        "sparkpay",
                        poller,
                        steps=steps,
                        database=database,
                        access=access,
                        unmapped=unmapped,
                    )
                    keeper.cancel()
                    telling.cancel()
            finally:
                await budget.close()

    @asynccontextmanager
    async def _renewing(self, connection: Connection) -> AsyncIterator[Connection]:
        """The connection with a token that lasts; it is renewed for as long as the block runs, by one job at a time."""
        renewal = TokenRenewal(self.core, connection.id, self.platforms.transport)
        await renewal.ready()
        async with asyncio.TaskGroup() as group:
            renewing = group.create_task(renewal.run(), name="token")
            yield await self.core.connections.get(connection.id)  # with the token that it may just have got
            renewing.cancel()

    async def _watch_sparklayer(self, connection: Connection, lease: Lease) -> None:
        side = "sparklayer"
        database = self.core.database.fenced(lease.confirm)
        unmapped = UnmappedEntities(database, self.core.clock, connection.id, side)
        memory = SourceMemory(database, self.core.clock, connection.id, side, unmapped)
        as_sent = sent_as(mapping_of(connection.settings.mapping.rules), side)
        async with self.platforms.sparklayer(connection, permit=CallPermit(lease.held)) as client:
            watch = SiteWatch(
                client,
                memory=memory,
                outlet=CountedOutlet(self.publisher, self.metrics, lease.require),
                settings=connection.settings,
                connection=connection.id,
                clock=self.core.clock,
                known=KnownThere(database, connection.id, side, shown_by=("sparkpay",), as_sent=as_sent),
                interval_seconds=self.core.settings.poll_interval_seconds,
                echoes=echoes(database, self.core.clock, connection, memory, side),
                findings=unmapped,
                idle=self.idle,
            )
            access = partial(_read_the_locations, client)
            await self._produce(
                connection, side, watch, steps=watch.steps, database=database, access=access, unmapped=unmapped
            )

    async def _produce(
        self,
        connection: Connection,
        side: str,
        reader: Reader,
        *,
        steps: Mapping[str, Step],
        database: Database,
        access: Access,
        unmapped: UnmappedEntities,
    ) -> None:
        """Observe one platform until cancelled. What a sync reads of both is led by Spark Pay's producer."""
        leads = side == "sparkpay"
        followed = leads and needed("poll:sparklayer", connection)
        producer = Producer(
            connection.id,
            side,
            reader,
            steps,
            runs=Runs(database, self.core.clock),
            meter=self.meter,
            tally=self.tally,
            pauses=SidePauses(database, self.core.clock),
            metrics=self.metrics,
            access=access,
            version=connection.version,
            lookout=self.lookout,
            places=self.places,
            clock=self.core.clock,
            until_settled=self.until_settled,
            leads=leads,
            others=frozenset({"sparklayer"}) if followed else frozenset(),
            unmapped=unmapped,
        )
        self.producers[connection.id, side] = producer
        try:
            await producer.run()
        finally:
            self.producers.pop((connection.id, side), None)

    async def _apply_to_sparklayer(self, connection: Connection, lease: Lease) -> None:
        permit = CallPermit(lease.held)
        async with self.platforms.sparklayer(connection, permit=permit) as client:
            handlers = to_sparklayer.handlers(client, look_only=self.look_only)
            access = partial(_read_the_locations, client)
            await self._apply(connection, "sparklayer", handlers, lease, permit=permit, access=access)

    async def _apply_to_sparkpay(self, connection: Connection, lease: Lease) -> None:
        async with self._renewing(connection) as renewed:
            await self._write_to_sparkpay(renewed, lease)

    async def _write_to_sparkpay(self, connection: Connection, lease: Lease) -> None:
        permit = CallPermit(lease.held)
        budget = self.platforms.budget(connection)
        try:
            async with self.platforms.sparkpay(connection, UrgencyBudget(budget), permit=permit) as client:
                memory = SourceMemory(
                    self.core.database.fenced(lease.confirm), self.core.clock, connection.id, "sparkpay"
                )
                await StoreGate(self.core, connection, self.metrics).passed(client, memory)
                handlers = to_sparkpay.handlers(client, look_only=self.look_only)
                if self.core.settings.ignite_token is not None:
                    handlers = in_turn(handlers, self.core.turns, connection.id)
                access = partial(_read_a_product, client)
                await self._apply(connection, "sparkpay", handlers, lease, permit=permit, access=access)
        finally:
            await budget.close()

    async def _apply(
        self,
        connection: Connection,
        side: str,
        handlers: Mapping[str, Handler],
        lease: Lease,
        *,
        permit: CallPermit,
        access: Access,
    ) -> None:
        """Apply what is wanted of one side until cancelled; `permit` is the one that the handlers' client asks."""
        database = self.core.database.fenced(lease.confirm)
        mapping = mapping_of(connection.settings.mapping.rules)
        await reapply_where_rules_changed(database, self.core.clock, connection.id, side, mapping)
        applier = Applier(
            connection.id,
            side,
            settings=connection.settings,
            handlers=mapped(handlers, mapping, side),
            inbox=Inbox(database, self.core.clock),
            directory=SideDirectory(database, connection.id, side),
            entities=SideEntities(database, connection.id, side),
            intents=SideIntents(database, self.core.clock, connection.id, side),
            office=self.office,
            pauses=SidePauses(database, self.core.clock),
            clock=self.core.clock,
            metrics=self.metrics,
            tally=self.tally,
            last_writes=self.core.last_writes,
            permit=permit,
            lease=lease,
            access=access,
            version=connection.version,
            in_company=lambda: any(other != connection.id for other, _ in self.appliers),
            two_way=two_way(database, self.core.clock, connection.id, side, mapping),
        )
        self.appliers[connection.id, side] = applier
        try:
            await applier.run()
        finally:
            self.appliers.pop((connection.id, side), None)

    async def until_settled(self, connection: str) -> None:
        """Return when everything published so far was taken from Kafka and applied or refused, or waits for another."""
        ends = await self.lag.ends()
        pauses = _ever_longer()
        for side in SIDES:
            while not await self.lag.caught_up(side, ends):
                await self.core.clock.sleep(next(pauses))
        while await self.core.inbox.busy(connection):
            await self.core.clock.sleep(next(pauses))

    async def _save_usage_forever(self) -> None:
        while True:
            await self.core.clock.sleep(SAVE_SECONDS)
            try:
                await self._save_usage()
            except PayLayerError as error:
                log.warning("usage_not_stored", error=str(error))

    async def _tidy_forever(self) -> None:
        while True:
            await self.core.clock.sleep(TIDY_SECONDS)
            try:
                await self.book.all()
                for id_ in sorted(self.book.departed()):
                    await self.core.connections.sweep_up(id_)
            except PayLayerError as error:
                log.warning("not_tidied", error=str(error))

    async def _save_usage(self) -> None:
        await self.meter.save()
        await self.tally.save()
        await self.core.last_writes.save()


def needed(job: str, connection: Connection) -> bool:
    """Whether a connection has anything to do for a job: a side that no flow of it goes to needs no applier.

    SparkLayer is looked at only for kinds that a flow takes from it; Spark Pay always, for its producer leads syncs.
    """
    doing, _, side = job.partition(":")
    if job == "poll:sparklayer":
        return bool(kinds_told(connection.settings))
    return doing != "apply" or connection.settings.goes_to(side)


def _ever_longer() -> Iterator[float]:
    seconds, longest = LOOK_SECONDS
    while True:
        yield seconds
        seconds = min(longest, seconds * 1.2)


async def _read_a_product(client: SparkPayClient) -> None:
    """One call that any token of a connection may make."""
    await client.page("products", Query(fields=("id",), count=1), priority=Priority.LIVE)


async def _read_the_locations(client: SparkLayerClient) -> None:
    """Shows the keys for a new token where the stored one is refused, and reads a short list with it."""
    await client.stock_locations.all()


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
