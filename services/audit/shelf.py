"""Where the tree's full tiles, the checkpoints and the public key are kept: in a data folder here,
in the database of a cluster's trail in `services.audit.shared`.
"""

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, LiteralString

from services.database import open_database, read_only, telling

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
    def keep_verifier(self, verifier: str) -> None:
        """Keep it for those who have no data folder. Raises StoreError when there is another."""

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
        """It is in the folder already, where the private key is."""

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


def folder_shelf(folder: Path) -> SqliteShelf:
    """Open a data folder's shelf to write to it. Raises StoreError."""
    path = folder / FILE_NAME
    return SqliteShelf(open_database(path, VERSION, SCHEMA, MEND), path)


def read_folder_shelf(folder: Path) -> SqliteShelf:
    """Open a data folder's shelf to read; one that is not there yet is empty."""
    path = folder / FILE_NAME
    return SqliteShelf(read_only(path) if path.exists() else None, path)
