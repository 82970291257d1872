"""The log in PostgreSQL: one schema for each venue, one append table keyed by position, one writer.

The writer holds a lock of its session, so its connection must be its own (no pooler between), and
once that is lost the lock is too: it never connects again. Readers do.
"""

import hashlib
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, LiteralString

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from schemas.topics import PARTITION_OF_VENUE
from streams.faults import explain
from streams.log import (
    READ_LIMIT_MAX,
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

FORMAT_VERSION: Final = 1
SERVER_VERSION_MIN: Final = 150_000
RETRY_SECONDS: Final = 0.5  # while another process writes
STALLED_MS_MAX: Final = 15_000  # in a transaction, before its session is ended
ABOUT: Final = {  # of each connection; the URL may say otherwise
    "application_name": "databourse",
    "connect_timeout": "5",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
}
SETTINGS: Final = {  # of each session; the server, too, must find out who is gone: it has the lock
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "idle_in_transaction_session_timeout": str(STALLED_MS_MAX),
}
_READING: Final = {  # by the index, whatever the planner knows of the table yet
    "enable_sort": "off",
}
MIGRATE: Final = "run `databourse migrate`"

_TABLES: Final[tuple[LiteralString, ...]] = (
    'CREATE TABLE meta (key text COLLATE "C" PRIMARY KEY, value text NOT NULL)',
    "CREATE TABLE records (position bigint PRIMARY KEY, topic smallint NOT NULL, "
    "body bytea NOT NULL)",
    'CREATE TABLE heads (name text COLLATE "C" PRIMARY KEY, value bigint NOT NULL) '
    "WITH (fillfactor = 50)",  # each commit changes them
    'CREATE TABLE snapshots (service text COLLATE "C" NOT NULL, position bigint NOT NULL, '
    "state_version integer NOT NULL, body bytea NOT NULL, PRIMARY KEY (service, position))",
)
_HAS_TABLES: Final = "SELECT to_regclass('meta') IS NOT NULL"
_SET: Final = (
    "SELECT set_config(name, value, false) FROM unnest(%s::text[], %s::text[]) AS s(name, value)"
)
_COPY: Final = "COPY records (position, topic, body) FROM STDIN (FORMAT binary)"
_COPY_TYPES: Final = ("int8", "int2", "bytea")
_READ: Final = "SELECT position, body FROM records WHERE position >= %s ORDER BY position LIMIT %s"
_READ_TOPICS: Final = (
    "SELECT position, body FROM records WHERE position >= %s AND topic = ANY(%s) "
    "ORDER BY position LIMIT %s"
)
_KEEP_HEADS: Final = (
    "INSERT INTO heads SELECT * FROM unnest(%s::text[], %s::bigint[]) "
    "ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)
_KEEP_SNAPSHOT: Final = (
    "INSERT INTO snapshots VALUES (%s, %s, %s, %s) ON CONFLICT (service, position) "
    "DO UPDATE SET state_version = excluded.state_version, body = excluded.body"
)
_DROP_SNAPSHOTS: Final = (
    "DELETE FROM snapshots WHERE service = %s AND position NOT IN (SELECT position FROM snapshots "
    "WHERE service = %s ORDER BY position DESC LIMIT %s)"
)


class Session:
    """A connection to a venue's schema, for several threads; made again after it was lost."""

    def __init__(self, url: str, venue: str) -> None:
        """Raises LogError for no URL or no venue, LogBroken when the server does not answer."""
        if venue not in PARTITION_OF_VENUE:
            raise LogError(
                f"there is no venue {venue!r}; there are {', '.join(PARTITION_OF_VENUE)}"
            )
        self.venue = venue
        self._url = url
        self._turn = threading.Lock()
        self._db = connect(url, venue)

    @property
    def db(self) -> psycopg.Connection[Any]:
        with self._turn:
            if self._db.closed:
                self._db = connect(self._url, self.venue)
            return self._db

    def rows(self, query: LiteralString, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with telling():
            return self.db.execute(query, parameters, binary=True).fetchall()

    def write(self, query: LiteralString, rows: Iterable[Sequence[Any]]) -> None:
        """Do it for each row, all in one transaction; one thread at a time."""
        db = self.db
        with telling(), db.transaction():
            db.cursor().executemany(query, rows)

    def close(self) -> None:
        self._db.close()


class PostgresReader:
    """Reads a log, also while its writer is at work; several threads may share one.

    A lost connection is a LogBroken once; the next call connects again.
    """

    def __init__(self, url: str, venue: str = "gx") -> None:
        self.venue = venue
        self._session = Session(url, venue)
        try:
            _check_meta(self._session)
        except BaseException:
            self._session.close()
            raise

    @property
    def size(self) -> int:
        return int(self._rows("SELECT coalesce(max(position) + 1, 0) FROM records")[0][0])

    def read(
        self, start: int, limit: int = READ_LIMIT_MAX, topics: Collection[str] | None = None
    ) -> Sequence[Stored]:
        if topics is None:
            rows = self._rows(_READ, (start, limit))
        else:
            numbers = sorted(TOPIC_NUMBER[topic] for topic in topics)
            rows = self._rows(_READ_TOPICS, (start, numbers, limit))
        return [Stored(position, body) for position, body in rows]

    def heads(self) -> dict[str, int]:
        return checked(dict(self._rows("SELECT name, value FROM heads")))

    def snapshots(self, service: str) -> Sequence[Snapshot]:
        query: Final = "SELECT * FROM snapshots WHERE service = %s ORDER BY position DESC"
        return [Snapshot(*row) for row in self._rows(query, (service,))]

    def close(self) -> None:
        self._session.close()

    def _rows(self, query: LiteralString, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._session.rows(query, parameters)


class PostgresLog(PostgresReader):
    """The writer, one thread at a time. Holds the venue's lock until it is closed or the process
    ends.
    """

    def __init__(self, url: str, venue: str = "gx") -> None:
        """Raises LogInUse while another process writes; `when_free` waits for its end."""
        super().__init__(url, venue)
        self._db = self._session.db
        try:
            _check_durable(self._session)
            key = lock_number(venue, "log")
            if not self._rows("SELECT pg_try_advisory_lock(%s)", (key,))[0][0]:
                raise LogInUse(
                    f"another process writes venue {venue} in this database; stop that one first"
                )
            self._size = super().size
            self._heads = self.heads()
        except BaseException:
            self.close()
            raise
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
        try:
            with self._db.transaction():
                self._write(first, entries, heads, snapshots)
        except psycopg.Error as error:
            self._broken = explain(error)
            raise LogBroken(
                f"the commit failed and nothing of it is acknowledged: {self._broken}"
            ) from error
        self._size = first + len(entries)
        self._heads.update(heads)
        return first

    def _rows(self, query: LiteralString, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Read on the connection that has the lock, and on no other."""
        with telling():
            return self._db.execute(query, parameters, binary=True).fetchall()

    def _write(
        self,
        first: int,
        entries: Sequence[Entry],
        heads: Mapping[str, int],
        snapshots: Iterable[Snapshot],
    ) -> None:
        cursor = self._db.cursor()
        if entries:
            with cursor.copy(_COPY) as copy:
                copy.set_types(_COPY_TYPES)
                for position, (topic, body) in enumerate(entries, start=first):
                    copy.write_row((position, TOPIC_NUMBER[topic], body))
        if heads:
            summed = with_sum(heads, self._heads)
            cursor.execute(_KEEP_HEADS, (list(summed), list(summed.values())))
        for snapshot in snapshots:
            cursor.execute(_KEEP_SNAPSHOT, snapshot)
            cursor.execute(_DROP_SNAPSHOTS, (snapshot.service, snapshot.service, SNAPSHOTS_KEPT))


def when_free(url: str, venue: str, stopping: threading.Event) -> PostgresLog:
    """Return the writer as soon as no other process is it. Raises LogInUse when `stopping` is set
    before.
    """
    while True:
        try:
            return PostgresLog(url, venue)
        except LogInUse:
            if stopping.wait(RETRY_SECONDS):
                raise


def create(url: str, venue: str = "gx") -> None:
    """Make the venue's schema and the log's tables where they are not there yet."""
    with making(url, venue) as db:
        if db.execute(_HAS_TABLES).fetchone() == (True,):
            return
        for table in _TABLES:
            db.execute(table)
        for item in {"format": str(FORMAT_VERSION), "venue": venue}.items():
            db.execute("INSERT INTO meta VALUES (%s, %s)", item)


@contextmanager
def making(url: str, venue: str) -> Iterator[psycopg.Connection[Any]]:
    """Yield a connection to make tables with in the venue's schema, one process at a time, all or
    nothing.
    """
    session = Session(url, venue)
    try:
        db = session.db
        with telling(), db.transaction():
            db.execute("SELECT pg_advisory_xact_lock(%s)", (lock_number(venue, "migration"),))
            db.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(venue)))
            yield db
    finally:
        session.close()


def connect(url: str, venue: str) -> psycopg.Connection[Any]:
    """Return a connection to the venue's schema that commits each statement by itself.

    Raises LogError when that is no URL, LogBroken when nobody answers there; both without the
    password.
    """
    try:
        said = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise LogError(
            "that is no address of a database: write postgresql://USER@HOST:PORT/NAME"
        ) from None  # its own text shows the address, password and all
    settings = {**SETTINGS, **_READING, "search_path": f'"{venue}"'}
    with telling():
        db = psycopg.connect("", autocommit=True, **{**ABOUT, **said})  # type: ignore[arg-type]
        try:
            db.execute(_SET, (list(settings), list(settings.values())))
        except BaseException:
            db.close()
            raise
    return db


def lock_number(venue: str, name: str) -> int:
    """Return the number of an advisory lock of this venue; locks are of one database."""
    digest = hashlib.sha256(f"databourse/{venue}/{name}".encode()).digest()
    return int.from_bytes(digest[:8], signed=True)


@contextmanager
def telling() -> Iterator[None]:
    """Turn PostgreSQL's errors while reading into the log's own."""
    try:
        yield
    except psycopg.Error as error:
        raise LogBroken(f"the log's database cannot be used: {explain(error)}") from error


def _check_meta(session: Session) -> None:
    if session.rows(_HAS_TABLES)[0] == (False,):
        raise LogError(f"the database holds no market of venue {session.venue}; {MIGRATE}")
    meta = dict(session.rows("SELECT key, value FROM meta"))
    version = int(meta["format"])
    if version > FORMAT_VERSION:
        raise LogVersion(
            f"the log was written by a newer databourse (format {version}, this one knows up to "
            f"{FORMAT_VERSION}); update databourse, nothing was changed"
        )
    assert meta["venue"] == session.venue, "a venue's schema bears its name"


def _check_durable(session: Session) -> None:
    """Raises LogError when the server would not keep what it commits."""
    if session.db.info.server_version < SERVER_VERSION_MIN:
        raise LogError(f"PostgreSQL is too old; take {SERVER_VERSION_MIN // 10_000} or newer")
    query: Final = "SELECT current_setting(name) FROM unnest(%s::text[]) AS s(name)"
    names = ["fsync", "synchronous_commit", "in_hot_standby"]
    fsync, synchronous, standby = (value for (value,) in session.rows(query, (names,)))
    if fsync != "on" or synchronous == "off":
        raise LogError(
            f"PostgreSQL would lose what it commits (fsync {fsync}, synchronous_commit "
            f"{synchronous}); switch both on"
        )
    if standby == "on":
        raise LogError("that PostgreSQL is a standby and takes nothing; give the primary's address")
