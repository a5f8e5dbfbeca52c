"""How far a full sync has come in one part of the store: it may stop at any page and go on there."""

from dataclasses import dataclass

from connector.ports import Memory


@dataclass(frozen=True, slots=True)
class RunPosition:
    """The stored position of one run in one part; every method stores or reads at once."""

    memory: Memory
    name: str

    async def after(self) -> int | None:
        """Everything up to this number is published; none: the run is through with this part."""
        position = await self.memory.cursor(self.name) or {}
        return None if position.get("done") else int(position.get("after", 0))

    async def reached(self, number: int) -> None:
        """Everything up to this number is published."""
        await self.memory.save_cursor(self.name, {"after": number})

    async def done(self) -> None:
        """The run is through with this part; others may follow."""
        await self.memory.save_cursor(self.name, {"done": True})

    async def forget(self) -> None:
        """The whole run is over."""
        await self.memory.save_cursor(self.name, None)
