"""Keeps SparkLayer's sync log, which the merchant sees in the dashboard, as this connection's sync is."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from connector.app.core import Core
from connector.app.platforms import Platforms, Transport, real_network
from connector.app.sync_report import DATA_TYPES, NAMED, SyncReport, reports_of, stamp
from connector.engine.metrics import Metrics
from connector.engine.usage import CallMeter
from connector.errors import CredentialsRefused, NotFound, PayLayerError, PlatformError, Refused, Unavailable
from connector.sparklayer import SparkLayerClient
from connector.state.connections import Connection
from connector.state.observations import SourceMemory

log = structlog.get_logger("paylayer.sync-log")
SIDE = "sparklayer"
TURN = "sync-log"
TURN_SECONDS = 1.5
COMMAND_SECONDS = 15.0
_SOURCE, _TOLD = "sync-log", "told"
QUIET_SECONDS = 5.0  # between two looks for a moment without writes
LATEST_SECONDS = 900.0  # then a report goes in between writes
AFTER_REFUSAL = timedelta(hours=6)
AFTER_TROUBLE = timedelta(minutes=5)
_FOR_GOOD = (Refused, NotFound, CredentialsRefused)


@dataclass(frozen=True, slots=True)
class Told:
    """What SparkLayer was told last of one data type, and what it said to that.

    `unknown`: it does not take the data type, and is not asked again. `refused_part` is its refusal of the time of the
    last update, which only a call of its own can tell.
    """

    digest: str | None = None
    told_at: str | None = None
    updated: str | None = None
    updated_told_at: str | None = None
    refused: str | None = None
    retry_at: str | None = None
    refused_part: str | None = None
    retry_part_at: str | None = None
    unknown: bool = False


async def told_of(core: Core, connection: str) -> dict[str, Told]:
    """What was told of each data type."""
    position = await _memory(core, connection).cursor(_TOLD) or {}
    return {data_type: _told(position.get(data_type, {})) for data_type in DATA_TYPES}


async def clear_sync_log(core: Core, connection: Connection, client: SparkLayerClient) -> None:
    """Leave nothing in SparkLayer's log; a report that is on its way comes before it, and none after a pause.

    Raises what the calls raise, after every data type was tried.
    """
    async with core.turns.taken(connection.id, TURN, TURN_SECONDS):
        if connection.settings.sync_log.delete_on_remove:
            await client.sync_log.delete_all()
            return
        told = await told_of(core, connection.id)
        failure: PayLayerError | None = None
        for data_type, one in told.items():
            if data_type in NAMED or one.told_at is not None:
                try:
                    await client.sync_log.record(data_type, {"errors": []})
                except PayLayerError as error:
                    failure = failure or error
        if failure is not None:
            raise failure


async def clear_sync_log_once(core: Core, connection: Connection, transport: Transport = real_network) -> None:
    """For a command that removes the connection: nothing is called where nothing was told, else it is paused first.

    Raises what the calls raise, and `Unavailable` where no answer comes in time.
    """
    if all(one.told_at is None for one in (await told_of(core, connection.id)).values()):
        return
    await core.connections.set_state(connection.id, "paused")
    meter = CallMeter(core.usage, Metrics())
    try:
        async with (
            asyncio.timeout(COMMAND_SECONDS),
            Platforms(core, meter, transport).sparklayer(connection) as client,
        ):
            await clear_sync_log(core, connection, client)
    except TimeoutError as error:
        raise Unavailable(f"SparkLayer does not answer within {COMMAND_SECONDS:g} s") from error
    finally:
        await meter.save()


@dataclass(slots=True)
class SyncLogKeeper:
    """Reports of one connection: what changed, gathered, and when nothing waits to be written."""

    core: Core
    connection: Connection
    platforms: Platforms
    rng: random.Random = field(default_factory=random.Random)
    _said: str | None = None
    _busy_since: float | None = None

    async def run(self) -> None:
        """Until cancelled. Connections that are taken up together do not report together."""
        await self.core.clock.sleep(self._pause * self.rng.random())
        while True:
            await self.core.clock.sleep(await self.step())

    async def step(self) -> float:
        """Tell what is due; returns the seconds until the next look. What fails is said once and tried later."""
        try:
            wait = await self._step()
        except PayLayerError as error:
            self._say(error)
            return self._pause
        return wait

    @property
    def _pause(self) -> float:
        return self.connection.settings.sync_log.seconds

    async def _step(self) -> float:
        told = await told_of(self.core, self.connection.id)
        due = await self._due(told)
        if not due:
            self._busy_since = None
            return self._pause
        if await self._paused():
            return self._pause
        if not await self._quiet():
            return min(QUIET_SECONDS, self._pause)
        async with self.core.turns.taken(self.connection.id, TURN, TURN_SECONDS):
            if (await self.core.connections.get(self.connection.id)).state != "active":
                return self._pause  # it is being removed, or stands still
            async with self.platforms.sparklayer(self.connection) as client:
                for report in due:
                    await self._tell(client, report, told)
        return self._pause

    async def _due(self, told: Mapping[str, Told]) -> Sequence[SyncReport]:
        found = await reports_of(self.core, self.connection, [name for name, one in told.items() if one.unknown])
        return [report for report in found if self._is_due(report, told[report.data_type])]

    def _is_due(self, report: SyncReport, told: Told) -> bool:
        if told.told_at is None and report.nothing:
            return False
        return self._whole_is_due(report, told) or self._update_is_due(report, told)

    def _whole_is_due(self, report: SyncReport, told: Told) -> bool:
        return report.digest != told.digest and self._is_over(told.retry_at) and self._passed(told.told_at, self._pause)

    def _update_is_due(self, report: SyncReport, told: Told) -> bool:
        if (
            told.digest is None
            or stamp(report.updated) in (None, told.updated)
            or not self._is_over(told.retry_part_at)
        ):
            return False
        return self._passed(told.updated_told_at, self.connection.settings.sync_log.update_seconds)

    async def _paused(self) -> bool:
        return SIDE in await self.core.pauses.paused(self.connection.id)

    async def _quiet(self) -> bool:
        """Whether nothing waits to be written there now, or has not let a report through for long."""
        now = self.core.clock.monotonic()
        backlog = await self.core.inbox.backlog(self.connection.id, SIDE)
        if not any(held.due for held in backlog.values()):
            self._busy_since = None
            return True
        if self._busy_since is None:
            self._busy_since = now
        if now - self._busy_since < LATEST_SECONDS:
            return False
        self._busy_since = None
        return True

    async def _tell(self, client: SparkLayerClient, report: SyncReport, told: dict[str, Told]) -> None:
        """One call where something changed, and one for the time of the last update, which the first may clear."""
        one = told[report.data_type]
        if self._whole_is_due(report, one):
            one = told[report.data_type] = await self._tell_whole(client, report, one)
            await self._remember(told)
            if one.refused is not None:
                return
        if report.updated is not None and self._is_over(one.retry_part_at):
            told[report.data_type] = await self._tell_update(client, report, one)
            await self._remember(told)

    async def _tell_whole(self, client: SparkLayerClient, report: SyncReport, told: Told) -> Told:
        try:
            await client.sync_log.record(report.data_type, report.body)
        except PlatformError as error:
            unknown = report.data_type not in NAMED and isinstance(error, Refused | NotFound) and told.digest is None
            if unknown:
                log.info("sync_log_is_not_known_there", connection=self.connection.id, data_type=report.data_type)
            else:
                self._refused(report.data_type, error, told.refused)
            return replace(told, refused=str(error), retry_at=self._later(error), unknown=unknown)
        return replace(told, digest=report.digest, told_at=self._now(), refused=None, retry_at=None)

    async def _tell_update(self, client: SparkLayerClient, report: SyncReport, told: Told) -> Told:
        """With the errors, which nobody says it would leave as they are."""
        updated = stamp(report.updated)
        body = {"last_partial_sync": updated, "errors": list(report.errors)}
        try:
            await client.sync_log.record_part(report.data_type, body)
        except PlatformError as error:
            self._refused(report.data_type, error, told.refused_part)
            return replace(told, refused_part=str(error), retry_part_at=self._later(error))
        return replace(told, updated=updated, updated_told_at=self._now(), refused_part=None, retry_part_at=None)

    def _refused(self, data_type: str, error: PlatformError, before: str | None) -> None:
        if str(error) != before:
            log.warning("sync_log_not_told", connection=self.connection.id, data_type=data_type, error=str(error))

    def _say(self, error: PayLayerError) -> None:
        if str(error) != self._said:
            log.warning("sync_log_not_told", connection=self.connection.id, error=str(error))
        self._said = str(error)

    async def _remember(self, told: Mapping[str, Told]) -> None:
        position = {data_type: asdict(one) for data_type, one in told.items()}
        await _memory(self.core, self.connection.id).save_cursor(_TOLD, position)

    def _now(self) -> str | None:
        return stamp(self.core.clock.now())

    def _later(self, error: PlatformError) -> str | None:
        wait = AFTER_REFUSAL if isinstance(error, _FOR_GOOD) else AFTER_TROUBLE
        if error.retry_after is not None:
            wait = max(AFTER_TROUBLE, timedelta(seconds=error.retry_after))
        return stamp(self.core.clock.now() + wait)

    def _is_over(self, moment: str | None) -> bool:
        return moment is None or datetime.fromisoformat(moment) <= self.core.clock.now()

    def _passed(self, moment: str | None, seconds: float) -> bool:
        """A second less counts as well: the loop's own pause must not make it miss its turn."""
        if moment is None:
            return True
        return self.core.clock.now() - datetime.fromisoformat(moment) >= timedelta(seconds=seconds - 1)


def _memory(core: Core, connection: str) -> SourceMemory:
    return SourceMemory(core.database, core.clock, connection, _SOURCE)


def _told(position: Mapping[str, Any]) -> Told:
    known = Told.__dataclass_fields__
    return Told(**{name: value for name, value in position.items() if name in known})
