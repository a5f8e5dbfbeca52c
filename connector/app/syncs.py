"""A sync run as scripts read it."""

from typing import Any

from connector.sparkpay.selection import TOLD_KINDS
from connector.state.runs import Run
from contracts.entities import KINDS

KINDS_OF_A_SYNC = tuple(kind for kind in KINDS if kind in TOLD_KINDS)
"""What can be asked for; the other kinds come from other services only."""


def report(run: Run) -> dict[str, Any]:
    """The JSON shape of `paylayer sync --json`; `seconds` from start to end, or so far unknown."""
    ended = run.finished_at
    return {
        "id": run.id,
        "connection": run.connection,
        "state": run.state,
        "full": run.full,
        "entities": list(run.entities),
        "read": run.read,
        "published": run.published,
        "applied": run.applied,
        "unchanged": run.unchanged,
        "rejected": run.rejected,
        "calls": dict(run.calls),
        "seconds": (ended - run.started_at).total_seconds() if ended and run.started_at else None,
        "requested_at": run.requested_at,
        "message": run.message,
    }
