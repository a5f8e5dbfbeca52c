"""Customer groups to Spark Pay, where they are customer types: known by id, else by name, else made; never deleted."""

from collections.abc import Iterable, Mapping, Sequence

from connector.errors import PlatformError
from connector.sparkpay.answers import Row
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.mapping.fields import text
from contracts.entities import CustomerGroup
from handlers.outcome import Applied, Context, EntityDirectory, Outcome, Rejected, Task, would_write
from handlers.sparklayer.body_hash import body_hash
from handlers.sparkpay.classify import classify, unsettled
from handlers.sparkpay.shop import Shop

PREFIX = "ct-"
TABLE = "customer_types"


class CustomerGroupHandler:
    """Applies customer groups, one after the other: there are few, and two of one name are one type.

    What only the other side has (a parent, a least order) has no field here. `look_only` writes nothing.
    """

    entity = "customer-group"
    batch = 50
    after: Sequence[str] = ()

    def __init__(self, client: SparkPayClient, shop: Shop, *, look_only: bool = False) -> None:
        self._client = client
        self._shop = shop
        self._look_only = look_only

    async def apply(self, tasks: Sequence[Task], context: Context) -> Sequence[Outcome]:
        """See `Handler`."""
        self._shop.begin(context.now)
        outcomes: list[Outcome] = []
        for task in tasks:
            try:
                outcomes.append(await self._apply(task))
            except PlatformError as error:
                self._shop.drop(TABLE)
                outcomes.append(unsettled(classify(error)))
        return outcomes

    async def _apply(self, task: Task) -> Outcome:
        group = task.entity
        if group is None:  # its customers would be left without one
            return Applied(body_hash(None), refs=_refs(task), ledger=dict(task.ledger), unchanged=True)
        if not isinstance(group, CustomerGroup):
            raise TypeError(f"{task.key} is no customer group")
        hash_ = body_hash({"name": group.name})
        if hash_ == task.applied_hash and not task.doubt:
            return Applied(hash_, refs=_refs(task), ledger=dict(task.ledger), unchanged=True)
        if task.applied_hash is None or task.doubt:
            self._shop.drop(TABLE)
        types = await self._shop.table(TABLE)
        id_ = _known(task, group, types)
        if isinstance(id_, Rejected):
            return id_
        if id_ is not None and text(types[id_], "name") == group.name:
            return _applied(hash_, id_, unchanged=True)
        if self._look_only:
            return would_write(f"customer group {task.key}: the store's customer type is not as it should be")
        return _applied(hash_, await self._write(id_, group.name))

    async def _write(self, id_: int | None, name: str) -> int:
        if id_ is None:
            id_ = int((await self._client.create(TABLE, {"name": name}))["id"])
        else:
            await self._client.update(TABLE, id_, {"name": name})
        self._shop.made(TABLE, {"id": id_, "name": name})
        return id_


def _known(task: Task, group: CustomerGroup, types: Mapping[int, Row]) -> int | Rejected | None:
    """The customer type that it is: by id, else by name; none where it has to be made."""
    told = task.ledger.get("type_id") or group.refs.get("sparkpay") or own_type(task.key)
    if told is not None:
        id_ = int(told)
        gone = Rejected("group_gone", f"customer group {task.key}: the store has no customer type {told} any more")
        return id_ if id_ in types else gone
    named = sorted(id_ for id_, row in types.items() if (text(row, "name") or "").casefold() == group.name.casefold())
    if len(named) > 1:
        shown = ", ".join(map(str, named))
        message = f"customer group {task.key}: several customer types are called {group.name!r} ({shown})"
        return Rejected("group_ambiguous", message)
    return named[0] if named else None


def own_type(key: str) -> int | None:
    """The customer type that a group's key names by itself: `ct-4` is 4."""
    digits = key.removeprefix(PREFIX)
    return int(digits) if key.startswith(PREFIX) and digits.isdecimal() else None


async def type_ids(keys: Iterable[str], shop: Shop, known: EntityDirectory) -> Mapping[str, int]:
    """The customer types of groups that the store has, by the groups' keys. Raises a `PlatformError`."""
    wanted = sorted(set(keys))
    found = {key: id_ for key in wanted if (id_ := own_type(key)) is not None}
    if others := [key for key in wanted if key not in found]:
        refs = await known.refs("customer-group", others)
        found |= {
            key: int(refs[key]["sparkpay"]) for key in others if refs.get(key, {}).get("sparkpay", "").isdecimal()
        }
    types = await shop.table(TABLE, found.values()) if found else {}
    return {key: id_ for key, id_ in found.items() if id_ in types}


def _applied(hash_: str, id_: int, *, unchanged: bool = False) -> Applied:
    return Applied(hash_, refs={"sparkpay": str(id_)}, ledger={"type_id": id_}, unchanged=unchanged)


def _refs(task: Task) -> dict[str, str]:
    return {"sparkpay": str(task.ledger["type_id"])} if "type_id" in task.ledger else {}
