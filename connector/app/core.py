"""Everything that needs the database and nothing else: what commands, HTTP and the service share."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from connector.clock import Clock, SystemClock
from connector.settings import Settings
from connector.state.budgets import BudgetRows
from connector.state.census import Census
from connector.state.claims import SkuClaims
from connector.state.conflicts import Conflicts
from connector.state.connections import Connections
from connector.state.database import Database
from connector.state.hints import HintStore
from connector.state.ignite_sites import IgniteSites
from connector.state.inbox import Inbox
from connector.state.last_writes import LastWrites
from connector.state.letters import Letters
from connector.state.oauth import Handshakes, OAuthGrants
from connector.state.pauses import SidePauses
from connector.state.problems import Problems
from connector.state.replays import Replays
from connector.state.run_requests import RunRequests
from connector.state.runs import Runs
from connector.state.sealed_texts import SealedTexts
from connector.state.stops import IntakeStops
from connector.state.tokens import SealedTokens
from connector.state.turns import Turns
from connector.state.usage import Usage
from connector.state.vault import Vault
from connector.state.webhook_access import WebhookSecrets
from connector.state.workers import Workers


@dataclass(frozen=True, slots=True)
class Core:
    """The stores over one open database."""

    settings: Settings
    clock: Clock
    database: Database
    connections: Connections
    pauses: SidePauses
    inbox: Inbox
    census: Census
    claims: SkuClaims
    problems: Problems
    last_writes: LastWrites
    conflicts: Conflicts
    runs: Runs
    letters: Letters
    replays: Replays
    workers: Workers
    usage: Usage
    budgets: BudgetRows
    stops: IntakeStops
    tokens: SealedTokens
    hints: HintStore
    webhooks: WebhookSecrets
    grants: OAuthGrants
    handshakes: Handshakes
    sites: IgniteSites
    run_requests: RunRequests
    turns: Turns
    sealed_texts: SealedTexts


@asynccontextmanager
async def open_core(settings: Settings, clock: Clock | None = None) -> AsyncIterator[Core]:
    """Open the database, creating or upgrading its tables. Raises `UserFault` or `Unavailable` in one sentence."""
    settings.require_secret_keys()
    clock = clock or SystemClock()
    database = await Database.open(settings.database, create=True, clock=clock)
    try:
        yield core_over(database, settings, clock)
    finally:
        await database.close()


def core_over(database: Database, settings: Settings, clock: Clock) -> Core:
    """The stores over a database that is open already. Raises `UserFault` without a secret key."""
    vault = Vault(*settings.require_secret_keys())
    inbox = Inbox(database, clock)
    runs = Runs(database, clock)
    return Core(
        settings=settings,
        clock=clock,
        database=database,
        connections=Connections(database, vault, clock),
        pauses=SidePauses(database, clock),
        inbox=inbox,
        census=Census(inbox, clock),
        claims=SkuClaims(database),
        problems=Problems(database, clock),
        last_writes=LastWrites(database, clock),
        conflicts=Conflicts(database, clock),
        runs=runs,
        letters=Letters(database, clock),
        replays=Replays(database, clock),
        workers=Workers(database.apart(), clock),
        usage=Usage(database),
        budgets=BudgetRows(database, clock),
        stops=IntakeStops(database, clock),
        tokens=SealedTokens(database, vault),
        hints=HintStore(database.apart(), clock),
        webhooks=WebhookSecrets(database, vault, clock),
        grants=OAuthGrants(database, vault, clock),
        handshakes=Handshakes(database, vault, clock),
        sites=IgniteSites(database, vault, clock),
        run_requests=RunRequests(database, runs),
        turns=Turns(database, clock),
        sealed_texts=SealedTexts(database, vault),
    )
