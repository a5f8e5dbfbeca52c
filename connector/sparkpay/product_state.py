"""What one reading of a product means: its entities and when they changed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import structlog

from connector.ports import Findings, Unmapped
from connector.settings import ConnectionSettings
from connector.sparkpay import mapping
from connector.sparkpay.bundle import ProductBundle, ReferenceData, Row
from connector.sparkpay.claims import claims_of, key_of
from connector.sparkpay.dates import moment
from connector.sparkpay.mapping import MappingFault, Offered
from contracts.entities import Price, Product, Stock

_log = structlog.get_logger(__name__)


class ProductMapping(Protocol):
    """Spark Pay rows to canonical entities; `connector.sparkpay.mapping` is the one in use."""

    def product_entity(
        self, bundle: ProductBundle, known: ReferenceData, settings: ConnectionSettings, offered: Offered, /
    ) -> Product | None:
        """The product; none when it is not to be pushed. Raises `MappingFault`."""
        ...

    def price_entities(
        self,
        bundle: ProductBundle,
        known: ReferenceData,
        settings: ConnectionSettings,
        now: datetime,
        offered: Offered,
        /,
    ) -> list[Price]:
        """One price per usable SKU. Raises `MappingFault`."""
        ...

    def stock_entities(
        self, bundle: ProductBundle, known: ReferenceData, settings: ConnectionSettings, offered: Offered, /
    ) -> list[Stock]:
        """One stock per usable SKU. Raises `MappingFault`."""
        ...


DEFAULT_MAPPING: ProductMapping = mapping


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a product, or a part of it, was left as it is."""

    key: str
    code: str
    message: str
    part: str | None = None
    kind: str = "product"
    rest_is_told: bool = False


OnProblem = Callable[[Problem], None]


def log_problem(problem: Problem) -> None:
    """Say so in the log."""
    event = f"{problem.kind.replace('-', '_')}_skipped"
    _log.warning(event, key=problem.key, code=problem.code, reason=problem.message, part=problem.part)


def kept_in(findings: Findings, on_problem: OnProblem) -> OnProblem:
    """Tell of a problem, and keep it until the entity is read without it."""

    def tell(problem: Problem) -> None:
        on_problem(problem)
        findings.found(
            Unmapped(
                problem.kind,
                problem.key,
                problem.code,
                problem.message,
                problem.part,
                rest_is_told=problem.rest_is_told,
            )
        )

    return tell


@dataclass(frozen=True, slots=True)
class Part:
    """The entities of one kind by SKU, and the newest change among the rows that made them."""

    by_sku: Mapping[str, Price | Stock]
    changed_at: datetime | None


@dataclass(frozen=True, slots=True)
class ProductState:
    """A product as it was read; none for a part that could not be mapped and so stays as it is."""

    key: str
    read_at: datetime
    order: int
    product: Product | None
    changed_at: datetime | None
    claims: tuple[tuple[str, str], ...]
    parts: Mapping[str, Part | None]
    gone: bool = False


def gone(product_id: int, read_at: datetime, order: int) -> ProductState:
    """The state of a product that the platform does not have any more."""
    return ProductState(key_of(product_id), read_at, order, None, None, (), {}, gone=True)


def state_of(
    bundle: ProductBundle,
    known: ReferenceData,
    settings: ConnectionSettings,
    *,
    now: datetime,
    by: ProductMapping = DEFAULT_MAPPING,
    on_problem: OnProblem = log_problem,
) -> ProductState | None:
    """What the reading means; none when the product itself cannot be mapped, which is reported."""
    key, offered = key_of(bundle.id), Offered(bundle, known, settings)
    try:
        product = by.product_entity(bundle, known, settings, offered)
    except MappingFault as fault:
        on_problem(Problem(key, fault.code, fault.message, fault.part))
        return None
    parts: dict[str, Part | None] = {"price": Part({}, None), "stock": Part({}, None)}
    if product is not None:
        readers: dict[str, tuple[Callable[[], Sequence[Price | Stock]], Iterable[Row]]] = {
            "price": (lambda: by.price_entities(bundle, known, settings, now, offered), _price_rows(bundle)),
            "stock": (
                lambda: by.stock_entities(bundle, known, settings, offered),
                [bundle.product, *bundle.combinations],
            ),
        }
        for kind, (read, rows) in readers.items():
            try:
                entities = read()
            except MappingFault as fault:
                on_problem(Problem(key, fault.code, fault.message, fault.part or kind, rest_is_told=True))
                parts[kind] = None
            else:
                parts[kind] = Part({entity.sku: entity for entity in reversed(entities)}, newest(rows))
    rows = [bundle.product, *bundle.options, *bundle.combinations, *bundle.pictures]
    return ProductState(key, bundle.read_at or now, bundle.read_order, product, newest(rows), claims_of(product), parts)


def newest(rows: Iterable[Row]) -> datetime | None:
    """The latest `updated_at` of some rows; times that nobody can read do not count."""
    found: list[datetime] = []
    for row in rows:
        try:
            at = moment(row.get("updated_at"))
        except ValueError:
            continue
        if at is not None:
            found.append(at)
    return max(found, default=None)


def _price_rows(bundle: ProductBundle) -> list[Row]:
    parent = [bundle.parent.product, *bundle.parent.prices] if bundle.parent else []
    return [bundle.product, *bundle.options, *bundle.combinations, *bundle.prices, *parent]
