"""Bearer tokens: opaque, random, stored hashed, revocable. They are the edge's own, on no topic."""

import hashlib
import secrets
import threading
from pathlib import Path
from typing import Final, NamedTuple

from schemas.parties import Role
from services.database import open_database

FILE_NAME: Final = "edge.sqlite3"
VERSION: Final = 1
MEND: Final = "restore it from a backup, or delete it: all tokens then have to be issued again"
PREFIX: Final = "dbt_"
TOKEN_BYTES: Final = 24
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS tokens (
    hash TEXT PRIMARY KEY, id TEXT NOT NULL UNIQUE, party_id TEXT NOT NULL, role TEXT NOT NULL,
    expires_at_ms INTEGER, revoked INTEGER NOT NULL DEFAULT 0
) STRICT
"""


class Principal(NamedTuple):
    """Who speaks: a party in one of its roles."""

    party_id: str
    role: Role


class TokenStore:
    def __init__(self, folder: Path) -> None:
        self._db = open_database(folder / FILE_NAME, VERSION, [_SCHEMA], MEND)
        self._turn = threading.Lock()

    def issue(self, principal: Principal, expires_at_ms: int | None = None) -> tuple[str, str]:
        """Return the token's id and the token, which is shown only now."""
        token = PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
        token_id = f"tok_{secrets.token_hex(8)}"
        row = (_hash(token), token_id, principal.party_id, principal.role.value, expires_at_ms)
        with self._turn:
            self._db.execute("INSERT INTO tokens VALUES (?, ?, ?, ?, ?, 0)", row)
        return token_id, token

    def principal(self, token: str, now_ms: int) -> Principal | None:
        """Return whose token it is; None when it is unknown, expired or revoked."""
        query = "SELECT party_id, role, expires_at_ms FROM tokens WHERE hash = ? AND NOT revoked"
        with self._turn:
            row = self._db.execute(query, (_hash(token),)).fetchone()
        if row is None or (row[2] is not None and row[2] <= now_ms):
            return None
        return Principal(row[0], Role(row[1]))

    def revoke(self, token_id: str) -> bool:
        """Return whether there was such a token."""
        with self._turn:
            done = self._db.execute("UPDATE tokens SET revoked = 1 WHERE id = ?", (token_id,))
            return done.rowcount == 1

    def close(self) -> None:
        with self._turn:
            self._db.close()


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
