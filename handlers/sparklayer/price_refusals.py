"""What is said of a SKU whose price SparkLayer refuses: once, however many lists have it."""

from collections.abc import Sequence
from dataclasses import replace

from handlers.outcome import Outcome, Rejected
from handlers.sparklayer.bulk import BulkRow

REFUSED = "price_refused"
_LIST = "price_list_slug"
_REASON = "reason"


def named(row: BulkRow, refusal: Rejected) -> Rejected:
    """The refusal of one row, with its list in every detail and one code for whatever is wrong with a price."""
    details = refusal.details or [{"message": refusal.message}]
    return replace(
        refusal,
        code=REFUSED if refusal.error_class == "Refused" else refusal.code,
        details=[{**detail, _LIST: row.body[_LIST], _REASON: refusal.message} for detail in details],
    )


def told_once(sku: str, outcome: Outcome) -> Outcome:
    """The refusals of a SKU's rows put together: lists of which the same is said share one sentence."""
    if not isinstance(outcome, Rejected):
        return outcome
    lists: dict[str, list[str]] = {}
    for detail in outcome.details:
        slugs = lists.setdefault(str(detail[_REASON]), [])
        if detail[_LIST] not in slugs:
            slugs.append(str(detail[_LIST]))
    sentences = [f"SKU {sku!r} in {_lists(slugs)}: {reason}" for reason, slugs in lists.items()]
    details = [{name: value for name, value in detail.items() if name != _REASON} for detail in outcome.details]
    return replace(outcome, message="; ".join(sentences), details=details)


def _lists(slugs: Sequence[str]) -> str:
    """`list a`, `lists a and b`, `lists a, b and c`."""
    *first, last = slugs
    return f"lists {', '.join(first)} and {last}" if first else f"list {last}"
