"""Customer groups to SparkLayer: the list is read once, and only what differs is written."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from connector.errors import NotFound, PlatformError, Refused
from connector.settings import ConnectionSettings
from connector.sparklayer import SparkLayerClient
from contracts.entities import CustomerGroup
from handlers.outcome import Applied, Context, Outcome, Rejected, Task, would_write
from handlers.sparklayer.body_hash import body_hash
from handlers.sparklayer.classify import classify, taken_fields
from handlers.sparklayer.likeness import difference

ROOT = "base"
LONGEST_NAME = 256
_ASKED_AGAIN = timedelta(seconds=10)
_MINIMUM = "orderTotalsValidation"


class GroupDirectory:
    """Every group that the site has, as far as this process knows: slug -> (name, slug of the parent)."""

    def __init__(self, client: SparkLayerClient) -> None:
        self._client = client
        self._rows: dict[str, tuple[str, str]] | None = None
        self._asked_at: datetime | None = None
        self._turn = asyncio.Lock()
        self._reading = asyncio.Lock()
        self._lately: dict[str, tuple[str, str] | None] = {}  # since the last reading began; none = removed

    async def has(self, slug: str, now: datetime) -> bool:
        """Whether there is such a group. Raises a `PlatformError`.

        Somebody else may have made one, so the list is read again for it, but not for every customer who waits for it.
        """
        async with self._turn:
            if slug not in await self.all() and (self._asked_at is None or now - self._asked_at > _ASKED_AGAIN):
                self.forget()
                self._asked_at = now
            return slug in await self.all()

    async def all(self) -> Mapping[str, tuple[str, str]]:
        """Read once. Raises a `PlatformError`.

        What is written while the list is read may be missing in it, and must not be forgotten: a customer who waits for
        that group would not hear of it.
        """
        async with self._reading:
            if self._rows is None:
                self._lately.clear()
                rows = await self._client.customer_groups.all()
                self._rows = {str(row.get("slug")): (str(row.get("name")), str(row.get("parent_slug"))) for row in rows}
                for slug, group in self._lately.items():
                    self._keep(self._rows, slug, group)
            return self._rows

    def written(self, slug: str, group: tuple[str, str] | None) -> None:
        """The site has this group since now, or none of that name."""
        self._lately[slug] = group
        if self._rows is not None:
            self._keep(self._rows, slug, group)

    @staticmethod
    def _keep(rows: dict[str, tuple[str, str]], slug: str, group: tuple[str, str] | None) -> None:
        if group is None:
            rows.pop(slug, None)
        else:
            rows[slug] = group

    def forget(self) -> None:
        """Read them again next time."""
        self._rows = None


class CustomerGroupHandler:
    """Applies customer groups, one after the other, for parents come before children.

    `look_only` tells what differs instead of writing it.
    """

    entity = "customer-group"
    batch = 100
    after: Sequence[str] = ()

    def __init__(self, client: SparkLayerClient, groups: GroupDirectory, *, look_only: bool = False) -> None:
        self._client = client
        self._groups = groups
        self._look_only = look_only

    async def apply(self, tasks: Sequence[Task], context: Context) -> Sequence[Outcome]:
        """See `Handler`."""
        outcomes: dict[str, Outcome] = {}
        for task in sorted(tasks, key=_depth):
            try:
                outcomes[task.key] = await self._apply(task, context)
            except PlatformError as error:
                self._groups.forget()
                outcomes[task.key] = classify(error)
        return [outcomes[task.key] for task in tasks]

    async def _apply(self, task: Task, context: Context) -> Outcome:
        root = context.settings.sparklayer.root_group
        slug = group_slug(task.key, context.settings)
        group = task.entity
        if group is None:
            return await self._remove(task, slug, root)
        if not isinstance(group, CustomerGroup):
            raise TypeError(f"{task.key} is no customer group")
        parent = group_slug(group.parent or ROOT, context.settings)
        wanted = {"name": group.name, "parent": parent, "minimum": _minimum(group)}
        hash_ = body_hash(wanted)
        if hash_ == task.applied_hash and not task.doubt:
            return Applied(hash_, unchanged=True)
        if task.doubt and self._look_only and (lacking := await self._lacking(slug, group, parent, root)) is not None:
            return would_write(f"customer group {slug}: {lacking} is not there as it should be")
        made = slug != root and await self._ensure(slug, group.name, parent)
        if isinstance(made, Rejected):
            return made
        if group.minimum_order is not None and not (task.doubt and await self._has_minimum(slug, group)):
            await self._client.customer_groups.change_settings(slug, [{"key": _MINIMUM, "value": wanted["minimum"]}])
            made = True
        return Applied(hash_, refs={"sparklayer": slug}, unchanged=not made)

    async def _lacking(self, slug: str, group: CustomerGroup, parent: str, root: str) -> str | None:
        if slug != root and (await self._groups.all()).get(slug) != (group.name, parent):
            return "the group"
        has = group.minimum_order is None or await self._has_minimum(slug, group)
        return None if has else "the least order"

    async def _has_minimum(self, slug: str, group: CustomerGroup) -> bool:
        try:
            rows = await self._client.customer_groups.settings(slug)
        except NotFound:
            return False
        found = next((row.get("value") for row in rows if row.get("key") == _MINIMUM), None)
        return difference(_minimum(group), found, "value") is None

    async def _ensure(self, slug: str, name: str, parent: str) -> bool | Rejected:
        """Whether something was written; or why it cannot be."""
        there = await self._groups.all()
        if parent not in there:
            return Rejected(
                "parent_missing", f"group {slug}: its parent {parent!r} is not on SparkLayer: create it first"
            )
        if there.get(slug) == (name, parent):
            return False
        if slug not in there:
            try:
                await self._client.customer_groups.create(slug, name, parent)
            except Refused as error:
                if "slug" not in taken_fields(error):
                    raise
                await self._client.customer_groups.change(slug, name, parent)  # somebody was faster
        else:
            await self._client.customer_groups.change(slug, name, parent)
        self._groups.written(slug, (name, parent))
        return True

    async def _remove(self, task: Task, slug: str, root: str) -> Outcome:
        there = await self._groups.all()
        if slug == root or slug not in there:
            return Applied(body_hash(None), unchanged=True)
        if self._look_only:
            return would_write(f"customer group {task.key} is still there")
        try:
            with suppress(NotFound):
                await self._client.customer_groups.delete(slug)
        except Refused as error:
            codes = {detail.get("code") for detail in error.details}
            if "resource-id-not-found" not in codes:
                return classify(error)
        self._groups.written(slug, None)
        return Applied(body_hash(None))


def group_slug(key: str, settings: ConnectionSettings) -> str:
    """The root group has a name of the site's own."""
    return settings.sparklayer.root_group if key == ROOT else key


def in_scope(key: str | None, settings: ConnectionSettings) -> bool:
    """Whether customers of a group are served: customer types by the setting, everybody else's own groups always."""
    chosen = settings.b2b.customer_type_ids
    if chosen == "all":
        return True
    if key is None or not key.startswith("ct-"):
        return key not in (None, ROOT)
    return key.removeprefix("ct-") in {str(type_id) for type_id in chosen}


def _minimum(group: CustomerGroup) -> list[Mapping[str, object]]:
    return [
        {"currency_code": money.currency.lower(), "minimum_value": money.amount, "compare_type": "gross"}
        for money in group.minimum_order or ()
    ]


def _depth(task: Task) -> tuple[int, str]:
    """Groups under the root first; a deletion last, when nothing is below it any more."""
    group = task.entity
    if not isinstance(group, CustomerGroup):
        return (2, task.key)
    return (0 if group.parent in (None, ROOT) else 1, task.key)
