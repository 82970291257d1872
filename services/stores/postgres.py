"""A venue's schema in PostgreSQL, shared by the processes of a cluster.

What one process may do at a time is held by advisory locks, which end with whoever had them.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final, TypeVar

from sqlalchemy import Connection, Engine, create_engine, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateSchema
from sqlmodel import Session

from services.database import StoreError
from services.migrations import migrate
from streams.faults import words

ASKING_CONNECTIONS_MAX: Final = 8  # of one gateway, for what is read over HTTP
WORKING_CONNECTIONS_MAX: Final = 6  # of its threads: calls about the edge itself, the webhooks
WAIT_S_MAX: Final = 5  # for a connection of those to come free, and for the server to take one
STALLED_MS_MAX: Final = 15_000  # in a transaction: a process that stands still must not stop others
DRIVER: Final = "postgresql+psycopg"
MEND: Final = "look whether PostgreSQL runs and takes connections there"
T = TypeVar("T")


class PostgresSchema:
    """Opened at the newest revision: of several processes one migrates while the others wait."""

    shared = True

    def __init__(self, url: str, venue: str) -> None:
        """`url` is postgresql://USER@HOST:PORT/NAME. Raises StoreError when it cannot be used."""
        try:
            parsed = make_url(url).set(drivername=DRIVER)
        except ArgumentError as error:
            raise StoreError(
                "that is no address; write postgresql://USER@HOST:PORT/NAME"
            ) from error
        self._venue = venue
        self._name = f"{parsed.set(drivername='postgresql').render_as_string()}, venue {venue}"
        settings = (
            f'-c search_path="{venue}" -c idle_in_transaction_session_timeout={STALLED_MS_MAX}'
        )
        about = {
            "options": settings,
            "connect_timeout": WAIT_S_MAX,
            "application_name": "databourse",
        }
        more = {"connect_args": about, "hide_parameters": True}
        pooled = {**more, "max_overflow": 0, "pool_timeout": WAIT_S_MAX}
        self.engine = create_engine(parsed, pool_size=WORKING_CONNECTIONS_MAX, **pooled)
        self._lasting = create_engine(parsed, poolclass=NullPool, **more)  # one for each lease
        self._asking = create_async_engine(parsed, pool_size=ASKING_CONNECTIONS_MAX, **pooled)
        try:
            with self.telling(), self.engine.begin() as db:
                _wait_for(db, self._key("migration"))
                db.execute(CreateSchema(venue, if_not_exists=True))
                migrate(db)
        except BaseException:
            self.engine.dispose()
            raise

    @contextmanager
    def telling(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, PoolTimeout) as error:
            raise StoreError(f"{self._name} cannot be used: {words(error)}; {MEND}") from error

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        with self.engine.begin() as db:
            _wait_for(db, self._key("edge"))
            yield db

    async def ask(self, question: Callable[[Connection], T]) -> T:
        async with self._asking.connect() as db:
            return await db.run_sync(question)

    async def query(self, question: Callable[[Session], T]) -> T:
        async with AsyncSession(
            self._asking, expire_on_commit=False, sync_session_class=Session
        ) as session:
            return await session.run_sync(question)  # type: ignore[arg-type]

    def lease(self, name: str) -> "_Lease":
        return _Lease(self._lasting, self._key(name))

    async def leave(self) -> None:
        await self._asking.dispose()

    def close(self) -> None:
        self.engine.dispose()

    def _key(self, name: str) -> int:
        """Return the number of an advisory lock of this venue; they are the database's."""
        digest = hashlib.sha256(f"databourse/{self._venue}/{name}".encode()).digest()
        return int.from_bytes(digest[:8], signed=True)


class _Lease:
    """Held by a connection of its own, on which its transactions run too: who has lost the one
    cannot commit the other.
    """

    def __init__(self, engine: Engine, key: int) -> None:
        self._engine = engine
        self._key = key
        self._db: Connection | None = None
        self._has = False

    def held(self) -> bool:
        question = select(1) if self._has else select(func.pg_try_advisory_lock(self._key))
        try:
            if self._db is None:
                self._db = self._engine.connect()
            with self._db.begin():
                self._has = bool(self._db.execute(question).scalar_one())
        except DBAPIError:
            self.release()
        return self._has

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        assert self._db is not None, "a lease is taken before anything is done under it"
        with self._db.begin():
            yield self._db

    def release(self) -> None:
        db, self._db, self._has = self._db, None, False
        if db is not None:
            with suppress(DBAPIError):
                db.close()


def _wait_for(db: Connection, key: int) -> None:
    """Wait for the lock, and have it until the transaction ends."""
    db.execute(select(func.pg_advisory_xact_lock(key)))
