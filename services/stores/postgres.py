"""A venue's schema in PostgreSQL, shared by the processes of a cluster.

What one process may do at a time is held by advisory locks, which end with whoever had them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateSchema
from sqlmodel import Session

from schemas.topics import PARTITION_OF_VENUE
from services.database import StoreError
from services.migrations import migrate
from streams.faults import words
from streams.postgres import ABOUT, SETTINGS, lock_number

ASKING_CONNECTIONS_MAX: Final = 8  # of one gateway, for what is read over HTTP
WORKING_CONNECTIONS_MAX: Final = 6  # of its threads: calls about the edge itself, the webhooks
WAIT_S_MAX: Final = 5  # for one of those to come free
DRIVER: Final = "postgresql+psycopg"
T = TypeVar("T")


class PostgresSchema:
    """Opened at the newest revision: of several processes one migrates while the others wait."""

    shared = True

    def __init__(self, url: str, venue: str) -> None:
        """`url` is postgresql://USER@HOST:PORT/NAME. Raises StoreError when it cannot be used."""
        if venue not in PARTITION_OF_VENUE:
            known = ", ".join(PARTITION_OF_VENUE)
            raise StoreError(f"there is no venue {venue!r}; there are {known}")
        address = _parsed(url)
        self._venue = venue
        self._name = f"{address.set(query={}).render_as_string()}, venue {venue},"
        settings = {**SETTINGS, "search_path": f'"{venue}"'}
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        about = {**ABOUT, **address.query, "options": options}
        more: dict[str, Any] = {"connect_args": about, "hide_parameters": True}
        parsed = address.set(drivername=DRIVER, query={})
        pooled = {**more, "max_overflow": 0, "pool_timeout": WAIT_S_MAX}
        self.engine = create_engine(parsed, pool_size=WORKING_CONNECTIONS_MAX, **pooled)
        self._lasting = create_engine(parsed, poolclass=NullPool, **more)  # one for each lease
        self._asking = create_async_engine(parsed, pool_size=ASKING_CONNECTIONS_MAX, **pooled)
        try:
            with self.telling(), self.engine.begin() as db:
                _wait_for(db, lock_number(venue, "migration"))
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
            raise StoreError(f"{self._name} cannot be used: {words(error)}") from error

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        with self.engine.begin() as db:
            _wait_for(db, lock_number(self._venue, "edge"))
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
        return _Lease(self._lasting, lock_number(self._venue, name))

    async def leave(self) -> None:
        await self._asking.dispose()

    def close(self) -> None:
        self.engine.dispose()


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
            with self.begin() as db:
                self._has = bool(db.execute(question).scalar_one())
        except DBAPIError:
            self.release()
        return self._has

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        assert self._db is not None, "a lease is taken before anything is done under it"
        try:
            with self._db.begin():
                yield self._db
        except DBAPIError as error:
            if error.connection_invalidated:  # or SQLAlchemy would go on with another, without it
                self.release()
            raise

    def release(self) -> None:
        db, self._db, self._has = self._db, None, False
        if db is not None:
            with suppress(DBAPIError):
                db.close()


def _wait_for(db: Connection, key: int) -> None:
    """Wait for the lock, and have it until the transaction ends."""
    db.execute(select(func.pg_advisory_xact_lock(key)))


def _parsed(url: str) -> URL:
    try:
        address = make_url(url)
    except (ArgumentError, ValueError):
        raise StoreError(
            "that is no address of a database: write postgresql://USER@HOST:PORT/NAME"
        ) from None  # its own text shows the address, password and all
    return address.set(drivername="postgresql")
