"""Bearer tokens: opaque, stored hashed, scoped, revocable. They are the edge's own, on no topic.

A token is made from its id with the edge's secret (HMAC-SHA256), so the same call again gives the
same token although none is kept.
"""

import hashlib
import hmac
import json
import sqlite3
from base64 import urlsafe_b64encode
from typing import Final, NamedTuple

from schemas.parties import Role
from services.gateway.edge_store import EdgeStore
from services.gateway.tables import TokenView

PREFIX: Final = "dbt_"
TOKEN_BYTES: Final = 24
EVERYTHING: Final = "*"
TOKENS_PER_PARTY_MAX: Final = 200  # that are valid at one time


class Principal(NamedTuple):
    """Who speaks: a party in one of its roles, by a token of these scopes."""

    party_id: str
    role: Role
    scopes: frozenset[str] = frozenset({EVERYTHING})
    token_id: str = ""
    expires_at_ms: int | None = None

    def may(self, scope: str) -> bool:
        return EVERYTHING in self.scopes or scope in self.scopes


class TokenStore:
    def __init__(self, store: EdgeStore, secret: bytes) -> None:
        self._store = store
        self._secret = secret

    def token(self, token_id: str) -> str:
        """Return the token itself, which is shown to nobody but whom it was issued to."""
        digest = hmac.digest(self._secret, f"token/{token_id}".encode(), "sha256")
        return PREFIX + urlsafe_b64encode(digest[:TOKEN_BYTES]).decode()

    def add(self, db: sqlite3.Connection, principal: Principal, at_ms: int) -> None:
        """Keep a token under `principal.token_id`; the same again changes nothing."""
        db.execute(
            "INSERT OR IGNORE INTO tokens "
            "(hash, id, party_id, role, expires_at_ms, scopes, at_ms) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                _hash(self.token(principal.token_id)),
                principal.token_id,
                principal.party_id,
                principal.role.value,
                principal.expires_at_ms,
                json.dumps(sorted(principal.scopes)),
                at_ms,
            ),
        )

    def issue(self, principal: Principal, at_ms: int) -> str:
        with self._store.transaction() as db:
            self.add(db, principal, at_ms)
        return self.token(principal.token_id)

    def principal(self, token: str, now_ms: int) -> Principal | None:
        """Return whose token it is; None when it is unknown, expired or revoked."""
        query = "SELECT * FROM tokens WHERE hash = ? AND NOT revoked"
        for row in self._store.rows(query, (_hash(token),)):
            if row["expires_at_ms"] is None or row["expires_at_ms"] > now_ms:
                return _principal(row)
        return None

    def find(self, token_id: str) -> Principal | None:
        """Return whose token has this id, valid or not."""
        rows = self._store.rows("SELECT * FROM tokens WHERE id = ?", (token_id,))
        return _principal(rows[0]) if rows else None

    def of_party(self, party_id: str, limit: int, after: int) -> list[TokenView]:
        """Return a party's tokens as they may be shown, the oldest first."""
        query = (
            "SELECT rowid AS position, * FROM tokens WHERE party_id = ? AND rowid > ? "
            "ORDER BY rowid LIMIT ?"
        )
        return [
            TokenView(
                **{name: row[name] for name in ("position", "id", "party_id", "role", "at_ms")},
                scopes=json.loads(row["scopes"]),
                expires_at_ms=row["expires_at_ms"],
                revoked=bool(row["revoked"]),
            )
            for row in self._store.rows(query, (party_id, after, limit))
        ]

    @staticmethod
    def count_valid(db: sqlite3.Connection, party_id: str, now_ms: int) -> int:
        query = (
            "SELECT count(*) FROM tokens WHERE party_id = ? AND NOT revoked "
            "AND ifnull(expires_at_ms, ?) > ?"
        )
        return int(db.execute(query, (party_id, now_ms + 1, now_ms)).fetchone()[0])

    @staticmethod
    def revoke(db: sqlite3.Connection, token_id: str) -> None:
        db.execute("UPDATE tokens SET revoked = 1 WHERE id = ?", (token_id,))


def scope_of(tag: str, method: str) -> str:
    """Return the scope a route needs: by its noun, and by whether it changes anything."""
    return f"{tag}:{'read' if method == 'GET' else 'write'}"


def _principal(row: sqlite3.Row) -> Principal:
    return Principal(
        row["party_id"],
        Role(row["role"]),
        frozenset(json.loads(row["scopes"])),
        row["id"],
        row["expires_at_ms"],
    )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
