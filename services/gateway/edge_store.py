"""The edge's own store: tokens, webhooks, and the answers to calls about them, on no topic."""

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from services.database import open_database, put_to_rest, wake
from services.gateway.problems import key_reused

FILE_NAME: Final = "edge.sqlite3"
VERSION: Final = 3
MEND: Final = "restore it from a backup, or delete it: all tokens then have to be issued again"
CALLS_KEPT_MAX: Final = 100_000  # answers kept for a retry; the oldest go first
_UPGRADES: Final = {  # from version -> what leads to the next
    0: (
        """
        CREATE TABLE IF NOT EXISTS tokens (
            hash TEXT PRIMARY KEY, id TEXT NOT NULL UNIQUE, party_id TEXT NOT NULL,
            role TEXT NOT NULL, expires_at_ms INTEGER, revoked INTEGER NOT NULL DEFAULT 0
        ) STRICT
        """,
    ),
    1: (
        """ALTER TABLE tokens ADD COLUMN scopes TEXT NOT NULL DEFAULT '["*"]'""",
        "ALTER TABLE tokens ADD COLUMN at_ms INTEGER NOT NULL DEFAULT 0",
        "CREATE INDEX tokens_of_party ON tokens (party_id)",
        """
        CREATE TABLE calls (
            number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, digest TEXT NOT NULL,
            status INTEGER NOT NULL, result TEXT NOT NULL, at_ms INTEGER NOT NULL
        ) STRICT
        """,
    ),
    2: (
        """
        CREATE TABLE webhooks (
            number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, party_id TEXT NOT NULL,
            target_url TEXT NOT NULL, kinds TEXT NOT NULL, from_position INTEGER NOT NULL,
            at_ms INTEGER NOT NULL, status TEXT NOT NULL DEFAULT 'active',
            reason TEXT NOT NULL DEFAULT '', failures INTEGER NOT NULL DEFAULT 0,
            secret_number INTEGER NOT NULL DEFAULT 1, rotated_at_ms INTEGER NOT NULL DEFAULT 0
        ) STRICT
        """,
        "CREATE INDEX webhooks_of_party ON webhooks (party_id)",
        """
        CREATE TABLE deliveries (
            number INTEGER PRIMARY KEY, webhook_id TEXT NOT NULL, message_id TEXT NOT NULL,
            kind TEXT NOT NULL, body TEXT NOT NULL, status TEXT NOT NULL,
            attempts INTEGER NOT NULL, due_at_ms INTEGER NOT NULL, at_ms INTEGER NOT NULL,
            answer TEXT NOT NULL, UNIQUE (webhook_id, message_id)
        ) STRICT
        """,
        "CREATE INDEX deliveries_due ON deliveries (webhook_id, status, due_at_ms)",
        "CREATE TABLE webhook_cursor (position INTEGER NOT NULL) STRICT",
        "INSERT INTO webhook_cursor VALUES (0)",
    ),
}
Answer = tuple[int, dict[str, Any]]


class EdgeStore:
    """Reads go beside the one writer: a token is looked up while another call commits.

    Raises StoreError when the file is broken or of a newer version.
    """

    def __init__(self, folder: Path) -> None:
        self._path = path = folder / FILE_NAME
        wake(path, MEND)
        self._writer = open_database(path, VERSION, (), MEND, _UPGRADES)
        self._reader = open_database(path, VERSION, (), MEND)
        for db in (self._writer, self._reader):
            db.row_factory = sqlite3.Row
        self._writing = threading.Lock()
        self._reading = threading.Lock()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All that is done inside is kept together, or nothing of it."""
        with self._writing:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            finally:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")

    def rows(self, query: str, parameters: tuple[Any, ...] = ()) -> list[sqlite3.Row]:
        with self._reading:
            return self._reader.execute(query, parameters).fetchall()

    def once(
        self, call_id: str, digest: str, at_ms: int, act: Callable[[sqlite3.Connection], Answer]
    ) -> Answer:
        """Carry a call out the first time; later return what it then answered.

        The answer is kept in the clear, so it must hold no secret. Raises Problem 422 when other
        content came under this id before, and whatever `act` raises, then keeping nothing.
        """
        with self.transaction() as db:
            query = "SELECT digest, status, result FROM calls WHERE id = ?"
            known = db.execute(query, (call_id,)).fetchone()
            if known is not None:
                if known["digest"] != digest:
                    raise key_reused()
                return known["status"], json.loads(known["result"])
            status, result = act(db)
            row = (call_id, digest, status, json.dumps(result), at_ms)
            db.execute("INSERT INTO calls VALUES (NULL, ?, ?, ?, ?, ?)", row)
            db.execute(
                "DELETE FROM calls WHERE number <= (SELECT max(number) FROM calls) - ?",
                (CALLS_KEPT_MAX,),
            )
            return status, result

    def close(self) -> None:
        with self._writing, self._reading:
            self._reader.close()
            self._writer.close()
            put_to_rest(self._path)
