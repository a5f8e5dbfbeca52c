"""A sync run as scripts read it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from connector.choice import Choice
from connector.errors import UserFault
from connector.sparkpay.chosen import check_choice
from connector.sparkpay.selection import TOLD_KINDS
from connector.state.runs import Run
from contracts.entities import KINDS

KINDS_OF_A_SYNC = tuple(kind for kind in KINDS if kind in TOLD_KINDS)
"""What can be asked for; the other kinds come from other services only."""


MOST_IDS = 100_000
_LONGEST_ID = 12


def choice_from(
    kinds: Sequence[str], *, ids: Sequence[str] = (), where: str = "", since: datetime | None = None
) -> Choice | None:
    """What somebody chose of the store; none where everything is meant. Raises `UserFault`."""
    if not ids and not where.strip() and since is None:
        return None
    for id_ in ids:
        if not (id_.isascii() and id_.isdecimal() and len(id_) <= _LONGEST_ID):
            raise UserFault(
                f"--id {id_!r}: write the number that it has in the store; by SKU: --where item_number={id_}"
            )
    if len(ids) > MOST_IDS:
        raise UserFault(f"{len(ids)} ids are more than {MOST_IDS}: choose with --where, or sync in parts")
    choice = Choice(tuple(sorted({int(id_) for id_ in ids})), where.strip(), since)
    check_choice(choice, kinds)
    return choice


def report(run: Run) -> dict[str, Any]:
    """The JSON shape of `paylayer sync --json`; `seconds` from start to end, or so far unknown."""
    ended = run.finished_at
    return {
        "id": run.id,
        "connection": run.connection,
        "state": run.state,
        "full": run.full,
        "entities": list(run.entities),
        "choice": None if run.choice is None else run.choice.as_json(),
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
