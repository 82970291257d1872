"""The edge store's file before its tables had the one history of `services.migrations`."""

from typing import Final

UPGRADES: Final = {  # from version -> what leads to the next
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
    3: (  # rows are numbered in a column of their own, as PostgreSQL has no other way
        """
        CREATE TABLE tokens_numbered (
            number INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, id TEXT NOT NULL UNIQUE,
            party_id TEXT NOT NULL, role TEXT NOT NULL, expires_at_ms INTEGER,
            revoked INTEGER NOT NULL DEFAULT 0, scopes TEXT NOT NULL DEFAULT '["*"]',
            at_ms INTEGER NOT NULL DEFAULT 0
        ) STRICT
        """,
        """
        INSERT INTO tokens_numbered
        SELECT rowid, hash, id, party_id, role, expires_at_ms, revoked, scopes, at_ms FROM tokens
        """,
        "DROP TABLE tokens",
        "ALTER TABLE tokens_numbered RENAME TO tokens",
        "CREATE INDEX tokens_of_party ON tokens (party_id)",
    ),
}
