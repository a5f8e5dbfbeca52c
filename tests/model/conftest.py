from tests.support.databases import database_url, db, postgres_server, postgres_url, sqlite_url

__all__ = ["database_url", "db", "postgres_server", "postgres_url", "sqlite_url"]
