"""The addresses of a customer in the store: which row is which address, and the calls that are missing."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from connector.errors import NotFound
from connector.sparkpay.client import SparkPayClient
from contracts.entities import Customer, CustomerAddress
from handlers.outcome import Skip
from handlers.sparkpay.customer_request import Body, address_row
from handlers.sparkpay.product_fields import alike

DEFAULTS = ("is_default_billing_address", "is_default_shipping_address")


@dataclass(slots=True)
class Book:
    """What is known of a customer's addresses; kept up to date, it becomes part of the ledger.

    `sent` maps an address of the event to its row's id and what was sent; `rows` are those that were read, by id, none
    where none were. `complete`: a row that is no address of the event any more was one of this customer, and goes.
    """

    sent: dict[str, dict[str, Any]] = field(default_factory=dict)
    rows: dict[int, Mapping[str, Any]] | None = None
    complete: bool = False
    wrote: bool = False


@dataclass(frozen=True, slots=True)
class BookMoves:
    """`(row id, fields, address id)` to change, `(fields, address id)` to make, row ids to remove."""

    change: Sequence[tuple[int, Body, str | None]]
    make: Sequence[tuple[Body, str]]
    remove: Sequence[int]
    wanted: Mapping[str, Body] = field(default_factory=dict)
    skips: Sequence[Skip] = ()

    def __bool__(self) -> bool:
        return bool(self.change or self.make or self.remove)


def missing(customer: Customer, book: Book) -> BookMoves:
    """What has to be done; nothing where the publisher does not know the addresses."""
    if customer.addresses is None:
        return BookMoves((), (), ())
    wanted = {address.id: address_row(customer, address) for address in customer.addresses}
    skips = [_no_country(customer, id_) for id_, row in wanted.items() if not row["country"]]
    wanted = {id_: row for id_, row in wanted.items() if row["country"]}
    ids = _rows_of(customer.addresses, wanted, book)
    change: list[tuple[int, Body, str | None]] = []
    for id_, row in wanted.items():
        if id_ in ids and (fields := _differs(book, id_, ids[id_], row)):
            change.append((ids[id_], fields, id_))
    known = {int(one["id"]) for one in book.sent.values()} | ((book.rows or {}).keys() if book.complete else set())
    remove = sorted(known - set(ids.values()))
    others = (book.rows or {}).keys() - set(ids.values()) - set(remove)
    for flag in DEFAULTS:  # the store clears no other default by itself
        if any(row[flag] for row in wanted.values()):
            change += [(id_, {flag: False}, None) for id_ in sorted(others) if (book.rows or {})[id_].get(flag)]
    make = [(row, id_) for id_, row in wanted.items() if id_ not in ids]
    return BookMoves(
        sorted(change, key=lambda one: any(one[1].get(name) for name in DEFAULTS)),
        sorted(make, key=lambda one: any(one[0][name] for name in DEFAULTS)),
        remove,
        wanted,
        skips,
    )


async def bring(client: SparkPayClient, customer_id: int, moves: BookMoves, book: Book) -> None:
    """Do it, one call each; `book` says at any time what is there. Raises a `PlatformError`."""
    for id_, fields, address in moves.change:
        await client.update("addresses", id_, fields)
        if address is not None:
            book.sent[address] = {"id": id_, "row": moves.wanted[address]}
        book.wrote = True
    for fields, address in moves.make:
        row = await client.create("addresses", {"customer_id": customer_id, **fields})
        book.sent[address] = {"id": int(row["id"]), "row": fields}
        book.wrote = True
    for id_ in moves.remove:
        with suppress(NotFound):
            await client.delete("addresses", id_)
        book.sent = {address: one for address, one in book.sent.items() if int(one["id"]) != id_}
        book.wrote = True


def _rows_of(addresses: Sequence[CustomerAddress], wanted: Mapping[str, Body], book: Book) -> dict[str, int]:
    """The row of each address: as it was sent, by its id in the store, else one with the same content."""
    ids: dict[str, int] = {}
    there = book.rows or {}
    for address in addresses:
        if address.id not in wanted:
            continue
        sent = book.sent.get(address.id)
        told = address.refs.get("sparkpay") or (address.id if address.id.isdecimal() else "")
        if sent is not None and (book.rows is None or int(sent["id"]) in there):
            ids[address.id] = int(sent["id"])
        elif told.isdecimal() and int(told) in there and ("sparkpay" in address.refs or book.complete):
            ids[address.id] = int(told)
    for address in addresses:
        if address.id in wanted and address.id not in ids:
            free = (id_ for id_ in sorted(there) if id_ not in ids.values())
            like = next((id_ for id_ in free if not _changes(there[id_], wanted[address.id], DEFAULTS)), None)
            ids |= {} if like is None else {address.id: like}
    return ids


def _differs(book: Book, address: str, id_: int, row: Body) -> Body:
    """The fields to send; everything where only what was sent is known, and that was something else."""
    if book.rows is not None and id_ in book.rows:
        fields = _changes(book.rows[id_], row)
        if not fields:
            book.sent[address] = {"id": id_, "row": row}
        return fields
    return {} if book.sent[address]["row"] == row else row


def _changes(there: Mapping[str, Any], row: Body, but: Sequence[str] = ()) -> Body:
    return {name: value for name, value in row.items() if name not in but and not alike(there.get(name), value)}


def _no_country(customer: Customer, address: str) -> Skip:
    message = f"customer {customer.key}: address {address} has no country, which Spark Pay demands"
    return Skip("country_unknown", message, address)
