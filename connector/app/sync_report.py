"""What SparkLayer's sync log is told of one data type: times of full syncs, the last update, and every problem."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from connector.app.core import Core
from connector.sparkpay.pages import page_of
from connector.state.claims import source_side
from connector.state.columns import json_text
from connector.state.connections import Connection
from connector.state.links import LINKED, Links
from connector.state.problems import SyncProblem
from connector.state.runs import Run

MOST_ERRORS = 5000
_LONGEST_MESSAGE = 500
_LARGEST_BYTES = 1_500_000  # of all errors: nobody says how much SparkLayer takes
_STORE = "sparkpay"
_OF_A_SKU = frozenset({"price", "stock"})

DATA_TYPES: Mapping[str, tuple[str, ...]] = {
    "products": ("product", "price", "stock", "stock-location", "setting"),
    "customers": ("customer", "customer-group"),
    "orders": ("order", "shipping-method"),
}
"""The kinds of entities of each; the first is what ids without a kind before them are of."""
NAMED = frozenset({"products", "customers"})
"""What the vendor's documents name; whether a site takes another is found out."""
ELSEWHERE = "customers"
"""Where the problems of a data type are shown that SparkLayer does not know: the buyer's."""


@dataclass(frozen=True, slots=True)
class SyncReport:
    """One data type. `finished` and `succeeded` are of the last full sync that is over, `started` of the last one."""

    data_type: str
    started: datetime | None
    finished: datetime | None
    succeeded: bool | None
    updated: datetime | None
    errors: Sequence[Mapping[str, str]] = ()

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to say."""
        return self.started is None and self.updated is None and not self.errors

    @property
    def body(self) -> dict[str, Any]:
        """As SparkLayer takes it; what is left out is cleared there (vendor docs: sync log)."""
        times = {
            "started_full_sync": stamp(self.started),
            "last_full_sync": stamp(self.finished),
            "last_full_sync_succeeded": self.succeeded,
        }
        return {name: value for name, value in times.items() if value is not None} | {"errors": list(self.errors)}

    @property
    def digest(self) -> str:
        """The same for equal bodies."""
        return hashlib.sha256(json_text(self.body).encode("utf-8", "surrogatepass")).hexdigest()


def stamp(moment: datetime | None) -> str | None:
    """The form that SparkLayer's own examples have."""
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def kinds_by_type(connection: Connection, unknown: Collection[str] = ()) -> dict[str, tuple[str, ...]]:
    """The kinds to report under each data type; those of `unknown` ones go where they are seen."""
    settings = connection.settings
    found: dict[str, tuple[str, ...]] = {}
    for data_type in settings.sync_log.data_types:
        kinds = DATA_TYPES[data_type]
        if all(settings.flow_of(kind) == "off" for kind in kinds):
            continue
        place = ELSEWHERE if data_type in unknown else data_type
        found[place] = found.get(place, ()) + kinds
    return found


async def times_of(core: Core, connection: Connection, unknown: Collection[str]) -> list[SyncReport]:
    """The reports without their errors."""
    runs = await core.runs.rounds(connection.id)
    writes = await core.last_writes.read(connection.id)
    types = kinds_by_type(connection, unknown)
    return [_times(data_type, kinds, runs, writes) for data_type, kinds in types.items()]


async def reports_of(core: Core, connection: Connection, unknown: Collection[str]) -> list[SyncReport]:
    """Everything that is to be told now."""
    runs = await core.runs.rounds(connection.id)
    writes = await core.last_writes.read(connection.id)
    problems = await placed(core, connection, await core.problems.list(connection.id, MOST_ERRORS * len(DATA_TYPES)))
    found: list[SyncReport] = []
    for data_type, kinds in kinds_by_type(connection, unknown).items():
        errors = _errors([one for one in problems if one.problem.entity in kinds], DATA_TYPES[data_type][0])
        found.append(replace(_times(data_type, kinds, runs, writes), errors=errors))
    return found


def _times(
    data_type: str, kinds: Sequence[str], runs: Sequence[Run], writes: Mapping[tuple[str, str, str], datetime]
) -> SyncReport:
    main = DATA_TYPES[data_type][0]
    full = [run for run in runs if main in run.entities or (run.full and not run.entities)]
    over = next((run for run in full if run.over), None)
    written = [at for (_, side, entity), at in writes.items() if side == "sparklayer" and entity in kinds]
    return SyncReport(
        data_type,
        started=full[0].started_at if full else None,
        finished=over.finished_at if over is not None else None,
        succeeded=over.state == "done" if over is not None else None,
        updated=max(written, default=None),
    )


@dataclass(frozen=True, slots=True)
class Placed:
    """A problem with the row of the store that it is about: a price's is its product. `id_`: the store's, if any."""

    problem: SyncProblem
    kind: str
    key: str
    id_: str | None
    url: str | None


@dataclass(slots=True)
class _Entry:
    """All that is wrong with one row of the store; a mere `note`: nothing is."""

    url: str | None
    visible: str
    code: str
    note: bool
    messages: dict[str, None]


async def placed(core: Core, connection: Connection, problems: Sequence[SyncProblem]) -> list[Placed]:
    """Where in the store each of one connection's problems is."""
    owners = await _owners(core, connection.id, problems)
    about = [_about(problem, owners) for problem in problems]
    ids = await _store_ids(core, connection.id, about)
    links = connection.settings.sync_log.links
    found: list[Placed] = []
    for problem, (kind, key) in zip(problems, about, strict=True):
        id_ = ids.get((kind, key))
        url = None if id_ is None else page_of(connection.sparkpay.url, kind, id_, links)
        found.append(Placed(problem, kind, key, id_, url))
    return found


def _errors(problems: Sequence[Placed], main: str) -> list[Mapping[str, str]]:
    """One entry per row of the store, for SparkLayer takes no id twice; those with nothing but notes come last."""
    entries: dict[str, _Entry] = {}
    for one in sorted(problems, key=_own_first):
        plain = one.id_ or one.key
        external = plain if one.kind == main else f"{one.kind}:{plain}"
        visible = one.problem.key if one.problem.entity in _OF_A_SKU else plain
        note = one.problem.trouble == "note"
        entry = entries.setdefault(external, _Entry(one.url, visible, one.problem.code, note, {}))
        entry.messages[_sentence(one.problem, one.kind)] = None
    in_order = sorted(entries.items(), key=lambda named: (named[1].note, named[0]))
    return _that_fit([_shown(external, entry) for external, entry in in_order])


def _own_first(one: Placed) -> tuple[bool, bool, str, str, str, str]:
    """Notes last, what is wrong with the row itself before its prices and stock, and always in one order."""
    problem = one.problem
    return (
        problem.trouble == "note",
        problem.entity != one.kind,
        problem.entity,
        problem.key,
        problem.part or "",
        problem.code,
    )


def _about(problem: SyncProblem, owners: Mapping[str, str]) -> tuple[str, str]:
    if problem.entity in _OF_A_SKU and problem.key in owners:
        return "product", owners[problem.key]
    return problem.entity, problem.key


async def _owners(core: Core, connection: str, problems: Sequence[SyncProblem]) -> dict[str, str]:
    """The store's product of each SKU that a problem is about."""
    skus = sorted({problem.key for problem in problems if problem.entity in _OF_A_SKU})
    held = await core.claims.holders(connection, source_side(_STORE), skus) if skus else {}
    return {sku: holders[0].product for sku, holders in held.items()}


async def _store_ids(core: Core, connection: str, about: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """The store's own id of each entity that has one."""
    found = {(kind, key): key.removeprefix(f"{_STORE}:") for kind, key in about if key.startswith(f"{_STORE}:")}
    others = sorted({entity for entity in about if entity not in found and entity[0] in LINKED})
    links = Links(core.database)
    for kind in sorted({kind for kind, _ in others}):
        keys = [key for of, key in others if of == kind]
        names = await links.names_of(connection, kind, keys, system=_STORE)
        found |= {(kind, key): name.removeprefix(f"{_STORE}:") for key, name in names.items()}
    return found


def _sentence(problem: SyncProblem, kind: str) -> str:
    said = problem.message or problem.code
    if problem.trouble == "waiting":
        said = f"waiting: {said}"
    return said if problem.entity == kind else f"{problem.entity} of {problem.key}: {said}"


def _shown(external: str, entry: _Entry) -> Mapping[str, str]:
    message = "; ".join(entry.messages)
    shown = {"external_id": external, "visible_id": entry.visible, "code": entry.code}
    shown["message"] = message if len(message) <= _LONGEST_MESSAGE else message[: _LONGEST_MESSAGE - 1] + "…"
    return shown if entry.url is None else shown | {"external_url": entry.url}


def _that_fit(errors: Sequence[Mapping[str, str]]) -> list[Mapping[str, str]]:
    fitting: list[Mapping[str, str]] = []
    left = _LARGEST_BYTES
    for error in errors[:MOST_ERRORS]:
        left -= len(json_text(error).encode("utf-8", "surrogatepass")) + 1
        if left < 0:
            break
        fitting.append(error)
    return fitting
