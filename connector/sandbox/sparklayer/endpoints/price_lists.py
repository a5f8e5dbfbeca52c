"""Price lists over HTTP; v2 pages its list, v1 answers everything at once."""

from dataclasses import replace

from connector.sandbox.sparklayer.operation import Answer, Call, Operation
from connector.sandbox.sparklayer.problems import FieldError, invalid, not_found
from connector.sandbox.sparklayer.shapes import Fields, Many, Number, Text, demand
from connector.sandbox.sparklayer.wire import Row

_MOST_PER_PAGE = 250
_SOURCES = frozenset({"custom", "platform", "integration"})
_RULE = Fields(
    {
        "source_price_list_slug": Text(longest=64, shortest=1),
        "adjustment_percentage": Number(),
        "adjustment_direction": Text(choices=frozenset({"minus", "plus"})),
        "currency_exchange_rate": Number(),
    },
    required=frozenset({"source_price_list_slug"}),
)
_CHANGE = Fields(
    {
        "slug": Text(longest=64, shortest=1),
        "name": Text(longest=64, shortest=1),
        "currency_code": Text(longest=3, shortest=3),
        "source": Text(choices=_SOURCES),
        "rules": Many(_RULE),
    }
)
_CREATE = replace(_CHANGE, required=frozenset({"slug", "name", "currency_code"}))
_ORDERS = {"name": "name", "updated_at": "updated_at"}


def page(call: Call) -> Answer:
    """One page of lists."""
    number, size = _whole(call, "page", 1), _whole(call, "page_size", 100)
    if size > _MOST_PER_PAGE:
        raise invalid([FieldError("invalid-value", "page_size", f"must be at most {_MOST_PER_PAGE}")])
    rows = call.site.price_lists.all()
    if "source" in call.query:
        rows = [row for row in rows if row["source"] == call.query["source"]]
    if "order_by" in call.query:
        field, _, direction = call.query["order_by"].partition(":")
        if field not in _ORDERS or direction not in {"", "asc", "desc"}:
            raise invalid([FieldError("invalid-value", "order_by", "must be like name:asc or updated_at:desc")])
        rows.sort(key=lambda row: str(row[_ORDERS[field]]), reverse=direction == "desc")
    counts = {
        "total": len(rows),
        "per_page": size,
        "current_page": number,
        "total_pages": max(1, -(-len(rows) // size)),
    }
    return Answer(200, {"data": rows[(number - 1) * size : number * size], "pagination": counts})


def index(call: Call) -> Answer:
    """Every list in one array."""
    return Answer(200, call.site.price_lists.all())


def create(call: Call) -> Answer:
    """Add a list; a slug that is taken is a 400."""
    demand(_CREATE, call.body)
    return Answer(200, call.site.price_lists.create(call.body))


def read(call: Call) -> Answer:
    """One list."""
    return Answer(200, find_list(call))


def change(call: Call) -> Answer:
    """Rename a list or set its rules."""
    row = find_list(call)
    demand(_CHANGE, call.body)
    return Answer(200, call.site.price_lists.change(row, call.body))


def delete(call: Call) -> Answer:
    """Drop a list with its rules and prices; 400 while another list's rule uses it."""
    slug = find_list(call)["slug"]
    call.site.price_lists.remove(slug)
    call.site.price_blocks.drop_list(slug)
    return Answer(204)


def find_list(call: Call) -> Row:
    """The list of the path; 404 if there is none."""
    found = call.site.price_lists.find(call.params["slug"])
    if found is None:
        raise not_found("Price list", call.params["slug"])
    return found


def _whole(call: Call, name: str, default: int) -> int:
    text = call.query.get(name, str(default))
    if not text.isdecimal() or int(text) < 1:
        raise invalid([FieldError("invalid-value", name, "must be a whole number from 1")])
    return int(text)


OPERATIONS = (
    Operation("GET", "/api/v2/price-lists", "setup", page, writes=False),
    Operation("GET", "/api/v1/price-lists", "setup", index, writes=False),
    Operation("POST", "/api/v1/price-lists", "setup", create),
    Operation("GET", "/api/v1/price-lists/{slug}", "setup", read, writes=False),
    Operation("PATCH", "/api/v1/price-lists/{slug}", "setup", change),
    Operation("DELETE", "/api/v1/price-lists/{slug}", "setup", delete),
)
