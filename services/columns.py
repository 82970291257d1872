"""Column types that hold the same in SQLite and PostgreSQL, and the inserts both spell alike."""

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import BigInteger, Integer, MetaData, Table, Text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator
from sqlmodel import AutoString

REPLACEMENT: Final = "\ufffd"


class ByteOrderedText(TypeDecorator[str]):
    """PostgreSQL's text, compared and sorted by code points whatever the database's collation,
    which is how SQLite does it. It cannot hold U+0000, which a message may: U+FFFD stands for it,
    in what is written and in what is asked for.
    """

    impl = Text(collation="C")
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return value.replace("\0", REPLACEMENT) if value and "\0" in value else value


# Amounts and times go up to 2**53; SQLite's INTEGER is that wide, and numbers rows by itself.
WIDE: Final = BigInteger().with_variant(Integer(), "sqlite")
TEXT: Final = Text().with_variant(ByteOrderedText(), "postgresql")
_INSERTS: Final = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def make_portable(metadata: MetaData) -> None:
    """Give the columns that SQLModel made of `int` and `str` the types that hold in both."""
    for table in metadata.tables.values():
        for column in table.columns:
            if isinstance(column.type, Integer):
                column.type = WIDE
            elif isinstance(column.type, Text | AutoString):
                column.type = TEXT


def insert_into(table: Table, dialect: str) -> Any:
    """Return an insert that can say what to do on a conflict, in a database's `dialect.name`."""
    make: Callable[[Table], Any] = _INSERTS[dialect]
    return make(table)
