"""Rows read and changed between flushes: what lets a thousand records become a few statements."""

from typing import Any, Final

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert
from sqlmodel import SQLModel

Values = dict[str, Any]
CACHE_ROWS_MAX: Final = 50_000


class Rows:
    """Rows read and changed since the last flush, by table and key; flushed as one upsert per
    table.
    """

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
            columns = table.__table__.c  # type: ignore[attr-defined]
            query = select(*columns)
            for name, value in zip(_keys(table), key, strict=True):
                query = query.where(columns[name] == value)
            row = self.db.execute(query).mappings().first()
            if row is None:
                return None
            known[key] = dict(row)
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
            target = table.__table__  # type: ignore[attr-defined]
            statement = insert(target)
            replaced = {column.name: column for column in statement.excluded}
            keys = _keys(table)
            upsert = statement.on_conflict_do_update(
                index_elements=list(keys),
                set_={name: value for name, value in replaced.items() if name not in keys},
            )
            self.db.execute(upsert, list(rows.values()))
        self._dirty.clear()
        if sum(map(len, self._known.values())) > CACHE_ROWS_MAX:
            self._known.clear()


def _keys(table: type[SQLModel]) -> tuple[str, ...]:
    keys = _KEYS.get(table)
    if keys is None:
        primary = table.__table__.primary_key  # type: ignore[attr-defined]
        keys = _KEYS[table] = tuple(column.name for column in primary)
    return keys


_KEYS: dict[type[SQLModel], tuple[str, ...]] = {}
