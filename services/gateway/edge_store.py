"""The edge's own store: tokens, webhooks, and the answers to calls about them, on no topic."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, delete, func, insert, select

from services.gateway.edge_tables import CALLS
from services.gateway.problems import key_reused
from services.stores.base import Database

CALLS_KEPT_MAX: Final = 100_000  # answers kept for a retry; the oldest go first
Answer = tuple[int, dict[str, Any]]
T = TypeVar("T")


class EdgeStore:
    """Reads go beside the one writer: a token is looked up while another call commits."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def transaction(self) -> AbstractContextManager[Connection]:
        """All that is done inside is kept together, or nothing of it. One at a time, of all
        processes.
        """
        return self.database.writing()

    def read(self, question: Callable[[Connection], T]) -> T:
        """For threads; the event loop has `ask`."""
        with self.database.engine.connect() as db:
            return question(db)

    async def ask(self, question: Callable[[Connection], T]) -> T:
        return await self.database.ask(question)

    def once(
        self, call_id: str, digest: str, at_ms: int, act: Callable[[Connection], Answer]
    ) -> Answer:
        """Carry a call out the first time; later return what it then answered.

        The answer is kept in the clear, so it must hold no secret. Raises Problem 422 when other
        content came under this id before, and whatever `act` raises, then keeping nothing.
        """
        with self.transaction() as db:
            known = db.execute(select(CALLS).where(CALLS.c.id == call_id)).first()
            if known is not None:
                if known.digest != digest:
                    raise key_reused()
                return known.status, json.loads(known.result)
            status, result = act(db)
            row = {"id": call_id, "digest": digest, "status": status, "at_ms": at_ms}
            db.execute(insert(CALLS).values(result=json.dumps(result), **row))
            newest = select(func.max(CALLS.c.number)).scalar_subquery()
            db.execute(delete(CALLS).where(CALLS.c.number <= newest - CALLS_KEPT_MAX))
            return status, result
