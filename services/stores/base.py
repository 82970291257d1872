"""What the edge asks of a database, whichever it is."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from sqlalchemy import Connection, Engine
from sqlmodel import Session
from starlette.concurrency import run_in_threadpool

T = TypeVar("T")


async def worked_out(database: "Database", question: Callable[[Session], T]) -> T:
    """Answer what takes computing too, in a thread."""

    def work() -> T:
        with Session(database.engine, expire_on_commit=False) as session:
            return question(session)

    return await run_in_threadpool(work)


class Lease(Protocol):
    """Work that one process does at a time; the others stand by."""

    def held(self) -> bool:
        """Whether it is this process's now; takes it when it is free. Never raises."""

    def begin(self) -> AbstractContextManager[Connection]:
        """Open a transaction, which cannot be committed once the lease has been lost."""

    def release(self) -> None: ...


class Database(Protocol):
    """`engine` is for threads; what the event loop asks goes through `ask` and `query`."""

    @property
    def engine(self) -> Engine: ...

    @property
    def shared(self) -> bool:
        """Whether other processes may be at work in it."""

    def telling(self) -> AbstractContextManager[None]:
        """Turn the database's errors into a StoreError that says where and what to do."""

    def writing(self) -> AbstractContextManager[Connection]:
        """Open a transaction, beside which nobody has another of these. All that is done inside is
        kept together, or nothing of it.
        """

    async def ask(self, question: Callable[[Connection], T]) -> T:
        """Answer what is looked up by a key."""

    async def query(self, question: Callable[[Session], T]) -> T:
        """Answer with a page of rows; the event loop goes on while the database looks for them."""

    def lease(self, name: str) -> Lease: ...

    async def leave(self) -> None:
        """Close what belongs to the running event loop."""

    def close(self) -> None: ...
