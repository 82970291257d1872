"""The tables as they were when the history began. Of the edge's, those of version 4 of its file."""

from typing import Any, Final

from alembic import op
from sqlalchemy import JSON, Boolean, Column, UniqueConstraint

from services.columns import TEXT, WIDE
from services.migrations import EDGE, READ_MODELS
from services.migrations.steps import changes

revision: Final = "0001"
down_revision: Final = None


def upgrade() -> None:
    if changes(READ_MODELS):
        _parties_and_money()
        _catalogue()
        _deals()
        _grants()
        _projection()
    if changes(EDGE):
        _edge()


def _indexes(table: str, *columns: str) -> None:
    for column in columns:
        op.create_index(f"ix_{table}_{column}", table, [column])


def _numbered(name: str, *columns: Column[Any] | UniqueConstraint) -> None:
    op.create_table(name, Column("number", WIDE, primary_key=True), *columns, sqlite_strict=True)


def _parties_and_money() -> None:
    op.create_table(
        "parties",
        Column("position", WIDE, nullable=False),
        Column("id", TEXT, primary_key=True),
        Column("name", TEXT, nullable=False),
        Column("kind", TEXT, nullable=False),
        Column("roles", JSON, nullable=False),
        Column("credit_code", TEXT, nullable=False),
        Column("controller_id", TEXT),
        Column("status", TEXT, nullable=False),
        Column("verified", Boolean, nullable=False),
        Column("verification", TEXT, nullable=False),
        Column("evidence", TEXT, nullable=False),
        Column("reason", TEXT, nullable=False),
        Column("at_ms", WIDE, nullable=False),
    )
    _indexes("parties", "position")
    op.create_table(
        "balances",
        Column("position", WIDE, nullable=False),
        Column("account", TEXT, primary_key=True),
        Column("owner_id", TEXT, nullable=False),
        Column("currency", TEXT, nullable=False),
        Column("kind", TEXT, nullable=False),
        Column("balance_minor", WIDE, nullable=False),
    )
    _indexes("balances", "position", "owner_id")
    op.create_table(
        "postings",
        Column("position", WIDE, primary_key=True),
        Column("number", WIDE, primary_key=True),
        Column("account", TEXT, nullable=False),
        Column("owner_id", TEXT, nullable=False),
        Column("currency", TEXT, nullable=False),
        Column("amount_minor", WIDE, nullable=False),
        Column("balance_minor", WIDE, nullable=False),
        Column("event", TEXT, nullable=False),
        Column("cause_id", TEXT, nullable=False),
        Column("at_ms", WIDE, nullable=False),
    )
    op.create_index("statement", "postings", ["owner_id", "position", "number"])


def _catalogue() -> None:
    op.create_table(
        "data_sets",
        Column("position", WIDE, nullable=False),
        Column("id", TEXT, primary_key=True),
        Column("supplier_id", TEXT, nullable=False),
        Column("title", TEXT, nullable=False),
        Column("revision", WIDE, nullable=False),
        Column("content", JSON, nullable=False),
        Column("at_ms", WIDE, nullable=False),
    )
    _indexes("data_sets", "position", "supplier_id")
    op.create_table(
        "revisions",
        Column("position", WIDE, nullable=False),
        Column("id", TEXT, primary_key=True),
        Column("data_set_id", TEXT, nullable=False),
        Column("revision", WIDE, nullable=False),
        Column("content", JSON, nullable=False),
        Column("at_ms", WIDE, nullable=False),
    )
    _indexes("revisions", "position", "data_set_id")
    op.create_table(
        "listings",
        Column("position", WIDE, nullable=False),
        Column("id", TEXT, primary_key=True),
        Column("supplier_id", TEXT, nullable=False),
        Column("data_set_id", TEXT),
        Column("status", TEXT, nullable=False),
        Column("mode", TEXT, nullable=False),
        Column("field", TEXT, nullable=False),
        Column("title_zh", TEXT, nullable=False),
        Column("title_en", TEXT, nullable=False),
        Column("entry", JSON, nullable=False),
        Column("offer", JSON, nullable=False),
        Column("grant_terms", JSON, nullable=False),
        Column("acceptance_sha256", TEXT, nullable=False),
        Column("expires_at_ms", WIDE),
        Column("reason", TEXT, nullable=False),
        Column("at_ms", WIDE, nullable=False),
    )
    _indexes("listings", "position", "supplier_id", "status", "mode", "field")
    op.create_table(
        "access_requests",
        Column("position", WIDE, nullable=False),
        Column("id", TEXT, primary_key=True),
        Column("listing_id", TEXT, nullable=False),
        Column("supplier_id", TEXT, nullable=False),
        Column("buyer_id", TEXT, nullable=False),
        Column("conditional", Boolean, nullable=False),
        Column("status", TEXT, nullable=False),
        Column("waits_for", TEXT),
        Column("due_ms", WIDE),
        Column("overdue_since_ms", WIDE),
        Column("challenge_until_ms", WIDE),
        Column("trade_id", TEXT),
        Column("grant_id", TEXT),
        Column("purpose", TEXT, nullable=False),
        Column("accepted_sha256", TEXT, nullable=False),
        Column("reason", TEXT, nullable=False),
        Column("scores", JSON),
        Column("steps", JSON, nullable=False),
        Column("at_ms", WIDE, nullable=False),
    )
    _indexes(
        "access_requests",
        "position",
        "listing_id",
        "supplier_id",
        "buyer_id",
        "status",
        "overdue_since_ms",
    )
    op.create_table(
        "calendar",
        Column("position", WIDE, nullable=False),
        Column("id", TEXT, primary_key=True),
        Column("name", TEXT, nullable=False),
        Column("source", TEXT, nullable=False),
        Column("first_day", TEXT, nullable=False),
        Column("last_day", TEXT, nullable=False),
        Column("holidays", JSON, nullable=False),
        Column("workdays", JSON, nullable=False),
    )
    _indexes("calendar", "position")


def _deals() -> None:
    op.create_table(
        "auctions",
        Column("position", WIDE, nullable=False),
        Column("id", TEXT, primary_key=True),
        Column("listing_id", TEXT, nullable=False),
        Column("supplier_id", TEXT, nullable=False),
        Column("format", TEXT, nullable=False),
        Column("sealed", Boolean, nullable=False),
        Column("status", TEXT, nullable=False),
        Column("currency", TEXT, nullable=False),
        Column("price_minor", WIDE, nullable=False),
        Column("start_price_minor", WIDE, nullable=False),
        Column("reserve_price_minor", WIDE),
        Column("reserve_met", Boolean),
        Column("licences", WIDE, nullable=False),
        Column("licences_sold", WIDE, nullable=False),
        Column("awards", WIDE, nullable=False),
        Column("bid_count", WIDE, nullable=False),
        Column("extensions", WIDE, nullable=False),
        Column("starts_at_ms", WIDE, nullable=False),
        Column("ends_at_ms", WIDE, nullable=False),
        Column("terms", JSON, nullable=False),
        Column("winner_id", TEXT),
        Column("reason", TEXT, nullable=False),
        Column("follows", TEXT),
        Column("relisted_as", TEXT),
    )
    _indexes("auctions", "position", "listing_id", "status")
    op.create_table(
        "auction_secrets",
        Column("id", TEXT, primary_key=True),
        Column("reserve_price_minor", WIDE, nullable=False),
    )
    op.create_table(
        "bids",
        Column("position", WIDE, nullable=False),
        Column("id", TEXT, primary_key=True),
        Column("auction_id", TEXT, nullable=False),
        Column("bidder_id", TEXT, nullable=False),
        Column("status", TEXT, nullable=False),
        Column("max_price_minor", WIDE, nullable=False),
        Column("further_minor", JSON, nullable=False),
        Column("price_minor", WIDE),
        Column("licences_won", WIDE, nullable=False),
        Column("currency", TEXT, nullable=False),
        Column("reason", TEXT, nullable=False),
        Column("at_ms", WIDE, nullable=False),
    )
    op.create_index("auction_bids", "bids", ["auction_id", "at_ms"])
    _indexes("bids", "position", "bidder_id")
    op.create_table(
        "trades",
        Column("position", WIDE, nullable=False),
        Column("id", TEXT, primary_key=True),
        Column("mode", TEXT, nullable=False),
        Column("listing_id", TEXT, nullable=False),
        Column("supplier_id", TEXT, nullable=False),
        Column("buyer_id", TEXT, nullable=False),
        Column("deal_id", TEXT, nullable=False),
        Column("request_id", TEXT, nullable=False),
        Column("grant_id", TEXT, nullable=False),
        Column("currency", TEXT),
        Column("price_minor", WIDE, nullable=False),
        Column("quantity", WIDE, nullable=False),
        Column("settled", Boolean, nullable=False),
        Column("at_ms", WIDE, nullable=False),
    )
    _indexes("trades", "position", "mode", "listing_id", "supplier_id", "buyer_id")


def _grants() -> None:
    op.create_table(
        "grants",
        Column("position", WIDE, nullable=False),
        Column("id", TEXT, primary_key=True),
        Column("trade_id", TEXT, nullable=False),
        Column("listing_id", TEXT, nullable=False),
        Column("data_set_id", TEXT, nullable=False),
        Column("content_sha256", TEXT, nullable=False),
        Column("revision", WIDE, nullable=False),
        Column("follows_revisions", Boolean, nullable=False),
        Column("accepted_sha256", TEXT, nullable=False),
        Column("supplier_id", TEXT, nullable=False),
        Column("buyer_id", TEXT, nullable=False),
        Column("status", TEXT, nullable=False),
        Column("reason", TEXT, nullable=False),
        Column("policy", JSON, nullable=False),
        Column("tariff", JSON),
        Column("currency", TEXT),
        Column("licences", WIDE, nullable=False),
        Column("used", WIDE, nullable=False),
        Column("charged_minor", WIDE, nullable=False),
        Column("fees_minor", WIDE, nullable=False),
        Column("prepaid_minor", WIDE, nullable=False),
        Column("refunded_minor", WIDE, nullable=False),
        Column("status_index", WIDE, nullable=False),
        Column("expires_at_ms", WIDE),
        Column("purpose", TEXT, nullable=False),
        Column("at_ms", WIDE, nullable=False),
    )
    _indexes(
        "grants", "position", "listing_id", "supplier_id", "buyer_id", "status", "status_index"
    )
    op.create_table(
        "usage",
        Column("position", WIDE, nullable=False),
        Column("id", TEXT, primary_key=True),
        Column("grant_id", TEXT, nullable=False),
        Column("buyer_id", TEXT, nullable=False),
        Column("status", TEXT, nullable=False),
        Column("quantity", WIDE, nullable=False),
        Column("used_total", WIDE, nullable=False),
        Column("charge_minor", WIDE, nullable=False),
        Column("fee_minor", WIDE, nullable=False),
        Column("reason", TEXT, nullable=False),
        Column("delivery", JSON),
        Column("at_ms", WIDE, nullable=False),
    )
    _indexes("usage", "position", "grant_id", "buyer_id")


def _projection() -> None:
    op.create_table(
        "commands",
        Column("position", WIDE, nullable=False),
        Column("id", TEXT, primary_key=True),
        Column("type", TEXT, nullable=False),
        Column("status", TEXT, nullable=False),
        Column("reason", TEXT, nullable=False),
        Column("at_ms", WIDE, nullable=False),
        Column("digest", TEXT, nullable=False),
    )
    _indexes("commands", "position")
    op.create_table(
        "counters",
        Column("name", TEXT, primary_key=True),
        Column("value", WIDE, nullable=False),
    )
    op.create_table(
        "projection",
        Column("name", TEXT, primary_key=True),
        Column("position", WIDE, nullable=False),
    )


def _edge() -> None:
    _numbered(
        "tokens",
        Column("hash", TEXT, nullable=False, unique=True),
        Column("id", TEXT, nullable=False, unique=True),
        Column("party_id", TEXT, nullable=False),
        Column("role", TEXT, nullable=False),
        Column("expires_at_ms", WIDE),
        Column("revoked", WIDE, nullable=False, server_default="0"),
        Column("scopes", TEXT, nullable=False, server_default='["*"]'),
        Column("at_ms", WIDE, nullable=False, server_default="0"),
    )
    op.create_index("tokens_of_party", "tokens", ["party_id"])
    _numbered(
        "calls",
        Column("id", TEXT, nullable=False, unique=True),
        Column("digest", TEXT, nullable=False),
        Column("status", WIDE, nullable=False),
        Column("result", TEXT, nullable=False),
        Column("at_ms", WIDE, nullable=False),
    )
    _numbered(
        "webhooks",
        Column("id", TEXT, nullable=False, unique=True),
        Column("party_id", TEXT, nullable=False),
        Column("target_url", TEXT, nullable=False),
        Column("kinds", TEXT, nullable=False),
        Column("from_position", WIDE, nullable=False),
        Column("at_ms", WIDE, nullable=False),
        Column("status", TEXT, nullable=False, server_default="active"),
        Column("reason", TEXT, nullable=False, server_default=""),
        Column("failures", WIDE, nullable=False, server_default="0"),
        Column("secret_number", WIDE, nullable=False, server_default="1"),
        Column("rotated_at_ms", WIDE, nullable=False, server_default="0"),
    )
    op.create_index("webhooks_of_party", "webhooks", ["party_id"])
    _numbered(
        "deliveries",
        Column("webhook_id", TEXT, nullable=False),
        Column("message_id", TEXT, nullable=False),
        Column("kind", TEXT, nullable=False),
        Column("body", TEXT, nullable=False),
        Column("status", TEXT, nullable=False),
        Column("attempts", WIDE, nullable=False),
        Column("due_at_ms", WIDE, nullable=False),
        Column("at_ms", WIDE, nullable=False),
        Column("answer", TEXT, nullable=False),
        UniqueConstraint("webhook_id", "message_id"),
    )
    op.create_index("deliveries_due", "deliveries", ["webhook_id", "status", "due_at_ms"])
    op.create_table(
        "webhook_cursor",
        Column("position", WIDE, nullable=False),
        sqlite_strict=True,
    )
    op.execute("INSERT INTO webhook_cursor VALUES (0)")
    if op.get_context().dialect.name == "sqlite":
        op.execute("PRAGMA user_version = 4")  # the file's versions before this history end at 3
