"""Customers to SparkLayer, each with its addresses in one call."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from connector.errors import NotFound, PlatformError
from connector.sparklayer import SparkLayerClient
from connector.sparklayer.wire import Row
from contracts.entities import Customer
from handlers.outcome import Applied, Context, Outcome, Rejected, Skip, Task, Waiting, would_write
from handlers.sparklayer.body_hash import body_hash
from handlers.sparklayer.classify import classify
from handlers.sparklayer.customer_body import (
    LONGEST_ID,
    customer_body,
    price_lists_of,
    status_of,
    usable_email,
)
from handlers.sparklayer.customer_groups import GroupDirectory, group_slug
from handlers.sparklayer.customer_writer import CustomerWriter
from handlers.sparklayer.found_customer import find_customer, lacks
from handlers.sparklayer.price_lists import PriceLists
from handlers.sparklayer.product_body import external_id
from handlers.sparklayer.task_groups import grouped

INACTIVE = "inactive"


class CustomerHandler:
    """Applies customers. A parent and its sub-accounts, and customers of one e-mail, go one after the other.

    Those in doubt are read first. `look_only` tells what differs instead of writing it.
    """

    entity = "customer"
    batch = 100
    after: Sequence[str] = ("customer-group",)

    def __init__(
        self, client: SparkLayerClient, groups: GroupDirectory, lists: PriceLists, *, look_only: bool = False
    ) -> None:
        self._client = client
        self._look_only = look_only
        self._writer = CustomerWriter(client)
        self._groups = groups
        self._lists = lists

    async def apply(self, tasks: Sequence[Task], context: Context) -> Sequence[Outcome]:
        """See `Handler`."""
        outcomes: dict[str, Outcome] = {}
        fresh: dict[str, Mapping[str, str]] = {}

        async def run(group: Sequence[Task]) -> None:
            for task in sorted(group, key=_turn):
                try:
                    outcome = await self._apply(task, context, fresh)
                except PlatformError as error:
                    outcome = classify(error)
                outcomes[task.key] = outcome
                if isinstance(outcome, Applied) and task.entity is not None:
                    fresh[task.key] = outcome.refs

        await asyncio.gather(*(run(group) for group in grouped(tasks, _touched)))
        return [outcomes[task.key] for task in tasks]

    async def _apply(self, task: Task, context: Context, fresh: Mapping[str, Mapping[str, str]]) -> Outcome:
        customer = task.entity
        if customer is not None and not isinstance(customer, Customer):
            raise TypeError(f"{task.key} is no customer")
        there = await find_customer(self._client, external_id(task.key), context.settings) if task.doubt else None
        if task.doubt:
            task = replace(task, ledger={} if there is None else {**task.ledger, "id": _id_of(there)})
        if customer is None:
            return await self._remove(task, there, context)
        if status_of(customer, context.settings) == INACTIVE and not task.ledger.get("id"):
            return Applied(body_hash(None), unchanged=True)  # nobody there knows it, and nobody needs to
        obstacle = _fault(customer) or await self._missing(customer, context, fresh)
        return obstacle if obstacle is not None else await self._bring(task, customer, there, context)

    async def _bring(self, task: Task, customer: Customer, there: Row | None, context: Context) -> Outcome:
        parent = None if customer.parent is None else external_id(customer.parent)
        body, notes = customer_body(customer, usable_email(customer) or "", context.settings, parent)
        lists = price_lists_of(customer, context.settings)
        hash_ = body_hash({"body": body, "lists": lists})
        if hash_ == task.applied_hash and not task.doubt:
            return _applied(hash_, task.ledger, notes, unchanged=True)
        lacking = "the customer" if there is None else lacks(there, body, lists, context.settings)
        if task.doubt and there is not None and lacking is None:
            return _applied(hash_, {"id": _id_of(there), "lists": lists, "email": body["email"]}, notes, unchanged=True)
        if self._look_only:
            return would_write(f"customer {task.key}: {lacking} is not there as it should be")
        await self._ensure_lists(customer, lists, context)
        written = await self._writer.write(task, body, lists, context.settings)
        if not isinstance(written, dict):
            return written
        return _applied(hash_, {"id": _id_of(written), "lists": lists, "email": body["email"]}, notes)

    async def _remove(self, task: Task, there: Row | None, context: Context) -> Outcome:
        """It is gone in its store: nobody signs in any more, or, where the setting says so, it is deleted."""
        hash_ = body_hash(None)
        done = task.applied_hash == hash_ and not task.doubt
        deletes = context.settings.customers.on_remove == "delete"
        if not task.ledger.get("id") or done or (not deletes and (there or {}).get("status") == INACTIVE):
            return _applied(hash_, task.ledger, (), unchanged=True)
        if self._look_only:
            return would_write(f"customer {task.key} is still there")
        try:
            if deletes:
                await self._writer.delete(external_id(task.key), context.settings)
                return Applied(hash_)
            await self._writer.deactivate(external_id(task.key), context.settings)
        except NotFound:
            return Applied(hash_)
        return _applied(hash_, task.ledger, ())

    async def _missing(
        self, customer: Customer, context: Context, fresh: Mapping[str, Mapping[str, str]]
    ) -> Waiting | None:
        """What has to be there before the customer."""
        parent, group = customer.parent, customer.group
        if parent is not None and not await _is_there(parent, fresh, context):
            message = f"customer {customer.key} belongs to {parent}, who is not there yet"
            return Waiting(f"customer:{parent}", message)
        if group is None or await self._groups.has(group_slug(group, context.settings), context.now):
            return None
        message = f"customer {customer.key} belongs to group {group}, which is not there yet"
        return Waiting(f"customer-group:{group}", message)

    async def _ensure_lists(self, customer: Customer, slugs: Sequence[str] | None, context: Context) -> None:
        """A list that does not exist is accepted without a word, and then the customer sees no prices."""
        if not slugs or customer.price_lists is None:
            return
        there = await self._lists.slugs()
        currency = customer.currency or context.settings.store.currency_code
        await self._lists.ensure({slug: ("", currency) for slug in slugs if slug not in there})


async def _is_there(key: str, fresh: Mapping[str, Mapping[str, str]], context: Context) -> bool:
    """One who was never served is applied as well, and nobody on SparkLayer knows it."""
    found = fresh if key in fresh else await context.known.refs("customer", [key])
    return "sparklayer" in found.get(key, {})


def _fault(customer: Customer) -> Rejected | None:
    id_ = external_id(customer.key)
    if len(id_) > LONGEST_ID or id_.startswith("cu_"):
        return Rejected(
            "external_id_invalid", f"SparkLayer takes ids of {LONGEST_ID} characters without cu_ in front, not {id_!r}"
        )
    if usable_email(customer) is None:
        return Rejected("email_missing", f"customer {customer.key} has no usable e-mail address: give it one")
    return None


def _applied(hash_: str, ledger: Mapping[str, Any], notes: Sequence[Skip], *, unchanged: bool = False) -> Applied:
    id_ = ledger.get("id")
    return Applied(
        hash_,
        refs={"sparklayer": id_} if isinstance(id_, str) else {},
        ledger=dict(ledger),
        unchanged=unchanged,
        skips=tuple(notes),
    )


def _id_of(reply: Mapping[str, object]) -> str | None:
    """The id that purchases name a customer by: the older one where there are two."""
    found = reply.get("legacy_id") or reply.get("id")
    return found if isinstance(found, str) else None


def _touched(task: Task) -> set[str]:
    customer = task.entity if isinstance(task.entity, Customer) else None
    emails = {str(task.ledger.get("email") or ""), ((customer.email or "") if customer else "")}
    named = {f"email {email.strip().casefold()}" for email in emails if email}
    parent = {f"key {customer.parent}"} if customer is not None and customer.parent is not None else set()
    return {f"key {task.key}", *named, *parent}


def _turn(task: Task) -> tuple[int, str]:
    """Who lets an e-mail go first, then parents, then their sub-accounts."""
    customer = task.entity
    if not isinstance(customer, Customer):
        return (0, task.key)
    before = str(task.ledger.get("email") or "").casefold()
    moves = bool(before) and before != (customer.email or "").strip().casefold()
    return (0 if moves else 1 if customer.parent is None else 2, task.key)
