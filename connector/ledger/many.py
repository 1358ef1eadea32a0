"""One statement for many rows: compiled once, its values handed to the driver as they stand.

SQLAlchemy's own executemany names, looks up and converts each value of each row anew, which took
longer than what the database does with the row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Dialect, Insert, Table, Update, bindparam, insert

Row = Mapping[str, Any]


def many(db: Connection, statement: Insert | Update, rows: Sequence[Row]) -> int:
    """Execute *statement* for each of *rows*, which give its bound values by their names.

    Returns how many rows were written. The statement is compiled at its first use: keep it.
    """
    text, values = _compiled(statement, db.dialect)
    return db.exec_driver_sql(text, [values(row) for row in rows]).rowcount


def add(db: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert *rows*, which all have the columns of the first."""
    many(db, _inserting(table, tuple(rows[0])), rows)


@cache
def _inserting(table: Table, names: tuple[str, ...]) -> Insert:
    values = {n: bindparam(n, type_=table.c[n].type) for n in names}
    return insert(table).values(values).inline()  # nobody asks for the ids


@cache
def _compiled(statement: Insert | Update, dialect: Dialect) -> tuple[str, Callable[[Row], Any]]:
    """The text of *statement*, and what makes the driver's parameters of a row."""
    compiled = statement.compile(dialect=dialect)
    names = compiled.positiontup or list(compiled.params)
    bound = [compiled.binds[name] for name in names]
    same = {name: one.value for name, one in zip(names, bound, strict=True) if not one.required}
    processors = [one.type.dialect_impl(dialect).bind_processor(dialect) for one in bound]
    converted = [(at, convert) for at, convert in enumerate(processors) if convert is not None]
    pick = itemgetter(*names)

    def values(row: Row) -> list[Any]:
        line = list(pick({**same, **row} if same else row))
        for at, convert in converted:
            line[at] = convert(line[at])
        return line

    if compiled.positional:
        return str(compiled), lambda row: tuple(values(row))
    return str(compiled), lambda row: dict(zip(names, values(row), strict=True))
