"""Everything that needs the database and nothing else: what commands, HTTP and the service share."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from connector.clock import Clock, SystemClock
from connector.settings import Settings
from connector.state.budgets import BudgetRows
from connector.state.claims import SkuClaims
from connector.state.connections import Connections
from connector.state.database import Database
from connector.state.inbox import Inbox
from connector.state.letters import Letters
from connector.state.pauses import SidePauses
from connector.state.problems import Problems
from connector.state.runs import Runs
from connector.state.tokens import SealedTokens
from connector.state.usage import Usage
from connector.state.vault import Vault
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
    claims: SkuClaims
    problems: Problems
    runs: Runs
    letters: Letters
    workers: Workers
    usage: Usage
    budgets: BudgetRows
    tokens: SealedTokens


@asynccontextmanager
async def open_core(settings: Settings, clock: Clock | None = None) -> AsyncIterator[Core]:
    """Open the database, creating or upgrading its tables. Raises `UserFault` or `Unavailable` in one sentence."""
    clock = clock or SystemClock()
    vault = Vault(settings.require_secret_key())
    database = await Database.open(settings.database, create=True)
    try:
        yield Core(
            settings=settings,
            clock=clock,
            database=database,
            connections=Connections(database, vault, clock),
            pauses=SidePauses(database, clock),
            inbox=Inbox(database, clock),
            claims=SkuClaims(database),
            problems=Problems(database, clock),
            runs=Runs(database, clock),
            letters=Letters(database, clock),
            workers=Workers(database, clock),
            usage=Usage(database),
            budgets=BudgetRows(database),
            tokens=SealedTokens(database, vault),
        )
    finally:
        await database.close()
