"""Whether a column is one of many texts, asked in a statement that does not change with their number.

An `IN` list has a place for each value, so every length of it is a statement of its own. Drivers keep the last hundred
prepared statements of each connection, and those with hundreds of places are large: tens of megabytes in a process.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import TypeDecorator, TypeEngine

from connector.state.columns import json_text


class _Texts(TypeDecorator[Sequence[str]]):
    """Texts as one parameter: an array where the database has arrays, else JSON."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> TypeEngine[Any]:
        """PostgreSQL has arrays."""
        return dialect.type_descriptor(postgresql.ARRAY(sa.Text()) if dialect.name == "postgresql" else sa.Text())

    def process_bind_param(self, value: Sequence[str] | None, dialect: sa.Dialect) -> Any:  # noqa: ANN401
        """A list, or its JSON."""
        texts = list(value or ())
        return texts if dialect.name == "postgresql" else json_text(texts)


class _Among(FunctionElement[bool]):
    inherit_cache = True
    type = sa.Boolean()

    def self_group(self, against: OperatorType | None = None) -> "_Among":  # noqa: ARG002
        """As it is: SQLAlchemy would write `= 1` after a function on SQLite, and then no index serves."""
        return self


def among(column: sa.ColumnElement[str], texts: Sequence[str]) -> sa.ColumnElement[bool]:
    """`column IN (texts)`."""
    return _Among(column, sa.bindparam(None, texts, type_=_Texts(), unique=True))


@compiles(_Among, "sqlite")
def _sqlite(element: _Among, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    column, texts = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({texts}))"  # noqa: S608 (a place and its column)


@compiles(_Among, "postgresql")
def _postgresql(element: _Among, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    column, texts = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} = ANY ({texts})"
