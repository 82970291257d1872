"""Bearer tokens: opaque, stored hashed, scoped, revocable. They are the edge's own, on no topic.

A token is made from its id with the edge's secret (HMAC-SHA256), so the same call again gives the
same token although none is kept.
"""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, bindparam, func, or_, select, update

from schemas.parties import Role
from services.columns import insert_into
from services.gateway.edge_store import EdgeStore
from services.gateway.edge_tables import TOKENS
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

    def add(self, db: Connection, principal: Principal, at_ms: int) -> None:
        """Keep a token under `principal.token_id`; the same again changes nothing."""
        kept = insert_into(TOKENS, db.dialect.name).on_conflict_do_nothing()
        db.execute(
            kept.values(
                hash=_hash(self.token(principal.token_id)),
                id=principal.token_id,
                party_id=principal.party_id,
                role=principal.role.value,
                expires_at_ms=principal.expires_at_ms,
                scopes=json.dumps(sorted(principal.scopes)),
                at_ms=at_ms,
            )
        )

    def issue(self, principal: Principal, at_ms: int) -> str:
        with self._store.transaction() as db:
            self.add(db, principal, at_ms)
        return self.token(principal.token_id)

    async def principal(self, token: str, now_ms: int) -> Principal | None:
        """Return whose token it is; None when it is unknown, expired or revoked."""
        found = await self._store.ask(lambda db: db.execute(_VALID, {"hash": _hash(token)}).first())
        if found is None or (found.expires_at_ms is not None and found.expires_at_ms <= now_ms):
            return None
        return _principal(found)

    @staticmethod
    def find(db: Connection, token_id: str) -> Principal | None:
        """Return whose token has this id, valid or not."""
        found = db.execute(select(TOKENS).where(TOKENS.c.id == token_id)).first()
        return None if found is None else _principal(found)

    @staticmethod
    def of_party(db: Connection, party_id: str, limit: int, after: int) -> list[TokenView]:
        """Return a party's tokens as they may be shown, the oldest first."""
        query = select(TOKENS).where(TOKENS.c.party_id == party_id, TOKENS.c.number > after)
        return [_view(row) for row in db.execute(query.order_by(TOKENS.c.number).limit(limit))]

    @staticmethod
    def count_valid(db: Connection, party_id: str, now_ms: int) -> int:
        ends = TOKENS.c.expires_at_ms
        valid = (TOKENS.c.revoked == 0, or_(ends.is_(None), ends > now_ms))
        query = select(func.count()).where(TOKENS.c.party_id == party_id, *valid)
        return int(db.execute(query).scalar_one())

    @staticmethod
    def revoke(db: Connection, token_id: str) -> None:
        db.execute(update(TOKENS).where(TOKENS.c.id == token_id).values(revoked=1))


_VALID: Final = select(TOKENS).where(TOKENS.c.hash == bindparam("hash"), TOKENS.c.revoked == 0)


def scope_of(tag: str, method: str) -> str:
    """Return the scope a route needs: by its noun, and by whether it changes anything."""
    return f"{tag}:{'read' if method == 'GET' else 'write'}"


def _principal(row: Row[Any]) -> Principal:
    return Principal(
        row.party_id,
        Role(row.role),
        frozenset(json.loads(row.scopes)),
        row.id,
        row.expires_at_ms,
    )


def _view(row: Row[Any]) -> TokenView:
    return TokenView(
        position=row.number,
        id=row.id,
        party_id=row.party_id,
        role=row.role,
        scopes=json.loads(row.scopes),
        expires_at_ms=row.expires_at_ms,
        revoked=bool(row.revoked),
        at_ms=row.at_ms,
    )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
