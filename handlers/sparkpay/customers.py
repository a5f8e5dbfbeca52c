"""Customers to Spark Pay: found by id, else by e-mail, else made; addresses row by row, only those that changed.

The platform takes two customers of one e-mail without a word (the vendor says nothing of uniqueness), so a customer
that is not known is always looked up, and several of one e-mail are nobody's guess.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from connector.errors import NotFound, PlatformError
from connector.settings import ConnectionSettings
from connector.sparkpay.answers import Row
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.query import Query, eq
from contracts.entities import Customer, CustomerAddress
from handlers.outcome import Applied, Context, Outcome, Rejected, Skip, Task, Waiting
from handlers.sparklayer.body_hash import body_hash
from handlers.sparklayer.task_groups import grouped
from handlers.sparkpay.classify import classify
from handlers.sparkpay.customer_request import Body, address_row, customer_row, type_id

AT_ONCE = 4
_DEFAULTS = ("is_default_billing_address", "is_default_shipping_address")


class CustomerHandler:
    """Applies customers that were made or changed elsewhere; those of one e-mail go one after the other."""

    entity = "customer"
    batch = 50
    after: Sequence[str] = ("customer-group",)

    def __init__(self, client: SparkPayClient) -> None:
        self._client = client
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def apply(self, tasks: Sequence[Task], context: Context) -> Sequence[Outcome]:
        """See `Handler`."""
        outcomes: dict[str, Outcome] = {}

        async def run(group: Sequence[Task]) -> None:
            for task in sorted(group, key=_turn):
                async with self._turns:
                    try:
                        outcomes[task.key] = await self._apply(task, context)
                    except PlatformError as error:
                        outcomes[task.key] = classify(error)

        await asyncio.gather(*(run(group) for group in grouped(tasks, _touched)))
        return [outcomes[task.key] for task in tasks]

    async def _apply(self, task: Task, context: Context) -> Outcome:
        customer = task.entity
        if customer is None:
            return await self._deactivate(task)
        if not isinstance(customer, Customer):
            raise TypeError(f"{task.key} is no customer")
        if not (customer.email or "").strip():
            return Rejected("email_missing", f"customer {task.key} has no e-mail address: give it one")
        hash_ = body_hash(customer.model_dump(mode="json", exclude={"refs"}))
        if hash_ == task.applied_hash:
            return Applied(hash_, refs=_refs(task.ledger), ledger=dict(task.ledger), unchanged=True)
        parent = await self._parent(customer, context)
        if isinstance(parent, Waiting):
            return parent
        found = await self._find(task, customer)
        if isinstance(found, Rejected):
            return found
        body = customer_row(customer)
        if found is None:
            store_id = context.settings.sparkpay.store_id or await self._only_store()
            row = await self._client.create("customers", {**body, "store_id": store_id})
            id_, there = int(row["id"]), {}
        else:
            id_, there = int(found["id"]), dict(found)
            if changes := {name: value for name, value in body.items() if not _same(there.get(name), value)}:
                await self._client.update("customers", id_, changes)
        addresses = await self._bring_addresses(id_, customer, task, found)
        if parent is not None:
            await self._associate(id_, parent, context.settings)
        ledger = {"customer_id": id_, "fields": _plain(body), "addresses": addresses, "email": customer.email}
        return Applied(hash_, refs={"sparkpay": str(id_)}, ledger=ledger, skips=_notes(customer))

    async def _find(self, task: Task, customer: Customer) -> Row | Rejected | None:
        """The row, with `addresses` where it was read; what is known from the last time is not read again."""
        known = task.ledger.get("customer_id") or customer.refs.get("sparkpay")
        if known is not None and "fields" in task.ledger:
            return {"id": int(known), **task.ledger["fields"]}
        if known is not None:
            try:
                return await self._client.get("customers", int(known), expand=("addresses",))
            except NotFound:
                return Rejected("customer_gone", f"customer {task.key}: Spark Pay has no customer {known} any more")
        email = (customer.email or "").strip()
        query = Query().where("email", eq(email)).expanded("addresses").sorted_by("id").at_most(10)
        page = await self._client.page("customers", query)
        rows = [row for row in page.rows if str(row.get("email") or "").casefold() == email.casefold()]
        if len(rows) > 1:
            ids = ", ".join(str(row["id"]) for row in rows)
            return Rejected("customer_ambiguous", f"customer {task.key}: several in Spark Pay have {email} ({ids})")
        return rows[0] if rows else None

    async def _bring_addresses(self, id_: int, customer: Customer, task: Task, found: Row | None) -> dict[str, Any]:
        """The book as it is afterwards: canonical id -> Spark Pay's id and what was sent."""
        before: dict[str, Any] = dict(task.ledger.get("addresses") or {})
        if customer.addresses is None:
            return before
        there = {str(row["id"]): row for row in (found or {}).get("addresses") or ()}
        after: dict[str, Any] = {}
        wanted = {address.id: (address, address_row(customer, address)) for address in customer.addresses}
        order = sorted(wanted.values(), key=lambda pair: any(pair[1][name] for name in _DEFAULTS))
        for address, row in order:  # those that are no default (any more) first: the store does not clear the others
            known = _address_id(address, row, before, there)
            if known is None:
                made = await self._client.create("addresses", {"customer_id": id_, **row})
                known = int(made["id"])
            elif before.get(address.id, {}).get("row") != row and not _all_there(there.get(str(known)), row):
                await self._client.update("addresses", known, row)
            after[address.id] = {"id": known, "row": row}
        for gone in sorted({one["id"] for one in before.values()} - {one["id"] for one in after.values()}):
            try:
                await self._client.delete("addresses", gone)
            except NotFound:
                continue
        return after

    async def _associate(self, id_: int, parent: int, settings: ConnectionSettings) -> None:
        type_ = settings.customers.association_type_id
        if type_ is None:
            return
        page = await self._client.page("customer_association", Query().where("child_customer_id", eq(id_)).at_most(100))
        rows = [row for row in page.rows if row.get("association_type_id") == type_]
        if any(row.get("parent_customer_id") == parent for row in rows):
            return
        body = {"association_type_id": type_, "parent_customer_id": parent, "child_customer_id": id_}
        await self._client.create("customer_association", body)

    async def _parent(self, customer: Customer, context: Context) -> int | Waiting | None:
        if customer.parent is None:
            return None
        known = (await context.known.refs("customer", [customer.parent])).get(customer.parent, {})
        id_ = known.get("sparkpay") or (
            customer.parent.partition(":")[2] if customer.parent.startswith("sparkpay:") else ""
        )
        if id_.isdecimal():
            return int(id_)
        message = f"customer {customer.key} belongs to {customer.parent}, who is not there yet"
        return Waiting(f"customer:{customer.parent}", message)

    async def _deactivate(self, task: Task) -> Outcome:
        """Customers are never deleted here: their orders would hang in the air."""
        id_ = task.ledger.get("customer_id")
        hash_ = body_hash(None)
        if id_ is None or task.applied_hash == hash_:
            return Applied(hash_, ledger=dict(task.ledger), unchanged=True)
        try:
            await self._client.update("customers", int(id_), {"is_inactive": True})
        except NotFound:
            return Applied(hash_, unchanged=True)
        fields = {**task.ledger.get("fields", {}), "is_inactive": True}
        return Applied(hash_, refs=_refs(task.ledger), ledger={**task.ledger, "fields": fields})

    async def _only_store(self) -> int:
        page = await self._client.page("stores", Query().sorted_by("id").only("id"))
        return int(page.rows[0]["id"]) if page.rows else 1


def _address_id(
    address: CustomerAddress, row: Body, before: Mapping[str, Any], there: Mapping[str, Mapping[str, Any]]
) -> int | None:
    """The row that an address is: as it was sent, by its ref, or one with the same content."""
    if address.id in before:
        return int(before[address.id]["id"])
    own = address.refs.get("sparkpay", "")
    if own in there:
        return int(own)
    taken = {str(one["id"]) for one in before.values()}
    return next((int(id_) for id_, found in there.items() if id_ not in taken and _all_there(found, row)), None)


def _all_there(found: Mapping[str, Any] | None, row: Body) -> bool:
    return found is not None and all(_same(found.get(name), value) for name, value in row.items())


def _same(there: object, wanted: object) -> bool:
    if isinstance(wanted, bool):
        return bool(there) is wanted
    return there == wanted or (there in (None, "", 0) and wanted in (None, "", 0))


def _plain(body: Body) -> Body:
    """As JSON keeps it."""
    return {name: value if isinstance(value, str | int | bool) else str(value) for name, value in body.items()}


def _notes(customer: Customer) -> tuple[Skip, ...]:
    if customer.group is None or customer.group == "base" or type_id(customer) is not None:
        return ()
    message = (
        f"customer {customer.key}: group {customer.group} is no customer type of Spark Pay, the type stays as it is"
    )
    return (Skip("group_unknown", message, "group", note=True),)


def _refs(ledger: Mapping[str, Any]) -> dict[str, str]:
    return {"sparkpay": str(ledger["customer_id"])} if "customer_id" in ledger else {}


def _touched(task: Task) -> set[str]:
    customer = task.entity if isinstance(task.entity, Customer) else None
    email = (customer.email or "").strip().casefold() if customer is not None else ""
    return {f"key {task.key}", *([f"email {email}"] if email else [])}


def _turn(task: Task) -> tuple[bool, str]:
    customer = task.entity
    return (isinstance(customer, Customer) and customer.parent is not None, task.key)
