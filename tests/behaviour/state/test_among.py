"""`among` means what IN means, in one statement for any number of texts, by way of the index."""

import pytest
import sqlalchemy as sa

from connector.state.among import among
from connector.state.columns import EPOCH
from connector.state.database import Database
from connector.state.tables import cursors, inbox, observations, sku_claims, sync_problems

NAMES = ("", "a", "A", "ä", "a'b", 'a"b', "a,b", "{a}", "\\", "a\nb", "😀", "null", "1")


async def _fill(db: Database) -> None:
    rows = [{"connection": "c", "source": "s", "name": name, "position": {}, "saved_at": EPOCH} for name in NAMES]
    async with db.begin() as transaction:
        await transaction.execute(sa.insert(cursors), rows)


async def _found(db: Database, texts: list[str]) -> list[str]:
    async with db.read() as transaction:
        rows = await transaction.execute(sa.select(cursors.c.name).where(among(cursors.c.name, texts)))
        return sorted(rows.scalars())


@pytest.mark.parametrize(
    "texts", [[], ["a"], ["a", "a"], list(NAMES), ["x", "ä", "y"], ["%", "_"], ["1", "null"], ["x"] * 2000]
)
async def test_it_finds_what_is_in_the_list_and_nothing_else(db: Database, texts: list[str]) -> None:
    await _fill(db)

    assert await _found(db, texts) == sorted(set(texts) & set(NAMES))


async def test_it_may_be_denied_and_joined_with_other_conditions(db: Database) -> None:
    await _fill(db)
    either = sa.or_(cursors.c.name == "1", among(cursors.c.name, ["a"]))

    async with db.read() as transaction:
        both = await transaction.execute(sa.select(cursors.c.name).where(cursors.c.connection == "c", either))
        others = await transaction.execute(sa.select(cursors.c.name).where(sa.not_(among(cursors.c.name, NAMES[1:]))))

        assert sorted(both.scalars()) == ["1", "a"]
        assert list(others.scalars()) == [""]


def test_the_statement_is_the_same_for_any_number_of_texts(database_url: str) -> None:
    dialect = sa.make_url(database_url).get_dialect()()
    statements = [sa.select(cursors).where(among(cursors.c.name, ["x"] * count)) for count in (0, 1, 7, 500)]

    assert len({str(statement.compile(dialect=dialect)) for statement in statements}) == 1
    assert len({statement._generate_cache_key().key for statement in statements}) == 1  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("statement", "through"),
    [
        (
            sa.select(observations).where(
                observations.c.connection == "c",
                observations.c.source == "s",
                observations.c.entity == "e",
                among(observations.c.key, ["a"]),
            ),
            "key=?",
        ),
        (
            sa.select(inbox).where(
                inbox.c.connection == "c", inbox.c.side == "s", inbox.c.entity == "e", among(inbox.c.key, ["a"])
            ),
            "key=?",
        ),
        (
            sa.update(inbox)
            .where(inbox.c.connection == "c", inbox.c.side == "s", among(inbox.c.waiting_for, ["a"]))
            .values(attempts=0),
            "waiting_for=?",
        ),
        (
            sa.delete(sku_claims).where(
                sku_claims.c.connection == "c", sku_claims.c.side == "s", among(sku_claims.c.product, ["a"])
            ),
            "product=?",
        ),
        (
            sa.select(sync_problems).where(
                sync_problems.c.connection == "c",
                sync_problems.c.side == "s",
                sync_problems.c.entity == "e",
                among(sync_problems.c.key, ["a"]),
            ),
            "key=?",
        ),
    ],
)
async def test_the_index_of_sqlite_serves_it(sqlite_url: str, statement: sa.ClauseElement, through: str) -> None:
    database = await Database.open(sqlite_url, create=True)
    try:
        async with database.read() as transaction:
            plan = await transaction.run_sync(_plan, statement)
    finally:
        await database.close()

    assert any(step.startswith("SEARCH") and through in step for step in plan), plan


def _plan(connection: sa.Connection, statement: sa.ClauseElement) -> list[str]:
    compiled = statement.compile(connection.engine)
    names = compiled.positiontup or []  # type: ignore[attr-defined]
    return [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", ("[]",) * len(names))]
