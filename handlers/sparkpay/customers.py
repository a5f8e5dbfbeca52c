"""Customers to Spark Pay: found by id, else by e-mail, else made; addresses row by row, only those that changed.

The platform takes two customers of one e-mail without a word (the vendor says nothing of uniqueness), so a customer
that is not known is always looked up, and several of one e-mail are nobody's guess.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from connector.errors import NotFound, PlatformError, Refused, UserFault
from connector.settings import ConnectionSettings
from connector.sparkpay.answers import Row
from connector.sparkpay.client import SparkPayClient
from contracts.entities import Customer
from contracts.values import plain
from handlers.outcome import Applied, Context, Failed, Outcome, Rejected, Skip, Task, Waiting, would_write
from handlers.sparklayer.body_hash import body_hash
from handlers.sparklayer.task_groups import grouped
from handlers.sparkpay import customer_book
from handlers.sparkpay.classify import classify, half_done, unsettled
from handlers.sparkpay.customer_book import Book
from handlers.sparkpay.customer_request import Body, customer_row
from handlers.sparkpay.customer_ties import CustomerTies
from handlers.sparkpay.customer_types import type_ids
from handlers.sparkpay.email_turns import EmailTurns
from handlers.sparkpay.found_customers import customers_of, the_one
from handlers.sparkpay.product_fields import alike
from handlers.sparkpay.shop import Shop

AT_ONCE = 4


@dataclass(slots=True)
class _There:
    """A customer as the store has it, read or remembered; `id` is none until it is made."""

    id: int | None = None
    fields: Body = field(default_factory=dict)
    book: Book = field(default_factory=Book)
    parent: int | None = None
    sent: bool = False
    wrote: bool = False

    def ledger(self) -> dict[str, Any]:
        """What to remember of it."""
        fields = {name: plain(value) if hasattr(value, "as_tuple") else value for name, value in self.fields.items()}
        return {"customer_id": self.id, "fields": fields, "addresses": self.book.sent, "parent": self.parent}


class CustomerHandler:
    """Applies customers that were made or changed elsewhere; those of one e-mail go one after the other.

    `look_only` tells what differs instead of writing it.
    """

    entity = "customer"
    batch = 50
    after: Sequence[str] = ("customer-group",)

    def __init__(self, client: SparkPayClient, shop: Shop, emails: EmailTurns, *, look_only: bool = False) -> None:
        self._client = client
        self._ties = CustomerTies(client)
        self._shop = shop
        self._emails = emails
        self._look_only = look_only
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def apply(self, tasks: Sequence[Task], context: Context) -> Sequence[Outcome]:
        """See `Handler`."""
        self._shop.begin(context.now)
        outcomes: dict[str, Outcome] = {}

        async def run(group: Sequence[Task]) -> None:
            for task in sorted(group, key=_turn):
                async with self._turns, self._emails.turn(_email(task)):
                    outcomes[task.key] = await self._guarded(task, context)

        await asyncio.gather(*(run(group) for group in grouped(tasks, _touched)))
        return [outcomes[task.key] for task in tasks]

    async def _guarded(self, task: Task, context: Context) -> Outcome:
        there = _remembered(task)
        try:
            return await self._apply(task, there, context)
        except UserFault as error:
            return Failed(str(error), pause=True)
        except PlatformError as error:
            if there.sent and _is_gone(error):
                message = f"customer {task.key}: {error.message}; looked up again"
                return Failed(message, target=False, status=error.status, code="customer_gone", uncertain=True)
            outcome = unsettled(classify(error))
            wrote = there.wrote or there.book.wrote
            if isinstance(outcome, Rejected) and wrote and there.id is not None:
                applied = Applied("partly", refs={"sparkpay": str(there.id)}, ledger=there.ledger())
                return replace(outcome, applied=applied)
            return half_done(outcome) if wrote else outcome

    async def _apply(self, task: Task, there: _There, context: Context) -> Outcome:
        customer = task.entity
        if customer is None:
            return await self._deactivate(task)
        if not isinstance(customer, Customer):
            raise TypeError(f"{task.key} is no customer")
        if not _email(task):
            return Rejected("email_missing", f"customer {task.key} has no e-mail address: give it one")
        hash_ = body_hash(customer.model_dump(mode="json", exclude={"refs"}))
        if hash_ == task.applied_hash and not task.doubt:
            return Applied(hash_, refs=_refs(task.ledger), ledger=dict(task.ledger), unchanged=True)
        type_id = await self._type(customer, context)
        parent = await self._parent(customer, context)
        for outcome in (type_id, parent):
            if isinstance(outcome, Waiting):
                return outcome
        refusal = await self._look(task, there, context.settings)
        if refusal is not None:
            return refusal
        return await self._bring(customer, there, (type_id, parent), hash_, context.settings)

    async def _bring(
        self, customer: Customer, there: _There, ties: tuple[Any, Any], hash_: str, settings: ConnectionSettings
    ) -> Outcome:
        type_id, parent = ties
        wanted = customer_row(customer, type_id)
        fields = {name: value for name, value in wanted.items() if not alike(there.fields.get(name), value)}
        book = customer_book.missing(customer, there.book)
        tied = settings.customers.association_type_id is not None and parent != there.parent
        if self._look_only and (there.id is None or fields or book or tied):
            return would_write(f"customer {customer.key}: the store has not what it should have")
        if there.id is None:
            there.id = await self._make(customer, wanted, settings)
            there.wrote = True
        elif fields:
            await self._client.update("customers", there.id, fields)
            there.wrote = True
        there.fields |= wanted
        await customer_book.bring(self._client, there.id, book, there.book)
        if tied:
            there.wrote |= await self._ties.have(there.id, parent, settings)
            there.parent = parent
        skips = (*book.skips, *_notes(customer, type_id, settings))
        done = not (there.wrote or there.book.wrote)
        return Applied(hash_, refs={"sparkpay": str(there.id)}, ledger=there.ledger(), skips=skips, unchanged=done)

    async def _make(self, customer: Customer, wanted: Body, settings: ConnectionSettings) -> int:
        methods = list(settings.customers.invoice_methods[:1]) if customer.pays_by_invoice else []
        more: Body = {"store_payment_methods_enabled": methods} if methods else {}  # only a new row can be given these
        body = {**wanted, **more, "store_id": await self._shop.store_id(settings)}
        return int((await self._client.create("customers", body))["id"])

    async def _look(self, task: Task, there: _There, settings: ConnectionSettings) -> Rejected | None:
        """Fill in what the store has; what is known from the last time is not read again."""
        email = _email(task)
        if there.sent:
            old = str(there.fields.get("email") or "")
            return None if old.casefold() == email.casefold() else await self._taken(task, email, there, settings)
        told = _told_id(task)
        if told is not None:
            row = await self._row(told)
            if row is not None:
                await self._fill(task, there, row, linked=True, settings=settings)
                old = str(row.get("email") or "")
                return None if old.casefold() == email.casefold() else await self._taken(task, email, there, settings)
            if task.key == f"sparkpay:{told}":
                return Rejected("customer_gone", f"customer {task.key}: Spark Pay has no customer {told} any more")
        rows = await customers_of(self._client, email, settings, expand=("addresses",))
        found = the_one(rows, f"customer {task.key}", email)
        if isinstance(found, Rejected) or found is None:
            return found
        await self._fill(task, there, found, linked=False, settings=settings)
        return None

    async def _row(self, id_: int) -> Row | None:
        try:
            return await self._client.get("customers", id_, expand=("addresses",))
        except NotFound:
            return None

    async def _taken(self, task: Task, email: str, there: _There, settings: ConnectionSettings) -> Rejected | None:
        """Whether another customer has the new address already."""
        others = [row for row in await customers_of(self._client, email, settings) if int(row["id"]) != there.id]
        if not others:
            return None
        message = f"customer {task.key}: customer {others[0]['id']} of the store has the e-mail {email} already"
        return Rejected("email_taken", message)

    async def _fill(self, task: Task, there: _There, row: Row, *, linked: bool, settings: ConnectionSettings) -> None:
        there.id = int(row["id"])
        there.fields = {name: value for name, value in row.items() if name != "addresses"}
        sent = dict(task.ledger.get("addresses") or {}) if linked else {}
        rows = {int(address["id"]): address for address in row.get("addresses") or ()}
        there.book = Book(sent, rows, complete=linked)
        sub_account = isinstance(task.entity, Customer) and task.entity.parent is not None
        if settings.customers.association_type_id is not None and sub_account:
            there.parent = await self._ties.parent_of(there.id, settings)
        there.fields = {name: there.fields.get(name) for name in _FIELDS}

    async def _type(self, customer: Customer, context: Context) -> int | Waiting | None:
        """The customer type of the group; none where the type stays as it is."""
        group = customer.group
        if group is None or group == context.settings.sparklayer.root_group:
            return None
        found = (await type_ids([group], self._shop, context.known)).get(group)
        if found is None and context.settings.to_side("customer-group", "sparkpay"):
            return Waiting(
                f"customer-group:{group}", f"customer {customer.key} is of group {group}, which is not there yet"
            )
        return found

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
        hash_ = body_hash(None)
        id_ = _told_id(task)
        if id_ is None or (task.applied_hash == hash_ and not task.doubt):
            return Applied(hash_, ledger=dict(task.ledger), refs=_refs(task.ledger), unchanged=True)
        ledger = {**task.ledger, "customer_id": id_}
        if task.doubt or task.applied_hash is None:
            row = await self._row(id_)
            if row is None or row.get("is_inactive"):
                return Applied(hash_, refs=_refs(ledger), ledger=ledger, unchanged=True)
            if self._look_only:
                return would_write(f"customer {task.key} may still sign in")
        try:
            await self._client.update("customers", id_, {"is_inactive": True})
        except (NotFound, Refused) as error:
            if not _is_gone(error):
                raise
            return Applied(hash_, unchanged=True)
        fields = {**task.ledger.get("fields", {}), "is_inactive": True}
        return Applied(hash_, refs=_refs(ledger), ledger={**ledger, "fields": fields})


_FIELDS = (
    *("email", "first_name", "last_name", "company", "phone_number", "customer_number", "customer_type_id"),
    *("is_no_tax_customer", "tax_exemption_number", "credit_limit", "payment_net_term", "is_inactive"),
)


def _remembered(task: Task) -> _There:
    """What was written last; nothing where that proves nothing."""
    ledger = task.ledger
    if task.applied_hash is None or task.doubt or "fields" not in ledger or "customer_id" not in ledger:
        return _There()
    book = Book(dict(ledger.get("addresses") or {}))
    return _There(int(ledger["customer_id"]), dict(ledger["fields"]), book, ledger.get("parent"), sent=True)


def _told_id(task: Task) -> int | None:
    """The id that it has in the store, as far as anybody says."""
    refs = task.entity.refs if isinstance(task.entity, Customer) else task.refs
    own = task.key.removeprefix("sparkpay:") if task.key.startswith("sparkpay:") else ""
    told = str(task.ledger.get("customer_id") or refs.get("sparkpay") or own)
    return int(told) if told.isdecimal() else None


def _is_gone(error: PlatformError) -> bool:
    return isinstance(error, NotFound) or "has been removed" in error.message


def _notes(customer: Customer, type_id: int | None, settings: ConnectionSettings) -> tuple[Skip, ...]:
    if customer.group in (None, settings.sparklayer.root_group) or type_id is not None:
        return ()
    message = (
        f"customer {customer.key}: group {customer.group} is no customer type of Spark Pay, the type stays as it is"
    )
    return (Skip("group_unknown", message, "group", note=True),)


def _refs(ledger: Mapping[str, Any]) -> dict[str, str]:
    return {"sparkpay": str(ledger["customer_id"])} if "customer_id" in ledger else {}


def _email(task: Task) -> str:
    return (task.entity.email or "").strip() if isinstance(task.entity, Customer) else ""


def _touched(task: Task) -> set[str]:
    email = _email(task).casefold()
    return {f"key {task.key}", *([f"email {email}"] if email else [])}


def _turn(task: Task) -> tuple[bool, str]:
    customer = task.entity
    return (isinstance(customer, Customer) and customer.parent is not None, task.key)
