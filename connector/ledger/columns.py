"""What all tables of the ledger are made of: their names, ids, times and closed lists."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from sqlalchemy import BigInteger, Dialect, Integer, MetaData, TypeDecorator

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@lru_cache(maxsize=4096)
def _kept(value: datetime | None) -> int | None:
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError("a time without zone cannot enter the ledger")
    return (value - EPOCH) // MICROSECOND


@lru_cache(maxsize=4096)
def _told(value: int | None) -> datetime | None:
    return None if value is None else EPOCH + value * MICROSECOND


class Instant(TypeDecorator[datetime]):
    """An aware UTC time, kept as microseconds since 1970; a naive one is a ValueError."""

    impl = BigInteger
    cache_ok = True

    # The processors themselves, not what TypeDecorator wraps around `process_bind_param`: a row has
    # many times, and most of them are the same as in the row before.
    def bind_processor(self, _dialect: Dialect) -> Callable[[datetime | None], int | None]:
        """Microseconds for the database."""
        return _kept

    def result_processor(
        self, _dialect: Dialect, _coltype: object
    ) -> Callable[[int | None], datetime | None]:
        """An aware UTC time from the database."""
        return _told


def one_of(column: str, allowed: tuple[str, ...]) -> str:
    """The condition that *column* holds a word of a closed list."""
    return f"{column} IN ({', '.join(repr(a) for a in allowed)})"


meta = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)
Id = BigInteger().with_variant(Integer, "sqlite")
