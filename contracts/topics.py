"""Topics and consumer groups: names, partitions and policies."""

from dataclasses import dataclass
from functools import cache

from contracts.entities import KINDS

SIDES = ("sparklayer", "sparkpay")
DAY_MS = 24 * 3600 * 1000
SOURCE_BYTES = 1024 * 1024 + 12  # Kafka's own default, written down so that letters are sure to be larger
LETTER_BYTES = 16 * 1024 * 1024  # any source record, however well it was compressed, plus the headers that say why


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic as `paylayer topics create` makes it."""

    name: str
    partitions: int
    config: dict[str, str]


@dataclass(frozen=True, slots=True)
class TopicNames:
    """All names under one prefix; two deployments with different prefixes share a cluster without meeting."""

    prefix: str = "paylayer"

    def of(self, entity: str) -> str:
        """The topic of an entity kind; `KeyError` for an unknown kind."""
        return f"{self.prefix}.{KINDS[entity].topic}"

    def entity_of(self, topic: str) -> str | None:
        """The entity kind of one of our topics (not of a dead-letter topic)."""
        return _entities(self.prefix).get(topic)

    def dead_letters(self, topic: str, side: str) -> str:
        """Where a side's group puts the records of a topic that it cannot use."""
        return f"{topic}.{side}.dlt"

    def group(self, side: str) -> str:
        """The consumer group that applies events to a side."""
        return f"{self.prefix}.apply-to-{side}"

    def all_sources(self) -> list[str]:
        """The topics of all entity kinds."""
        return [self.of(name) for name in KINDS]


@cache
def _entities(prefix: str) -> dict[str, str]:
    """The entity kind of each topic under a prefix; asked of every record."""
    return {f"{prefix}.{kind.topic}": name for name, kind in KINDS.items()}


def plan(names: TopicNames, partitions: int = 12) -> list[Topic]:
    """Every topic: compacted sources, dead-letter topics with the same partitions and four weeks of retention."""
    topics = []
    for source in names.all_sources():
        compacted = {
            "cleanup.policy": "compact",
            "min.compaction.lag.ms": str(3600 * 1000),
            "max.message.bytes": str(SOURCE_BYTES),
        }
        topics.append(Topic(source, partitions, compacted))
        for side in SIDES:
            kept = {
                "cleanup.policy": "delete",
                "retention.ms": str(28 * DAY_MS),
                "max.message.bytes": str(LETTER_BYTES),
            }
            topics.append(Topic(names.dead_letters(source, side), partitions, kept))
    return topics
