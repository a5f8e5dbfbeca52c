"""Gets the events of a batch out, in the order that loses nothing: doubt, publish, remember.

After a crash in between what was on its way is told once more, as something new.
"""

from dataclasses import dataclass

from connector.ledger import Ledger
from connector.ports import Echoes, Findings, Memory, NoEchoes, NoFindings, Outlet, Priority


@dataclass(frozen=True, slots=True)
class Sender:
    """Publishes what the store showed; what only shows PayLayer's own writes is remembered and not published.

    `findings` hear of what was read well.
    """

    memory: Memory
    outlet: Outlet
    echoes: Echoes = NoEchoes()  # noqa: RUF009 - it keeps nothing
    findings: Findings = NoFindings()  # noqa: RUF009 - the same

    async def send(self, ledger: Ledger, priority: Priority) -> int:
        """Publish and remember the batch; the number of events that left. Raises what bus and database raise."""
        news = await self.echoes.sift(ledger.events) if ledger.events else ()
        sent = {event.id for event in news}
        if doubts := [doubt for doubt in ledger.doubts if doubt.event_id in sent]:
            await self.memory.remember(doubts)
        if news:
            await self.outlet.publish(news, priority)
        if ledger.observations:
            await self.memory.remember(ledger.observations)
        return len(news)
