"""One intake as a process of its own, to be killed: `python -m tests.support.intake_worker ADDRESS PREFIX FILE`.

Writes one line per event that it took, before it answers.
"""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from connector.bus.dead_letters import DeadLetterOffice, Refusal
from connector.bus.incoming import Incoming
from connector.bus.intake import Intake
from connector.bus.intake_policy import IntakePolicy
from connector.bus.publisher import Publisher
from connector.clock import SystemClock
from connector.settings import Settings
from contracts.topics import TopicNames

POLICY = IntakePolicy(batch=20, session_seconds=6.0, drain_seconds=4.0)
_SECONDS_PER_BATCH = 0.05


class FileSink:
    def __init__(self, path: Path) -> None:
        self._path = path

    async def take(self, batch: list[Incoming]) -> Sequence[Refusal | None]:
        with self._path.open("a") as file:
            for incoming in batch:
                file.write(f"{incoming.event.id}\n")
                file.flush()
                await asyncio.sleep(_SECONDS_PER_BATCH / len(batch))
        return [None] * len(batch)


async def main(address: str, prefix: str, path: str) -> None:
    settings, clock = Settings(kafka_bootstrap_servers=address, topic_prefix=prefix), SystemClock()
    async with Publisher.connected(settings, clock) as publisher:
        office = DeadLetterOffice(publisher, TopicNames(prefix), clock)
        sink = FileSink(Path(path))
        await Intake(settings, "sparklayer", sink=sink, letters=office, clock=clock, policy=POLICY).run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
