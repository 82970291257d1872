"""The tables of what concerns the edge alone: nothing here can be made again from the log."""

from typing import Final

from sqlalchemy import Column, Index, MetaData, Table, UniqueConstraint

from services.columns import TEXT, WIDE

EDGE: Final = MetaData()


def _numbered(name: str, *parts: Column[str] | Column[int] | Index | UniqueConstraint) -> Table:
    """Return a table whose rows are numbered in the order they came."""
    return Table(name, EDGE, Column("number", WIDE, primary_key=True), *parts, sqlite_strict=True)


def _text(name: str, default: str | None = None, *, unique: bool = False) -> Column[str]:
    return Column(name, TEXT, nullable=False, unique=unique, server_default=default)


def _integer(name: str, default: str | None = None) -> Column[int]:
    return Column(name, WIDE, nullable=False, server_default=default)


TOKENS: Final = _numbered(
    "tokens",
    _text("hash", unique=True),
    _text("id", unique=True),
    _text("party_id"),
    _text("role"),
    Column("expires_at_ms", WIDE),
    _integer("revoked", "0"),
    _text("scopes", '["*"]'),
    _integer("at_ms", "0"),
    Index("tokens_of_party", "party_id"),
)
CALLS: Final = _numbered(
    "calls",
    _text("id", unique=True),
    _text("digest"),
    _integer("status"),
    _text("result"),
    _integer("at_ms"),
)
WEBHOOKS: Final = _numbered(
    "webhooks",
    _text("id", unique=True),
    _text("party_id"),
    _text("target_url"),
    _text("kinds"),
    _integer("from_position"),
    _integer("at_ms"),
    _text("status", "active"),
    _text("reason", ""),
    _integer("failures", "0"),
    _integer("secret_number", "1"),
    _integer("rotated_at_ms", "0"),
    Index("webhooks_of_party", "party_id"),
)
DELIVERIES: Final = _numbered(
    "deliveries",
    _text("webhook_id"),
    _text("message_id"),
    _text("kind"),
    _text("body"),
    _text("status"),
    _integer("attempts"),
    _integer("due_at_ms"),
    _integer("at_ms"),
    _text("answer"),
    UniqueConstraint("webhook_id", "message_id"),
    Index("deliveries_due", "webhook_id", "status", "due_at_ms"),
)
WEBHOOK_CURSOR: Final = Table(
    "webhook_cursor",  # of one row
    EDGE,
    Column("position", WIDE, nullable=False),
    sqlite_strict=True,
)
