"""One seed: its world, the storm, the quiet after it, and the verdict."""

import contextlib
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos import desk, inbox, remains, topics
from tests.chaos.overwrites import stale_events, stale_writes, written_to_site
from tests.chaos.plan import Plan, plan
from tests.chaos.servers import Servers, pause
from tests.chaos.verdict import Scene, disagreements, foreign, refused, surplus, unsettled
from tests.chaos.world import World, world

QUIET_SECONDS = 90.0
SILENT_SECONDS = 3.0
_LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a seed."""

    plan: Plan
    faults: Sequence[str]
    quiet_after: float
    seconds: float
    figures: dict[str, int] = field(default_factory=dict)
    folder: Path | None = None

    @property
    def passed(self) -> bool:
        return not self.faults

    @property
    def repeat(self) -> str:
        """The command that plays it again."""
        return f"make chaos FROM={self.plan.seed} SEEDS=1"

    def line(self) -> str:
        """For the log of many seeds."""
        counted = " ".join(f"{name}={count}" for name, count in self.figures.items())
        mark = "ok  " if self.passed else "FAIL"
        return f"{mark} {self.plan} | quiet after {self.quiet_after:.1f} s, {self.seconds:.1f} s in all | {counted}"

    def report(self) -> str:
        """What a person needs to find the reason."""
        lines = [f"seed {self.plan.seed} failed; repeat it with: {self.repeat}", f"its folder: {self.folder}"]
        return "\n".join([*lines, *self.faults[:40]])


def play(seed: int, servers: Servers, folder: Path, *, keep: bool = False) -> Outcome:
    """Run a seed in a folder of its own, which is removed unless the seed fails or `keep` is set."""
    made = plan(seed)
    began = time.monotonic()
    home = folder / f"seed-{seed}"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    (home / "plan.txt").write_text("\n".join(made.lines()) + "\n")
    if not servers.kafka.running:
        servers.kafka.launch()
    servers.kafka.until_ready()
    figures: dict[str, int] = {}
    quiet_after = 0.0
    faults: list[str] = []
    with world(made, servers, home) as here:
        try:
            if made.settled_first:
                faults = _settle(here)
            here.storm()
            began_quiet = here.now
            faults = faults or _settle(here)
            quiet_after = here.now - began_quiet
            faults += _judge(here, figures, settled=not faults)
            if faults:
                remains.leave(home, here.system.database_url, _scene(here), here.system.layer("GET", "requests"))
        except Exception as error:
            faults = [f"{type(error).__name__}: {error}"]
            raise
        finally:
            (home / "diary.txt").write_text("\n".join(here.diary) + "\n")
            if faults:
                (home / "faults.txt").write_text("\n".join(faults) + "\n")
    outcome = Outcome(made, faults, quiet_after, time.monotonic() - began, figures, home)
    if outcome.passed and not keep:
        shutil.rmtree(home, ignore_errors=True)
    return outcome


def _settle(here: World) -> list[str]:
    """Wait until both sides agree, nothing is due and nobody writes; what is still wrong after the bound."""
    bound = QUIET_SECONDS * here.pace
    end = here.now + bound
    writes, since = -1, here.now
    while True:
        here.watch()
        now_written = int(here.system.layer("GET", "stats")["writes"])
        if now_written != writes:
            writes, since = now_written, here.now
        if here.now - since >= SILENT_SECONDS or here.now > end:
            scene = _scene(here)
            wrong = [*unsettled(scene), *disagreements(scene), *foreign(scene, here.erp.acknowledged)]
            if not wrong and int(here.system.layer("GET", "stats")["writes"]) == writes:
                return []
            if here.now > end:
                late = [f"not quiet within {bound:g} s; the last write was {here.now - since:.1f} s ago"]
                return late + wrong
        pause(_LOOK_SECONDS)


def _judge(here: World, figures: dict[str, int], *, settled: bool) -> list[str]:
    scene = _scene(here)
    listed = desk.letters(here.system)
    journal = here.system.layer("GET", "requests")
    stats = here.system.pay("GET", "stats")
    figures |= {
        "edits": len(here.merchant.done),
        "erp": len(here.erp.acknowledged),
        "trade": here.trade.done,
        "placed": len(here.trade.placed),
        "events": sum(map(len, scene.topics.events.values())),
        "writes": int(here.system.layer("GET", "stats")["writes"]),
        "letters": len(scene.topics.letters),
        "refused": sum(row.state == "rejected" for row in scene.rows.values()),
        "waiting": sum(row.state == "waiting" for row in scene.rows.values()),
        "over-limit": int(stats["refused_429"]),
    }
    return [
        *refused(scene, listed),
        *surplus(scene, orders=here.trade.orders + len(here.trade.placed), shipments=here.trade.shipments),
        *stale_writes(scene.topics, written_to_site(journal)),
        *stale_events(scene.topics, here.merchant.states),
        *(f"the store was asked against its contract: {violation}" for violation in stats["violations"]),
        *(_again(here, figures["writes"]) if settled else ()),
        *_dead(here),
    ]


def _again(here: World, before: int) -> list[str]:
    run = desk.sync_again(here.system)
    after = int(here.system.layer("GET", "stats")["writes"])
    return [] if after == before else [f"a full sync of what is there already wrote {after - before} times: {run}"]


def _dead(here: World) -> list[str]:
    return [f"{name} is not running" for name in here.plan.processes if not here.alive(name)]


def _scene(here: World) -> Scene:
    system = here.system
    return Scene(
        store=system.pay("GET", "state"),
        site=system.layer("GET", "state"),
        topics=topics.read(system.bootstrap, system.prefix),
        rows=inbox.rows(system.database_url, "sparklayer"),
        back=inbox.rows(system.database_url, "sparkpay"),
        stock_mode=here.plan.stock_mode,
        placed=here.trade.placed,
    )


def forget(folder: Path) -> None:
    """Remove an empty folder of passed seeds."""
    with contextlib.suppress(OSError):
        folder.rmdir()
