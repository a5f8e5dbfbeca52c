"""A connection stays with the store that it began with."""

from connector.errors import ConfirmationNeeded
from connector.ports import Memory
from connector.settings import ConnectionSettings

_NAME = "store"


class StoreIdentity:
    """Remembers the store's id at the first reading and compares it ever after.

    A token of another store of the same shop would otherwise replace every product. Naming the store in the setting
    `sparkpay.store_id` is the confirmation.
    """

    def __init__(self, memory: Memory, settings: ConnectionSettings, connection: str) -> None:
        self._memory = memory
        self._named = settings.sparkpay.store_id
        self._connection = connection
        self._known: int | None = None

    async def check(self, store_id: int) -> None:
        """Raises `ConfirmationNeeded` when the token shows another store than before and nobody said that it may."""
        if store_id == self._known:
            return
        position = await self._memory.cursor(_NAME)
        before = None if position is None else int(position["id"])
        if before is not None and store_id not in {before, self._named}:
            raise ConfirmationNeeded(
                f"connection {self._connection} has read store {before} so far and its Spark Pay token now shows store "
                f"{store_id}; nothing of it was published. Give the token of store {before} (paylayer connections "
                f"update {self._connection} --sparkpay-token ...), or confirm the change with paylayer connections "
                f"update {self._connection} --set sparkpay.store_id={store_id}; "
                f"then paylayer connections resume {self._connection}"
            )
        if before != store_id:
            await self._memory.save_cursor(_NAME, {"id": store_id})
        self._known = store_id
