"""Looking at everything that PayLayer needs, and saying what is wrong and what to do."""

import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass

from connector.app.access import check_connection
from connector.app.core import Core, open_core
from connector.bus.topics import administration, check
from connector.errors import PayLayerError, UserFault
from connector.mapping_rules import mapping_of
from connector.settings import Settings
from contracts.topics import TopicNames, plan


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing that was looked at; `advice` where it is not well."""

    what: str
    ok: bool
    message: str
    advice: str | None = None


async def examine(settings: Settings, *, connections: bool = True) -> AsyncIterator[Diagnosis]:
    """Everything in the order in which it has to be mended. Raises nothing that a person can mend."""
    yield Diagnosis("python", True, ".".join(map(str, sys.version_info[:3])))
    unknown = sorted(name for name in os.environ if name.startswith("PAYLAYER_") and not _known(name))
    yield Diagnosis(
        "settings",
        not unknown,
        f"unknown: {', '.join(unknown)}" if unknown else "all variables are known",
        "remove or correct them; paylayer reads only the names in the README" if unknown else None,
    )
    yield await _broker(settings)
    async for found in _database(settings, connections=connections):
        yield found


def _known(name: str) -> bool:
    return name.removeprefix("PAYLAYER_").lower() in {*Settings.model_fields, "home"}


async def _broker(settings: Settings) -> Diagnosis:
    try:
        async with administration(settings) as admin:
            differences = await check(admin, plan(TopicNames(settings.topic_prefix), settings.topic_partitions))
    except PayLayerError as error:
        return Diagnosis(
            "kafka", False, str(error), "start a broker (make kafka) or set PAYLAYER_KAFKA_BOOTSTRAP_SERVERS"
        )
    if differences:
        shown = "; ".join(str(difference) for difference in differences[:3])
        more = f" and {len(differences) - 3} more" if len(differences) > 3 else ""  # noqa: PLR2004
        return Diagnosis(
            "topics", False, f"{shown}{more}", "paylayer topics create (--adjust for those that are there)"
        )
    return Diagnosis("kafka", True, f"{settings.kafka_bootstrap_servers}, all topics are as planned")


async def _database(settings: Settings, *, connections: bool) -> AsyncIterator[Diagnosis]:
    try:
        settings.require_secret_keys()
    except PayLayerError as error:
        yield Diagnosis("secret key", False, str(error), "export PAYLAYER_SECRET_KEY=$(openssl rand -hex 32)")
        return
    try:
        async with open_core(settings) as core:
            yield Diagnosis("database", True, core.database.where)
            async for found in _inside(core, connections=connections):
                yield found
    except PayLayerError as error:
        yield Diagnosis("database", False, str(error), "set PAYLAYER_DATABASE_URL to a database that can be reached")


async def _inside(core: Core, *, connections: bool) -> AsyncIterator[Diagnosis]:
    alive = await core.workers.alive()
    roles = sorted({role for worker in alive for role in worker.roles})
    yield Diagnosis(
        "service",
        bool(alive),
        f"{len(alive)} running: {', '.join(roles)}" if alive else "not running",
        None if alive else "paylayer run",
    )
    elsewhere = sum(count.former + len(count.unreadable) for count in await core.sealed_texts.count())
    if elsewhere:
        told = f"{elsewhere} stored secrets are not under PAYLAYER_SECRET_KEY"
        yield Diagnosis("secrets", False, told, "paylayer secrets rotate")
    known = await core.connections.all()
    if not known:
        yield Diagnosis("connections", False, "none yet", "paylayer connections add --help")
    for connection in known:
        try:
            mapping_of(connection.settings.mapping.rules)
        except UserFault as error:
            advice = f"paylayer connections update {connection.id} --mapping FILE"
            yield Diagnosis(f"connection {connection.id}", False, f"its field mapping: {error}", advice)
        for side, pause in (await core.pauses.paused(connection.id)).items():
            advice = f"paylayer connections resume {connection.id}"
            yield Diagnosis(f"connection {connection.id}", False, f"{side} is paused: {pause.reason}", advice)
        if not connections:
            continue
        for finding in await check_connection(core, connection):
            what = f"{connection.id} {finding.side} {finding.what}"
            yield Diagnosis(what, finding.ok, finding.message, None if finding.ok else "see the message")
