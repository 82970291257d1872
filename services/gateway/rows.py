"""Rows read and changed between flushes: what lets a thousand records become a few statements."""

from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, Select, Table, bindparam, select
from sqlmodel import SQLModel

from services.columns import insert_into

Values = dict[str, Any]
CACHE_ROWS_MAX: Final = 50_000


class Rows:
    """Rows read and changed since the last flush, by table and key; flushed as one upsert each."""

    def __init__(self) -> None:
        self._known: dict[type[SQLModel], dict[tuple[object, ...], Values]] = {}
        self._dirty: dict[type[SQLModel], dict[tuple[object, ...], Values]] = {}
        self.db: Connection | None = None

    def put(self, table: type[SQLModel], **values: Any) -> None:
        key = tuple(values[name] for name in _keys(table))
        self._known.setdefault(table, {})[key] = values
        self._dirty.setdefault(table, {})[key] = values

    def find(self, table: type[SQLModel], *key: object) -> Values | None:
        known = self._known.setdefault(table, {})
        if key not in known:
            assert self.db is not None, "rows are read inside a flush's transaction"
            row = look_up(self.db, table, *key)
            if row is None:
                return None
            known[key] = row
        return known[key]

    def change(self, table: type[SQLModel], *key: object, **values: Any) -> Values:
        row = self.find(table, *key)
        assert row is not None, f"{table.__name__} {key} was never created"
        row.update(values)
        self._dirty.setdefault(table, {})[key] = row
        return row

    def flush(self) -> None:
        assert self.db is not None, "rows are flushed inside a transaction"
        for table, rows in self._dirty.items():
            self.db.execute(_upsert(table, self.db.dialect.name), list(rows.values()))
        self._dirty.clear()
        if sum(map(len, self._known.values())) > CACHE_ROWS_MAX:
            self._known.clear()


def look_up(db: Connection, table: type[SQLModel], *key: object) -> Values | None:
    """Return the row of this key, or None."""
    row = db.execute(_by_key(table), dict(zip(_keys(table), key, strict=True))).mappings().first()
    return None if row is None else dict(row)


@cache
def _by_key(table: type[SQLModel]) -> Select[Any]:
    columns = _table(table).c
    conditions = [columns[name] == bindparam(name) for name in _keys(table)]
    return select(*columns).where(*conditions)


@cache
def _upsert(table: type[SQLModel], dialect: str) -> Any:
    statement = insert_into(_table(table), dialect)
    keys = _keys(table)
    replaced = {column.name: column for column in statement.excluded if column.name not in keys}
    return statement.on_conflict_do_update(index_elements=list(keys), set_=replaced)


@cache
def _keys(table: type[SQLModel]) -> tuple[str, ...]:
    return tuple(column.name for column in _table(table).primary_key)


def _table(table: type[SQLModel]) -> Table:
    found: Table = table.__table__  # type: ignore[attr-defined]
    return found
