"""One play: random changes on both sides, looks and deliveries in any order, and what has to be true in the end."""

import random
from dataclasses import dataclass, field
from pathlib import Path

from tests.both_ways.edits import FIELDS, ITEM_FIELDS, ITEMS, PEOPLE, furnish
from tests.both_ways.world import World, world

BOTH = {
    "flow__price": "both",
    "flow__stock": "both",
    "flow__customer": "both",
    "flow__customer_group": "both",
    "flow__order": "both",
    "stock__clamp_negative": "false",
}
ACTIONS = 40
ROUNDS = 6
SEEN_LATE = frozenset({"price"})
"""The site shows no periods of a price, so its prices are not read while newer ones are on their way there."""
Subject = tuple[str, int]


@dataclass
class Edit:
    """One change by a person; `shown` is its version for PayLayer, once it was seen.

    The store tells when a row was changed last, so of several changes that are seen together all have the time of the
    last. The site tells no times: there it is when it was seen first.
    """

    value: str
    made: float
    shown: float | None = None


@dataclass
class Verdict:
    """What came of a play; no problems = passed."""

    seed: int
    problems: list[str] = field(default_factory=list)
    rounds: int = 0
    conflicts: int = 0
    writes: int = 0


async def play(seed: int, folder: Path, template: Path) -> Verdict:
    """Play one seed."""
    verdict = Verdict(seed)
    rng = random.Random(seed)
    async with world(folder, template, **BOTH) as on:
        furnish(on)
        on.clock.advance(60)
        for _ in range(3):
            await on.round()
            on.clock.advance(5)
        edits: dict[tuple[str, Subject], Edit] = {}
        for number in range(ACTIONS):
            on.clock.advance(rng.uniform(0.1, 5.0))
            await _act(rng, on, edits, number)
        await _settle(on, edits, verdict)
        _compare(on, edits, verdict)
        verdict.conflicts = len(await on.core.conflicts.list("acme"))
        verdict.writes = sum(on.writes.values())
        verdict.problems += [f"refused: {one.entity} {one.key} {one.message}" for one in on.office.refusals]
    return verdict


async def _act(rng: random.Random, on: World, edits: dict[tuple[str, Subject], Edit], number: int) -> None:
    action = rng.choice(("store", "store", "site", "site", "look", "look", "deliver", "apply", "apply"))
    if action in {"store", "site"}:
        await _edit(rng, on, edits, action, number)
    elif action == "look":
        await _look(on, edits, rng.choice(("sparkpay", "sparklayer")))
    elif action == "deliver":
        await on.deliver()
    else:
        side = rng.choice(("sparkpay", "sparklayer"))
        await _look(on, edits, side)
        await on.apply(side)


async def _look(on: World, edits: dict[tuple[str, Subject], Edit], side: str) -> None:
    await on.look(side)
    where = "site" if side == "sparklayer" else "store"
    unseen = {subject: edit for (place, subject), edit in edits.items() if place == where and edit.shown is None}
    for subject, edit in unseen.items():
        of_row = [other.made for each, other in unseen.items() if _entity(each) == _entity(subject)]
        edit.shown = max(of_row) if where == "store" else on.clock.monotonic()


async def _edit(rng: random.Random, on: World, edits: dict[tuple[str, Subject], Edit], where: str, number: int) -> None:
    name = rng.choice(sorted(FIELDS))
    subject = (name, rng.randint(1, ITEMS if name in ITEM_FIELDS else PEOPLE))
    value = FIELDS[name].value(100 + number)
    if where == "store":
        FIELDS[name].in_store(on, subject[1], value)
    else:
        await FIELDS[name].in_site(on, subject[1], value)
    edits[where, subject] = Edit(value, on.clock.monotonic())


async def _settle(on: World, edits: dict[tuple[str, Subject], Edit], verdict: Verdict) -> None:
    """Polls until nothing is written any more; two may write, the third must not."""
    for number in range(ROUNDS):
        on.clock.advance(5)
        for side in ("sparkpay", "sparklayer"):
            await _look(on, edits, side)
        if await on.round() == 0 and not on.bus.events:
            break
        verdict.rounds = number + 1
    if verdict.rounds > 2:
        verdict.problems.append(f"writes went on for {verdict.rounds} polls after the last change")


def _entity(subject: Subject) -> Subject:
    name, number = subject
    return ("item" if name in ITEM_FIELDS else "person", number)


def _compare(on: World, edits: dict[tuple[str, Subject], Edit], verdict: Verdict) -> None:
    for name, made in FIELDS.items():
        for number in range(1, (ITEMS if name in ITEM_FIELDS else PEOPLE) + 1):
            store, site = made.of_store(on, number), made.of_site(on, number)
            if store != site:
                verdict.problems.append(f"{name} {number}: the store has {store}, the site {site}")
            changed = [edit for where in ("store", "site") if (edit := edits.get((where, (name, number))))]
            if changed and name not in SEEN_LATE and {store, site}.isdisjoint(_newest(changed)):
                verdict.problems.append(f"{name} {number}: {_newest(changed)} is newest, both have {store}")


def _newest(changed: list[Edit]) -> set[str]:
    """By when it was made, and by its version: those differ where one side's was seen later than the other's."""
    made = max(changed, key=lambda edit: edit.made)
    shown = max(changed, key=lambda edit: edit.shown or 0)
    return {made.value, shown.value}
