"""What a connection needs where both of its sides change the same entities."""

from collections.abc import Callable

from connector.clock import Clock
from connector.engine.echoes import SideEchoes
from connector.engine.two_way import TwoWay
from connector.mapping_rules import Mapping, RuleFailed
from connector.state.conflicts import Conflicts
from connector.state.connections import Connection
from connector.state.database import Database
from connector.state.inbox import Inbox
from connector.state.links import Links
from connector.state.observations import SourceMemory
from connector.state.side_states import SideStates
from contracts.entities import Entity
from contracts.topics import SIDES


def echoes(database: Database, clock: Clock, connection: Connection, memory: SourceMemory, side: str) -> SideEchoes:
    """For the producer of a side."""
    return SideEchoes(
        connection.id,
        side,
        connection.settings,
        states=SideStates(database, clock, connection.id, side),
        memory=memory,
        links=Links(database),
        inbox=Inbox(database, clock),
    )


def sent_as(mapping: Mapping, side: str) -> Callable[[str, Entity], Entity]:
    """What becomes of an entity of a kind before it leaves for a side: the merchant's own rules are applied."""

    def as_sent(kind: str, entity: Entity) -> Entity:
        rules = mapping.of(side, kind)
        try:
            return entity if rules is None else rules.apply(entity)
        except RuleFailed:
            return entity  # it will be refused

    return as_sent


def two_way(database: Database, clock: Clock, connection: str, side: str, mapping: Mapping) -> TwoWay:
    """For the applier of a side."""
    other = next(each for each in SIDES if each != side)
    return TwoWay(
        connection,
        side,
        other,
        states=SideStates(database, clock, connection, side),
        others=SideStates(database, clock, connection, other),
        conflicts=Conflicts(database, clock),
        clock=clock,
        as_sent=sent_as(mapping, side),
    )
