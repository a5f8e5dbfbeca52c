"""After a change of the field mapping: what it concerns is applied once more, from the events that are known."""

import structlog

from connector.clock import Clock
from connector.mapping_rules import Mapping
from connector.state.database import Database
from connector.state.inbox import Inbox
from connector.state.observations import SourceMemory
from contracts.entities import KINDS
from handlers.mapped import FIELD_MAPPING

log = structlog.get_logger("paylayer.mapping")
_RULES = "rules"


async def reapply_where_rules_changed(
    database: Database, clock: Clock, connection: str, side: str, mapping: Mapping
) -> int:
    """Open the rows of every kind whose rules are not those of the last start; returns how many.

    To be called by the one process that applies this side, before it does. Nothing is read from any platform, and what
    the new rules leave as it is costs no call.
    """
    memory = SourceMemory(database, clock, connection, f"mapping to {side}")
    before = await memory.cursor(_RULES) or {}
    after = {entity: rules.digest for entity in KINDS if (rules := mapping.of(side, entity)) is not None}
    changed = [entity for entity in KINDS if before.get(entity) != after.get(entity)]
    if not changed:
        return 0
    opened = await Inbox(database, clock).reapply(connection, side, changed, [FIELD_MAPPING])
    await memory.save_cursor(_RULES, after or None)
    log.info("mapping_changed", connection=connection, side=side, entities=changed, applied_again=opened)
    return opened
