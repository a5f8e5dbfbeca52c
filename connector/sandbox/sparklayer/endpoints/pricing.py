"""Prices: over many lists, of one list, or of one SKU. What a call names is replaced; one bad row refuses the call."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from connector.sandbox.sparklayer.endpoints.price_lists import find_list
from connector.sandbox.sparklayer.operation import Answer, Call, Operation
from connector.sandbox.sparklayer.problems import (
    FieldError,
    Line,
    LinesRefused,
    Refusal,
    invalid,
    not_found,
)
from connector.sandbox.sparklayer.shapes import Fields, Many, Number, Shape, Text
from connector.sandbox.sparklayer.wire import Row

_TOO_DEAR = 10_000_000
_DECIMALS = 4
_BREAK = Fields(
    {
        "quantity": Number(nullable=True),
        "price": Number(nullable=True),
        "unit_of_measure": Text(nullable=True),
        "tax_type": Text(choices=frozenset({"net"})),
    },
    required=frozenset({"quantity", "price"}),
)
_SKU, _SLUG = Text(longest=100, shortest=1), Text(longest=64, shortest=1)
_ACROSS_LISTS = Fields(
    {"sku": _SKU, "price_list_slug": _SLUG, "pricing": Many(_BREAK)}, frozenset({"sku", "price_list_slug", "pricing"})
)
_IN_LIST = Fields(
    {"sku": _SKU, "display_tax_rate": Number(nullable=True), "pricing": Many(_BREAK)}, frozenset({"sku", "pricing"})
)
_OF_SKU = Fields({"price_list_slug": _SLUG, "pricing": Many(_BREAK)}, frozenset({"price_list_slug", "pricing"}))


@dataclass(frozen=True, slots=True)
class _Block:
    """The breaks of one (SKU, list) and the row of the request that named them."""

    line: int
    sku: str
    slug: str
    breaks: list[Row]


def update_batch(call: Call) -> Answer:
    """Replace the prices of many (SKU, list) pairs."""
    _demand_lines(_ACROSS_LISTS, call.body)
    blocks = [_Block(at, row["sku"], row["price_list_slug"], row["pricing"]) for at, row in enumerate(call.body)]
    _demand_lists(call, blocks)
    return _apply(call, blocks)


def update_list(call: Call) -> Answer:
    """Replace the prices of many SKUs in one list."""
    slug = find_list(call)["slug"]
    _demand_lines(_IN_LIST, call.body)
    return _apply(call, [_Block(at, row["sku"], slug, row["pricing"]) for at, row in enumerate(call.body)])


def read_list(call: Call) -> Answer:
    """Prices of one list by SKU; 204 for a list without any."""
    slug = find_list(call)["slug"]
    rows = [
        {"sku": call.site.catalogue.variant_by_id(variant)["sku"], "pricing": call.site.price_blocks.of(variant)[slug]}
        for variant in call.site.price_blocks.variants_in(slug)
    ]
    return Answer(200, rows) if rows else Answer(204)


def clear_list(call: Call) -> Answer:
    """Forget every price of one list."""
    slug = find_list(call)["slug"]
    call.site.price_blocks.drop_list(slug)
    call.site.price_lists.touch([slug])
    return Answer(204)


def read_sku(call: Call) -> Answer:
    """Prices of one SKU by list."""
    blocks = call.site.price_blocks.of(_variant_id(call))
    return Answer(200, [{"price_list_slug": slug, "pricing": breaks} for slug, breaks in blocks.items()])


def update_sku(call: Call) -> Answer:
    """Replace the prices of one SKU in the lists that are named; refusals name fields, not lines."""
    _variant_id(call)
    sku = call.params["sku"]
    found = list(Many(_OF_SKU).errors(call.body, ""))
    if found:
        raise invalid(found)
    blocks = [_Block(at, sku, row["price_list_slug"], row["pricing"]) for at, row in enumerate(call.body)]
    _demand_lists(call, blocks)
    try:
        _apply(call, blocks)
    except LinesRefused as refused:
        raise invalid(
            [FieldError("invalid-value", f"[{line.index}].{line.field}", line.message) for line in refused.lines]
        ) from refused
    return read_sku(call)


def _apply(call: Call, blocks: list[_Block]) -> Answer:
    bad = [line for block in blocks for line in _block_errors(call, block)]
    if bad:
        raise LinesRefused(bad)
    for block in blocks:
        variant = call.site.catalogue.variant_by_sku(block.sku)
        if variant is not None:
            kept = [row for row in block.breaks if row["price"] is not None]
            call.site.price_blocks.put(variant["id"], block.slug, kept)
    call.site.price_lists.touch({block.slug for block in blocks})
    return Answer(204)


def _block_errors(call: Call, block: _Block) -> Iterator[Line]:
    def line(field: str, message: str) -> Line:
        return Line(block.line, field, message)

    if call.refuses_sku(block.sku):
        yield line("sku", f"{block.sku!r} is refused")
    elif call.site.catalogue.variant_by_sku(block.sku) is None:
        yield line("sku", f"{block.sku!r} does not exist")
    if not block.breaks:
        if call.policy.remove_style != "empty":
            yield line("pricing", "must hold at least one row")
        return
    blank = [row["quantity"] is None and row["price"] is None for row in block.breaks]
    if any(blank):
        if call.policy.remove_style != "null_row" or len(blank) > 1:
            yield line("price", "must be a number")
        return
    for row in block.breaks:
        yield from _break_errors(row, line)


def _break_errors(row: Row, line: Callable[[str, str], Line]) -> Iterator[Line]:
    quantity, price = row["quantity"], row["price"]
    if quantity is None or quantity <= 0:
        yield line("quantity", "must be above 0")
    if price is None:
        yield line("price", "must be a number")
    elif not 0 <= price < _TOO_DEAR:
        yield line("price", f"must be from 0 to less than {_TOO_DEAR}")
    elif _decimals(price) > _DECIMALS:
        yield line("price", f"must have at most {_DECIMALS} decimals")


def _decimals(number: int | Decimal) -> int:
    exponent = Decimal(number).normalize().as_tuple().exponent  # 1.50000 says no more than 1.5
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _demand_lines(shape: Shape, body: object) -> None:
    """The bulk calls word shape errors as lines too; only a body that is no array gets a problem object."""
    if not isinstance(body, list):
        raise invalid([FieldError("invalid-type", "", "must be an array")])
    bad = [
        Line(at, error.property or "line", error.message)
        for at, row in enumerate(body)
        for error in shape.errors(row, "")
    ]
    if bad:
        raise LinesRefused(bad)


def _demand_lists(call: Call, blocks: list[_Block]) -> None:
    unknown = sorted({block.slug for block in blocks if call.site.price_lists.find(block.slug) is None})
    if unknown:
        errors = [FieldError("resource-not-found", "price_list_slug", f"{slug!r} does not exist") for slug in unknown]
        raise Refusal(404, "resource-not-found", "A price list does not exist.", errors)


def _variant_id(call: Call) -> str:
    found = call.site.catalogue.variant_by_sku(call.params["sku"])
    if found is None:
        raise not_found("SKU", call.params["sku"])
    return str(found["id"])


OPERATIONS = (
    Operation("PATCH", "/api/v1/batch-update-pricing", "products.pricing", update_batch, locks_prices=True),
    Operation("GET", "/api/v1/price-lists/{slug}/pricing", "products.pricing", read_list, writes=False),
    Operation("PATCH", "/api/v1/price-lists/{slug}/pricing", "products.pricing", update_list, locks_prices=True),
    Operation("DELETE", "/api/v1/price-lists/{slug}/pricing", "products.pricing", clear_list, locks_prices=True),
    Operation("GET", "/api/v1/pricing/{sku}", "products.pricing", read_sku, writes=False),
    Operation("PATCH", "/api/v1/pricing/{sku}", "products.pricing", update_sku, locks_prices=True),
)
