"""Where the tree's full tiles, the checkpoints and the public key are kept: in a data folder, or in
the database of the trail.
"""

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, LiteralString

from services.database import StoreError, open_database, read_only, telling
from services.files import write_whole
from streams.postgres import Session, making

FILE_NAME: Final = "audit.sqlite3"
VERIFIER_NAME: Final = "keys/checkpoint.pub"
VERSION: Final = 1
MEND: Final = "run `databourse rebuild`; if that cannot read it either, restore a backup"
IN_MEMORY: Final = ":memory:"
SCHEMA: Final = (
    """
CREATE TABLE IF NOT EXISTS tiles (
    level INTEGER NOT NULL, number INTEGER NOT NULL, hashes BLOB NOT NULL,
    PRIMARY KEY (level, number)
) STRICT
""",
    "CREATE TABLE IF NOT EXISTS checkpoints (size INTEGER PRIMARY KEY, note BLOB NOT NULL) STRICT",
)
_POSTGRES_SCHEMA: Final[tuple[LiteralString, ...]] = (
    "CREATE TABLE IF NOT EXISTS tiles (level smallint, number bigint, hashes bytea NOT NULL, "
    "PRIMARY KEY (level, number))",
    "CREATE TABLE IF NOT EXISTS checkpoints (size bigint PRIMARY KEY, note bytea NOT NULL)",
    "CREATE TABLE IF NOT EXISTS verifiers (venue text PRIMARY KEY, verifier text NOT NULL)",
)
Tile = tuple[int, int, bytes]  # level, number, hashes
Note = tuple[int, bytes]  # the tree's size, and the signed checkpoint over it


class Shelf(ABC):
    """The same few statements for every database; only how they are sent differs."""

    def tile_counts(self) -> dict[int, int]:
        """Return how many there are of each level, all at one time."""
        return dict(self._rows("SELECT level, count(*) FROM tiles GROUP BY level"))

    def tile(self, level: int, number: int) -> bytes | None:
        query: Final = "SELECT hashes FROM tiles WHERE level = ? AND number = ?"
        rows = self._rows(query, (level, number))
        return bytes(rows[0][0]) if rows else None

    def tiles(self) -> list[Tile]:
        """Return all, by level and number."""
        return self._rows("SELECT level, number, hashes FROM tiles ORDER BY level, number")

    def keep_tiles(self, tiles: Sequence[Tile]) -> None:
        """Keep all of them or none."""
        self._write(
            "INSERT INTO tiles VALUES (?, ?, ?) "
            "ON CONFLICT (level, number) DO UPDATE SET hashes = excluded.hashes",
            tiles,
        )

    def published(self) -> int:
        """Return the size of the newest checkpoint, 0 where there is none."""
        return int(self._rows("SELECT coalesce(max(size), 0) FROM checkpoints")[0][0])

    def note(self, size: int) -> bytes | None:
        rows = self._rows("SELECT note FROM checkpoints WHERE size = ?", (size,))
        return bytes(rows[0][0]) if rows else None

    def notes(self) -> list[Note]:
        """Return all checkpoints, smallest size first."""
        return self._rows("SELECT size, note FROM checkpoints ORDER BY size")

    def keep_notes(self, notes: Sequence[Note]) -> None:
        self._write("INSERT INTO checkpoints VALUES (?, ?)", notes)

    @abstractmethod
    def verifier(self) -> str | None:
        """Return the public key of who signs, as text."""

    @abstractmethod
    def keep_verifier(self, verifier: str) -> None: ...

    @abstractmethod
    def close(self) -> None: ...

    @abstractmethod
    def _rows(self, query: LiteralString, parameters: Sequence[Any] = ()) -> list[Any]: ...

    @abstractmethod
    def _write(self, query: LiteralString, rows: Iterable[Sequence[Any]]) -> None:
        """Do it for each row, all in one transaction."""


class SqliteShelf(Shelf):
    """In a file, or in memory; the key is a file in the same folder."""

    def __init__(self, db: sqlite3.Connection | None = None, path: Path = Path(IN_MEMORY)) -> None:
        if db is None:
            db = sqlite3.connect(IN_MEMORY, isolation_level=None)
            for statement in SCHEMA:
                db.execute(statement)
        self._db = db
        self._path = path

    def verifier(self) -> str | None:
        path = self._path.parent / VERIFIER_NAME
        return path.read_text(errors="replace") if path.exists() else None

    def keep_verifier(self, verifier: str) -> None:
        write_whole(self._path.parent / VERIFIER_NAME, f"{verifier}\n".encode(), mode=0o644)

    def close(self) -> None:
        self._db.close()

    def _rows(self, query: LiteralString, parameters: Sequence[Any] = ()) -> list[Any]:
        with telling(self._path, MEND):
            return self._db.execute(query, parameters).fetchall()

    def _write(self, query: LiteralString, rows: Iterable[Sequence[Any]]) -> None:
        with telling(self._path, MEND):
            self._db.execute("BEGIN")
            try:
                self._db.executemany(query, rows)
                self._db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._db.rollback()
                raise


class PostgresShelf(Shelf):
    """In the venue's schema, beside its log; `create` makes the tables."""

    def __init__(self, url: str, venue: str) -> None:
        self._session = Session(url, venue)

    def verifier(self) -> str | None:
        rows = self._rows("SELECT verifier FROM verifiers WHERE venue = ?", (self._session.venue,))
        return str(rows[0][0]) if rows else None

    def keep_verifier(self, verifier: str) -> None:
        venue = self._session.venue
        query: Final = "INSERT INTO verifiers VALUES (?, ?) ON CONFLICT (venue) DO NOTHING"
        self._write(query, [(venue, verifier)])
        if self.verifier() != verifier:
            raise StoreError(
                f"the checkpoints of {venue} are signed with another key than this process has: "
                "give the data folder with that key"
            )

    def close(self) -> None:
        self._session.close()

    def _rows(self, query: LiteralString, parameters: Sequence[Any] = ()) -> list[Any]:
        return self._session.rows(query.replace("?", "%s"), parameters)

    def _write(self, query: LiteralString, rows: Iterable[Sequence[Any]]) -> None:
        self._session.write(query.replace("?", "%s"), rows)


def folder_shelf(folder: Path) -> SqliteShelf:
    """Open a data folder's shelf to write to it. Raises StoreError."""
    path = folder / FILE_NAME
    return SqliteShelf(open_database(path, VERSION, SCHEMA, MEND), path)


def read_folder_shelf(folder: Path) -> SqliteShelf:
    """Open a data folder's shelf to read; one that is not there yet is empty."""
    path = folder / FILE_NAME
    return SqliteShelf(read_only(path) if path.exists() else None, path)


def create(url: str, venue: str) -> None:
    """Make the tables of a `PostgresShelf` where they are not there yet."""
    with making(url, venue) as db:
        for table in _POSTGRES_SCHEMA:
            db.execute(table)
