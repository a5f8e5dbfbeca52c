"""Which parts of a store are watched: those that the connection's flow names Spark Pay as a source of."""

from collections.abc import Mapping, Sequence

from connector.clock import Clock
from connector.ports import Memory
from connector.settings import ConnectionSettings
from connector.sparkpay import field_values
from connector.sparkpay.catalogue_stream import CatalogueStream
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.lookup import Lookup
from connector.sparkpay.order_reader import OrderReader
from connector.sparkpay.pace import SweepPause
from connector.sparkpay.people import People
from connector.sparkpay.people_fields import BUYER
from connector.sparkpay.product_state import OnProblem, ProductMapping
from connector.sparkpay.record_stream import RecordStream
from connector.sparkpay.reference import CATALOGUE_TABLES, ReferenceBook
from connector.sparkpay.selection import CATALOGUE_KINDS, TOLD_KINDS
from connector.sparkpay.sender import Sender
from connector.sparkpay.small_tables import TABLES
from connector.sparkpay.stream import Found, Stream, unheard
from connector.sparkpay.table_stream import TableStream

_BUYERS = 10_000
_PEOPLE_LOOKS: Mapping[str, int] = {"customers": 1, "addresses": 1}
_PEOPLE_SLOW = (field_values.RESOURCE,)
_ORDER_LOOKS: Mapping[str, int] = {"orders": 3, "order_shipments": 1, "order_payments": 1}
_ORDER_SLOW = ("order_items", "order_addresses", field_values.RESOURCE)
"""How often each is looked at, in comparison with the catalogue's: an order's row moves with its status and totals, so
with its lines."""


def kinds_of(settings: ConnectionSettings) -> frozenset[str]:
    """The kinds of entities that the store is read for."""
    return TOLD_KINDS & settings.kinds_from("sparkpay")


def tables_of(settings: ConnectionSettings) -> frozenset[str]:
    """The slow tables that these kinds need."""
    kinds = kinds_of(settings)
    tables = set(CATALOGUE_TABLES) if kinds & CATALOGUE_KINDS else set()
    if "customer" in kinds or (kinds & CATALOGUE_KINDS and settings.reads_product_fields):
        tables |= {field_values.TABLE}
    if "order" in kinds:
        tables |= {field_values.TABLE, "order_statuses", "payment_methods"}
    return frozenset(tables)


def streams_of(  # noqa: PLR0917 - the whole world of a poller
    client: SparkPayClient,
    memory: Memory,
    sender: Sender,
    reference: ReferenceBook,
    settings: ConnectionSettings,
    connection: str,
    clock: Clock,
    *,
    pause: SweepPause,
    mapping: ProductMapping,
    on_problem: OnProblem,
    on_found: Found = unheard,
) -> Sequence[Stream]:
    """One stream per part, in the order in which the other side needs what they tell."""
    kinds = kinds_of(settings)
    streams: list[Stream] = []
    tables = [table(client, reference, settings, on_problem) for table in TABLES if table.kind in kinds]
    if tables:
        streams.append(TableStream(tables, client, memory, sender, settings, connection))
    if kinds & CATALOGUE_KINDS:
        streams.append(
            CatalogueStream(
                client,
                memory,
                sender,
                reference,
                settings,
                connection,
                clock,
                kinds=kinds & CATALOGUE_KINDS,
                pause=pause,
                mapping=mapping,
                on_problem=on_problem,
                on_found=on_found,
            )
        )
    buyers = Lookup(client, "customers", BUYER, capacity=_BUYERS)
    world = (client, memory, sender, reference, settings, connection, clock)
    if "customer" in kinds:
        people = People(client, reference, settings, buyers=buyers, on_problem=on_problem)
        slow = (*_PEOPLE_SLOW, *people.untimed)
        streams.append(
            RecordStream(
                people,
                *world,
                looks=_PEOPLE_LOOKS,
                slow=slow,
                pause=pause,
                on_found=on_found,
                serves_nobody=not settings.b2b.customer_type_ids,
            )
        )
    if "order" in kinds:
        orders = OrderReader(
            client,
            reference,
            settings,
            clock,
            buyers=buyers,
            buyers_are_watched="customer" in kinds and bool(settings.b2b.customer_type_ids),
            on_problem=on_problem,
        )
        streams.append(
            RecordStream(orders, *world, looks=_ORDER_LOOKS, slow=_ORDER_SLOW, pause=pause, on_found=on_found)
        )
    return streams
