"""Webhooks and what is to be delivered to them, in the edge's store, with the place in the log."""

import hmac
import json
import sqlite3
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from schemas.envelope import iso_time
from services.gateway.edge_store import EdgeStore
from services.gateway.tables import DeliveryView, WebhookView
from services.gateway.webhooks.kinds import Notice

SECRET_BYTES: Final = 32
OVERLAP_MS: Final = 24 * 3_600_000  # for which the secret before the last still signs
WEBHOOKS_PER_PARTY_MAX: Final = 20
WAITING_MAX: Final = 1_000  # deliveries of one webhook
ENDED_KEPT_MAX: Final = 200  # ended deliveries of one webhook, to look at and to send again
ATTEMPTS_MAX: Final = 9  # of one delivery: over some thirty hours
FAILURES_IN_A_ROW_MAX: Final = 40  # attempts, after which a webhook is disabled


class Due(NamedTuple):
    """A delivery whose time has come."""

    number: int
    webhook_id: str
    message_id: str
    body: str
    attempts: int
    target_url: str
    secret_number: int
    rotated_at_ms: int


class WebhookStore:
    def __init__(self, store: EdgeStore, secret: bytes, *, private: bool = False) -> None:
        """`private` lets webhooks go to http and to addresses inside."""
        self._store = store
        self._secret = secret
        self.private = private

    def secret(self, webhook_id: str, number: int) -> bytes:
        """Return a webhook's secret of this number; it is kept nowhere."""
        return hmac.digest(self._secret, f"webhook/{webhook_id}/{number}".encode(), "sha256")

    def secrets(self, due: Due, now_ms: int) -> list[bytes]:
        """Return the secrets a message is signed with now: one, or two after a change."""
        overlaps = due.secret_number > 1 and now_ms < due.rotated_at_ms + OVERLAP_MS
        numbers = [due.secret_number, due.secret_number - 1] if overlaps else [due.secret_number]
        return [self.secret(due.webhook_id, number) for number in numbers]

    # webhooks

    def add(self, db: sqlite3.Connection, row: dict[str, Any]) -> None:
        names = ", ".join(row)
        places = ", ".join(f":{name}" for name in row)
        db.execute(f"INSERT INTO webhooks ({names}) VALUES ({places})", row)

    def find(self, webhook_id: str) -> WebhookView | None:
        rows = self._store.rows(f"{_WEBHOOKS} WHERE id = ?", (webhook_id,))
        return _webhook(rows[0]) if rows else None

    def of_party(self, party_id: str | None, limit: int, after: int) -> list[WebhookView]:
        """Return a party's webhooks, or everybody's, in the order they were made."""
        query = f"{_WEBHOOKS} WHERE number > ? AND ifnull(?, party_id) = party_id"
        rows = self._store.rows(f"{query} ORDER BY number LIMIT ?", (after, party_id, limit))
        return [_webhook(row) for row in rows]

    @staticmethod
    def count(db: sqlite3.Connection, party_id: str) -> int:
        query = "SELECT count(*) FROM webhooks WHERE party_id = ?"
        return int(db.execute(query, (party_id,)).fetchone()[0])

    @staticmethod
    def remove(db: sqlite3.Connection, webhook_id: str) -> None:
        db.execute("DELETE FROM deliveries WHERE webhook_id = ?", (webhook_id,))
        db.execute("DELETE FROM webhooks WHERE id = ?", (webhook_id,))

    @staticmethod
    def rotate(db: sqlite3.Connection, webhook_id: str, now_ms: int) -> int:
        """Give a webhook its next secret; return that one's number."""
        query = (
            "UPDATE webhooks SET secret_number = secret_number + 1, rotated_at_ms = ? "
            "WHERE id = ? RETURNING secret_number"
        )
        return int(db.execute(query, (now_ms, webhook_id)).fetchone()[0])

    @staticmethod
    def resume(db: sqlite3.Connection, webhook_id: str, from_position: int) -> None:
        """Let a disabled webhook go on, with what is recorded from this position on."""
        db.execute(
            "UPDATE webhooks SET status = 'active', reason = '', failures = 0, from_position = ? "
            "WHERE id = ? AND status = 'disabled'",
            (from_position, webhook_id),
        )

    # the queue

    def cursor(self) -> int:
        """Return the position before which everything has been queued."""
        return int(self._store.rows("SELECT position FROM webhook_cursor")[0]["position"])

    def begins_at(self) -> int | None:
        """Return the first position any active webhook asks for; None when there is none."""
        query = "SELECT min(from_position) AS first FROM webhooks WHERE status = 'active'"
        first: int | None = self._store.rows(query)[0]["first"]
        return first

    def queue(self, told: Iterable[tuple[int, str, Notice]], cursor: int, now_ms: int) -> None:
        """Queue notices (position, message id, notice) and move the cursor, in one transaction."""
        with self._store.transaction() as db:
            for position, message_id, notice in told:
                query = (
                    "SELECT id FROM webhooks WHERE party_id = ? AND status = 'active' "
                    "AND from_position <= ? AND instr(kinds, json_quote(?))"
                )
                asked = (notice.party_id, position, notice.kind)
                for (webhook_id,) in db.execute(query, asked).fetchall():
                    self.enqueue(db, webhook_id, message_id, notice.kind, notice.data, now_ms)
            db.execute("UPDATE webhook_cursor SET position = ?", (cursor,))

    @staticmethod
    def enqueue(
        db: sqlite3.Connection,
        webhook_id: str,
        message_id: str,
        kind: str,
        data: dict[str, Any],
        now_ms: int,
    ) -> None:
        """Queue a message, once. A full queue disables the webhook."""
        query = "SELECT count(*) FROM deliveries WHERE webhook_id = ? AND status = 'waiting'"
        if db.execute(query, (webhook_id,)).fetchone()[0] >= WAITING_MAX:
            _disable(db, webhook_id, f"{WAITING_MAX} deliveries are waiting already")
            return
        body = json.dumps({"type": kind, "timestamp": iso_time(data["at_ms"]), "data": data})
        db.execute(
            "INSERT OR IGNORE INTO deliveries "
            "(webhook_id, message_id, kind, body, status, attempts, due_at_ms, at_ms, answer) "
            "VALUES (?, ?, ?, ?, 'waiting', 0, ?, ?, '')",
            (webhook_id, message_id, kind, body, now_ms, now_ms),
        )

    def due(self, now_ms: int, limit: int) -> list[Due]:
        """Return one delivery of each webhook whose time has come, the longest due first."""
        query = """
            SELECT d.number, d.webhook_id, d.message_id, d.body, d.attempts, w.target_url,
                   w.secret_number, w.rotated_at_ms
            FROM webhooks w JOIN deliveries d ON d.number = (
                SELECT number FROM deliveries WHERE webhook_id = w.id AND status = 'waiting'
                AND due_at_ms <= ? ORDER BY due_at_ms, number LIMIT 1)
            WHERE w.status = 'active' ORDER BY d.due_at_ms, d.number LIMIT ?
        """
        return [Due(*row) for row in self._store.rows(query, (now_ms, limit))]

    def delivered(self, due: Due, answer: str) -> None:
        with self._store.transaction() as db:
            self._end(db, due, "delivered", answer)
            db.execute("UPDATE webhooks SET failures = 0 WHERE id = ?", (due.webhook_id,))

    def failed(self, due: Due, answer: str, again_at_ms: int, *, gone: bool = False) -> None:
        """Note a failed attempt: to be made again then, or the last."""
        with self._store.transaction() as db:
            if due.attempts + 1 >= ATTEMPTS_MAX:
                self._end(db, due, "failed", answer)
            else:
                db.execute(
                    "UPDATE deliveries SET attempts = attempts + 1, due_at_ms = ?, answer = ? "
                    "WHERE number = ?",
                    (again_at_ms, answer, due.number),
                )
            query = "UPDATE webhooks SET failures = failures + 1 WHERE id = ? RETURNING failures"
            row = db.execute(query, (due.webhook_id,)).fetchone()
            if gone:
                _disable(db, due.webhook_id, "the receiver says that it is gone (410)")
            elif row is not None and row[0] >= FAILURES_IN_A_ROW_MAX:
                _disable(db, due.webhook_id, f"{row[0]} attempts in a row failed, last: {answer}")

    def _end(self, db: sqlite3.Connection, due: Due, status: str, answer: str) -> None:
        db.execute(
            "UPDATE deliveries SET status = ?, attempts = attempts + 1, answer = ? "
            "WHERE number = ?",
            (status, answer, due.number),
        )
        db.execute(
            "DELETE FROM deliveries WHERE number IN (SELECT number FROM deliveries "
            "WHERE webhook_id = ? AND status != 'waiting' ORDER BY number DESC LIMIT -1 OFFSET ?)",
            (due.webhook_id, ENDED_KEPT_MAX),
        )

    # deliveries, as shown

    def deliveries(self, webhook_id: str, limit: int, after: int) -> list[DeliveryView]:
        query = (
            "SELECT * FROM deliveries WHERE webhook_id = ? AND number > ? ORDER BY number LIMIT ?"
        )
        return [_delivery(row) for row in self._store.rows(query, (webhook_id, after, limit))]

    @staticmethod
    def delivery(db: sqlite3.Connection, webhook_id: str, message_id: str) -> DeliveryView | None:
        query = "SELECT * FROM deliveries WHERE webhook_id = ? AND message_id = ?"
        row = db.execute(query, (webhook_id, message_id)).fetchone()
        return None if row is None else _delivery(row)

    @staticmethod
    def send_again(db: sqlite3.Connection, webhook_id: str, message_id: str, now_ms: int) -> None:
        db.execute(
            "UPDATE deliveries SET status = 'waiting', attempts = 0, due_at_ms = ? "
            "WHERE webhook_id = ? AND message_id = ?",
            (now_ms, webhook_id, message_id),
        )


_WEBHOOKS: Final = "SELECT number AS position, * FROM webhooks"


def _disable(db: sqlite3.Connection, webhook_id: str, reason: str) -> None:
    db.execute(
        "UPDATE webhooks SET status = 'disabled', reason = ? WHERE id = ?", (reason, webhook_id)
    )


def _webhook(row: sqlite3.Row) -> WebhookView:
    names = ("position", "id", "party_id", "target_url", "status", "reason", "at_ms")
    return WebhookView(kinds=json.loads(row["kinds"]), **{name: row[name] for name in names})


def _delivery(row: sqlite3.Row) -> DeliveryView:
    names = ("message_id", "webhook_id", "kind", "status", "attempts", "answer", "at_ms")
    due_at_ms = row["due_at_ms"] if row["status"] == "waiting" else None
    return DeliveryView(
        position=row["number"], due_at_ms=due_at_ms, **{name: row[name] for name in names}
    )
