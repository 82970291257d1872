"""A file of a data folder. The folder has one process, so nothing is shared."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from services.database import StoreError, open_database, put_to_rest, wake
from services.migrations import migrate
from services.stores.base import worked_out
from streams.faults import DATABASE_FAULTS, words

BUSY_MS_MAX: Final = 10_000
T = TypeVar("T")


class SqliteFile:
    """Opened at the newest revision. One that is `kept` holds what cannot be made again: each
    commit is forced, and a hash tells a change made while it is closed.
    """

    shared = False

    def __init__(
        self,
        path: Path,
        part: str,
        mend: str,
        *,
        kept: bool = False,
        older: Mapping[int, Iterable[str]] | None = None,
    ) -> None:
        """`older` leads from each version before the history to the next, the last to its first
        revision. Raises StoreError when the file is broken or of a newer version.
        """
        self._path = path
        self._mend = mend
        self._kept = kept
        self._writer = threading.Lock()
        self._asked = threading.Lock()
        self.engine = _engine(path, "FULL" if kept else "NORMAL")
        try:
            with self.telling():
                if kept:
                    wake(path, mend)
                if older and path.exists():
                    open_database(path, max(older) + 1, (), mend, older).close()
                with self.writing() as db:
                    migrate(db, (part,))
                self._asking = self.engine.connect().execution_options(begin="")
        except BaseException:
            self.engine.dispose()
            raise

    @contextmanager
    def telling(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, *DATABASE_FAULTS) as error:
            told = f"{self._path} cannot be used: {words(error)}; {self._mend}"
            raise StoreError(told) from error

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        with self._writer, self.engine.connect() as db:
            db = db.execution_options(begin="BEGIN IMMEDIATE")
            with db.begin():
                yield db

    async def ask(self, question: Callable[[Connection], T]) -> T:
        """A look-up in a file is shorter than the way to another thread, and of one statement: it
        needs no transaction, nor a connection of its own.
        """
        with self._asked:
            return question(self._asking)

    async def query(self, question: Callable[[Session], T]) -> T:
        return await worked_out(self, question)

    def lease(self, name: str) -> "_Own":
        return _Own(self.engine)

    async def leave(self) -> None:
        """Nothing belongs to an event loop here."""

    def close(self) -> None:
        with self._writer, self._asked:
            self._asking.close()
            self.engine.dispose()
            if self._kept:
                put_to_rest(self._path)


class _Own:
    """The lease of work in a folder: there is one process, which has it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._db: Connection | None = None

    def held(self) -> bool:
        return True

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        self._db = self._db or self._engine.connect()
        with self._db.begin():
            yield self._db

    def release(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None


def _engine(path: Path, synchronous: str) -> Engine:
    engine = create_engine(f"sqlite:///{path}", hide_parameters=True)

    @event.listens_for(engine, "connect")
    def on_connect(connection: DBAPIConnection, record: object) -> None:
        connection.isolation_level = None  # transactions begin where SQLAlchemy says, not Python
        cursor = connection.cursor()
        for pragma in (
            "journal_mode = WAL",
            f"synchronous = {synchronous}",
            f"busy_timeout = {BUSY_MS_MAX}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def on_begin(db: Connection) -> None:
        if begin := db.get_execution_options().get("begin", "BEGIN"):
            db.connection.cursor().execute(begin)

    return engine
