"""Customers, sub-accounts and addresses that SparkLayer changes: written to the store while its caller waits."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from connector.app.ignite_refusal import IgniteRefused
from connector.app.ignite_turns import customer_turn, person_turn
from connector.app.store_desks import StoreDesk
from connector.errors import NotFound
from connector.ports import Priority
from connector.sparkpay.answers import Row
from connector.sparkpay.query import Query, eq
from connector.state.turns import Turn
from contracts.entities import Customer, CustomerAddress
from handlers.outcome import Applied, Failed, Rejected, Waiting
from handlers.sparkpay.customer_request import address_row

WAIT_SECONDS = 4.0
_LONGEST_ID = 9  # digits: the store's ids are integers of 32 bits
_URGENT = Priority.INTERACTIVE
_FLAGS = ("is_default_billing_address", "is_default_shipping_address")


@dataclass(frozen=True, slots=True)
class IgniteCustomers:
    """Every operation may be repeated: SparkLayer may ask again after an answer was lost."""

    desk: StoreDesk

    async def put(self, customer: Customer) -> str:
        """Create or change the customer of this e-mail address; Spark Pay's id."""
        return await self.desk.finishing.of(self._put(customer))

    async def _put(self, customer: Customer) -> str:
        async with self._turn(customer_turn(_email(customer))):
            return await self._apply(customer)

    async def add_sub_account(self, customer: Customer, parent_id: str) -> str:
        """Create a sub-account of a customer. Raises `IgniteRefused` where the e-mail is another's already."""
        return await self.desk.finishing.of(self._add_sub_account(customer, parent_id))

    async def _add_sub_account(self, customer: Customer, parent_id: str) -> str:
        main = store_number(parent_id)
        if main is None:
            raise IgniteRefused("parent-not-found", "the main account is not known in the store")
        core, id_ = self.desk.core, self.desk.connection.id
        async with core.turns.taken(id_, customer_turn(_email(customer)), WAIT_SECONDS) as turn:
            made_for, _, known = (turn.result or "").partition(":")
            there = await self._by_email(_email(customer))
            if there and made_for == str(main) and any(str(row["id"]) == known for row in there):
                return known
            if there and not await self._is_child(int(there[0]["id"]), main):
                raise IgniteRefused("email-already-taken", "another account has this e-mail address")
            parent = await self._row(main, "parent-not-found", "the main account is not known in the store")
            type_id = parent.get("customer_type_id")
            made = await self._apply(
                customer.model_copy(
                    update={"parent": f"sparkpay:{main}", "group": f"ct-{type_id}" if type_id else None}
                )
            )
            turn.result = f"{main}:{made}"
            return made

    async def remove_sub_account(self, customer_id: str) -> None:
        """The sub-account may not sign in any more, and belongs to nobody; the customer with its orders stays."""
        client = self.desk.client
        child = store_number(customer_id)
        if child is None:
            return
        query = Query().where("child_customer_id", eq(child)).at_most(100)
        page = await client.page("customer_association", query, priority=_URGENT)
        for row in page.rows:
            try:
                await client.delete("customer_association", int(row["customer_association_id"]), priority=_URGENT)
            except NotFound:
                continue
        if self.desk.connection.settings.customers.deactivate_on_unlink:
            try:
                await client.update("customers", child, {"is_inactive": True}, priority=_URGENT)
            except NotFound:
                return

    async def add_address(self, customer_id: str, address: CustomerAddress, defaults: Mapping[str, bool]) -> str:
        """Add an address to the book, or find the one of the same content; its id."""
        return await self.desk.finishing.of(self._add_address(customer_id, address, defaults))

    async def _add_address(self, customer_id: str, address: CustomerAddress, defaults: Mapping[str, bool]) -> str:
        owner = store_number(customer_id)
        if owner is None:
            raise _no_customer()
        async with self._turn(person_turn("addresses", str(owner))):
            row = self._address_row(address, defaults)
            for there in await self._book(owner):
                if all(_same(there.get(name), value) for name, value in row.items() if name not in _FLAGS):
                    await self._set_defaults(there, row)
                    return str(there["id"])
            body = {"customer_id": owner, **row}
            return str((await self.desk.client.create("addresses", body, priority=_URGENT))["id"])

    async def change_address(
        self, customer_id: str, address_id: str, address: CustomerAddress, defaults: Mapping[str, bool]
    ) -> None:
        """Replace an address of the customer. Raises `IgniteRefused` for one that is not there or another's."""
        id_ = await self._own(customer_id, address_id)
        row = self._address_row(address, defaults)
        try:
            await self.desk.client.update("addresses", id_, row, priority=_URGENT)
        except NotFound as error:
            raise _no_address() from error

    async def remove_address(self, customer_id: str, address_id: str) -> None:
        """Remove an address of the customer; one that is gone already is fine, one of another is refused."""
        try:
            row = await self._address(address_id)
            if row is None:
                return
            if row.get("customer_id") != store_number(customer_id):
                raise _no_address()
            await self.desk.client.delete("addresses", int(row["id"]), priority=_URGENT)
        except NotFound:
            return

    async def _apply(self, customer: Customer) -> str:
        match await self.desk.apply(customer, "customer", customer.key):
            case Waiting(for_=for_) if for_.startswith("customer-group:"):  # it is brought over with the next change
                return await self._apply(customer.model_copy(update={"group": None}))
            case Applied(refs=refs):
                return refs["sparkpay"]
            case Rejected(code=code):
                raise IgniteRefused(code.replace("_", "-"), "the store does not take this customer")
            case Failed():
                raise IgniteRefused("store-not-available", "the store does not answer at the moment", status=500)
            case _:
                raise IgniteRefused("parent-not-found", "the main account is not known in the store")

    async def _by_email(self, email: str) -> list[Row]:
        query = Query().where("email", eq(email)).only("id", "email").sorted_by("id").at_most(10)
        page = await self.desk.client.page("customers", query, priority=_URGENT)
        return [row for row in page.rows if str(row.get("email") or "").casefold() == email.casefold()]

    async def _is_child(self, child: int, parent: int) -> bool:
        type_ = self.desk.connection.settings.customers.association_type_id
        query = Query().where("child_customer_id", eq(child)).at_most(100)
        page = await self.desk.client.page("customer_association", query, priority=_URGENT)
        return any(
            row.get("parent_customer_id") == parent and type_ in (None, row.get("association_type_id"))
            for row in page.rows
        )

    async def _row(self, customer_id: int, code: str, message: str) -> Row:
        try:
            return await self.desk.client.get("customers", customer_id, priority=_URGENT)
        except NotFound as error:
            raise IgniteRefused(code, message) from error

    async def _book(self, customer_id: int) -> list[Row]:
        try:
            row = await self.desk.client.get("customers", customer_id, expand=("addresses",), priority=_URGENT)
        except NotFound as error:
            raise _no_customer() from error
        return list(row.get("addresses") or ())

    async def _address(self, address_id: str) -> Row | None:
        number = store_number(address_id)
        if number is None:
            return None
        try:
            return await self.desk.client.get("addresses", number, priority=_URGENT)
        except NotFound:
            return None

    async def _own(self, customer_id: str, address_id: str) -> int:
        row = await self._address(address_id)
        if row is None or row.get("customer_id") != store_number(customer_id):
            raise _no_address()
        return int(row["id"])

    async def _set_defaults(self, there: Row, row: Mapping[str, Any]) -> None:
        """Make it a default where that is asked for; that it is one already is never taken back."""
        if changes := {name: True for name in _FLAGS if row[name] and not there.get(name)}:
            await self.desk.client.update("addresses", int(there["id"]), changes, priority=_URGENT)

    def _address_row(self, address: CustomerAddress, defaults: Mapping[str, bool]) -> dict[str, Any]:
        owner = Customer(
            key="sparklayer:-",
            default_billing=address.id if defaults.get("billing") else None,
            default_shipping=address.id if defaults.get("shipping") else None,
        )
        return address_row(owner, address)

    def _turn(self, name: str) -> AbstractAsyncContextManager[Turn]:
        return self.desk.core.turns.taken(self.desk.connection.id, name, WAIT_SECONDS)


def store_number(text: str) -> int | None:
    """The number that an id of a path names; none for what the store cannot have given."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _LONGEST_ID else None


def _no_customer() -> IgniteRefused:
    return IgniteRefused("customer-not-found", "this customer is not known in the store")


def _no_address() -> IgniteRefused:
    return IgniteRefused("address-not-found", "this customer has no such address")


def _email(customer: Customer) -> str:
    return (customer.email or "").strip()


def _same(there: object, wanted: object) -> bool:
    return there == wanted or (there in (None, "", 0) and wanted in (None, "", 0)) or str(there) == str(wanted)
