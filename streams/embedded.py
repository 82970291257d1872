"""The embedded log: one SQLite file, one append table keyed by position, one writer."""

import fcntl
import os
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Final

from schemas.topics import PARTITION_OF_VENUE
from streams.faults import DATABASE_FAULTS, explain
from streams.log import (
    READ_LIMIT_MAX,
    RESTORE,
    SNAPSHOTS_KEPT,
    TOPIC_NUMBER,
    Entry,
    LogBroken,
    LogError,
    LogInUse,
    LogVersion,
    Snapshot,
    Stored,
    checked,
    with_sum,
)

FORMAT_VERSION: Final = 3
FILE_NAME: Final = "market.sqlite3"
LOCK_NAME: Final = "market.lock"
BUSY_MS: Final = 10_000
ROWS_PER_INSERT: Final = 64  # Python hands its lock over at every statement, not at every row
WAL_PAGES_MAX: Final = 8_000  # of 4 KiB, after which the write-ahead log is folded into the file

_SCHEMA: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE records (
    position INTEGER PRIMARY KEY, topic INTEGER NOT NULL, body BLOB NOT NULL
) STRICT;
CREATE TABLE heads (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
CREATE TABLE snapshots (
    service TEXT NOT NULL, position INTEGER NOT NULL, state_version INTEGER NOT NULL,
    body BLOB NOT NULL, PRIMARY KEY (service, position)
) STRICT;
"""
_INSERT: Final = "INSERT INTO records VALUES (?, ?, ?)"
_INSERT_MANY: Final = _INSERT + ", (?, ?, ?)" * (ROWS_PER_INSERT - 1)
_MIGRATIONS: Final = {  # from version -> the statement that leads to the next
    1: "ALTER TABLE snapshots RENAME COLUMN rules_version TO state_version",
    2: "DELETE FROM heads WHERE name = 'sum'",  # there is none yet; from here on there is
}


class EmbeddedReader:
    """Reads a log, also while its writer is at work. One thread at a time."""

    def __init__(self, folder: Path) -> None:
        path = folder / FILE_NAME
        if not path.exists():
            raise LogError(f"{folder} holds no market: there is no {FILE_NAME} in it")
        self._db = _connect(f"{path.absolute().as_uri()}?mode=ro")
        self.venue = _check_meta(self._db, folder, migrate=False)
        with _told():
            query = "SELECT value FROM meta WHERE key = 'format'"
            self.format = int(self._db.execute(query).fetchone()[0])

    @property
    def size(self) -> int:
        with _told():
            return int(
                self._db.execute("SELECT ifnull(max(position), -1) + 1 FROM records").fetchone()[0]
            )

    def read(
        self, start: int, limit: int = READ_LIMIT_MAX, topics: Collection[str] | None = None
    ) -> Sequence[Stored]:
        chosen = ""
        if topics is not None:
            numbers = sorted(TOPIC_NUMBER[topic] for topic in topics)
            chosen = f"AND topic IN ({','.join(map(str, numbers))})"
        query = (
            f"SELECT position, body FROM records WHERE position >= ? {chosen} "
            "ORDER BY position LIMIT ?"
        )
        with _told():
            rows = self._db.execute(query, (start, limit)).fetchall()
        return [Stored(position, body) for position, body in rows]

    def heads(self) -> dict[str, int]:
        with _told():
            stored = dict(self._db.execute("SELECT name, value FROM heads").fetchall())
        return checked(stored)

    def snapshots(self, service: str) -> Sequence[Snapshot]:
        query = "SELECT * FROM snapshots WHERE service = ? ORDER BY position DESC"
        with _told():
            return [Snapshot(*row) for row in self._db.execute(query, (service,)).fetchall()]

    def close(self) -> None:
        self._db.close()


class EmbeddedLog(EmbeddedReader):
    """The writer. Holds the folder's lock until it is closed or the process ends."""

    def __init__(self, folder: Path, venue: str = "gx") -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # it holds what is sealed
        self._lock = _lock(folder)
        try:
            self._db = _connect(str(folder / FILE_NAME))
            self.venue = _prepare(self._db, folder, venue)
        except BaseException:
            os.close(self._lock)
            raise
        self._size = super().size
        self._heads = self.heads()
        self._broken = ""

    @property
    def size(self) -> int:
        return self._size

    def append(
        self,
        entries: Sequence[Entry],
        heads: Mapping[str, int],
        snapshots: Iterable[Snapshot] = (),
    ) -> int:
        if self._broken:
            raise LogBroken(
                f"nothing more is taken after a failed commit ({self._broken}); restart"
            )
        first = self._size
        rows = [
            (position, TOPIC_NUMBER[topic], body)
            for position, (topic, body) in enumerate(entries, start=first)
        ]
        try:
            self._commit(rows, heads, list(snapshots))
        except DATABASE_FAULTS as error:
            self._broken = str(error)
            with suppress(sqlite3.Error):
                self._db.rollback()
            raise LogBroken(
                f"the commit failed and nothing of it is acknowledged: {explain(error)}"
            ) from error
        self._size = first + len(rows)
        self._heads.update(heads)
        return first

    def close(self) -> None:
        super().close()
        os.close(self._lock)

    def _commit(
        self,
        rows: Sequence[tuple[int, int, bytes]],
        heads: Mapping[str, int],
        snapshots: Sequence[Snapshot],
    ) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        whole = len(rows) - len(rows) % ROWS_PER_INSERT
        for start in range(0, whole, ROWS_PER_INSERT):
            chunk = rows[start : start + ROWS_PER_INSERT]
            self._db.execute(_INSERT_MANY, tuple(chain.from_iterable(chunk)))
        self._db.executemany(_INSERT, rows[whole:])
        if heads:
            summed = with_sum(heads, self._heads)
            self._db.executemany("REPLACE INTO heads VALUES (?, ?)", summed.items())
        for snapshot in snapshots:
            self._db.execute("REPLACE INTO snapshots VALUES (?, ?, ?, ?)", snapshot)
            self._db.execute(
                "DELETE FROM snapshots WHERE service = ? AND position NOT IN (SELECT position FROM "
                "snapshots WHERE service = ? ORDER BY position DESC LIMIT ?)",
                (snapshot.service, snapshot.service, SNAPSHOTS_KEPT),
            )
        self._db.execute("COMMIT")


def is_in_use(folder: Path) -> bool:
    """Whether a process has the folder open for writing."""
    try:
        lock = os.open(folder / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _lock(folder: Path) -> int:
    """Take the folder for this process; the system lets it go when the process ends, however it
    does.
    """
    lock = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise LogInUse(
            f"{folder} is in use by another process; stop that one or choose another folder"
        ) from error
    return lock


def _connect(path: str) -> sqlite3.Connection:
    with _told():
        return sqlite3.connect(
            path,
            uri=path.startswith("file:"),
            isolation_level=None,
            check_same_thread=False,
            timeout=BUSY_MS / 1000,
        )


def _prepare(db: sqlite3.Connection, folder: Path, venue: str) -> str:
    with _told():
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES_MAX}")
        journal = db.execute("PRAGMA journal_mode").fetchone()[0]
        synchronous = db.execute("PRAGMA synchronous").fetchone()[0]
        assert (journal, synchronous) == ("wal", 2), (
            "SQLite does not promise to keep what it commits"
        )
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
            db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA}")
            meta = {"format": str(FORMAT_VERSION), "venue": venue}
            db.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
            db.execute("COMMIT")
    return _check_meta(db, folder, migrate=True)


def _check_meta(db: sqlite3.Connection, folder: Path, *, migrate: bool) -> str:
    """Return the folder's venue. Raises LogVersion when its format is not ours and cannot become
    so.
    """
    try:
        meta = dict(db.execute("SELECT key, value FROM meta").fetchall())
        version = int(meta["format"])
    except (sqlite3.Error, KeyError, ValueError) as error:
        raise LogBroken(
            f"{folder / FILE_NAME} is not a market's log: {error}; {RESTORE}"
        ) from error
    if version > FORMAT_VERSION:
        raise LogVersion(
            f"{folder} was written by a newer databourse (format {version}, this one knows up to "
            f"{FORMAT_VERSION}); update databourse, nothing was changed"
        )
    while migrate and version < FORMAT_VERSION:
        db.execute("BEGIN IMMEDIATE")
        db.execute(_MIGRATIONS[version])
        version += 1
        db.execute("UPDATE meta SET value = ? WHERE key = 'format'", (str(version),))
        db.execute("COMMIT")
    if meta.get("venue") not in PARTITION_OF_VENUE:
        raise LogBroken(f"{folder} is of no known venue: {meta.get('venue')!r}; {RESTORE}")
    return str(meta["venue"])


class _told:
    """Turns SQLite's errors while reading into the log's own."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, DATABASE_FAULTS):
            raise LogBroken(f"the log cannot be read: {explain(error)}; {RESTORE}") from error
