"""Webhooks and what is to be delivered to them, in the edge's store, with the place in the log."""

import hmac
import json
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    Update,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from schemas.envelope import iso_time
from services.columns import insert_into
from services.gateway.edge_store import EdgeStore
from services.gateway.edge_tables import DELIVERIES, WEBHOOK_CURSOR, WEBHOOKS
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

    @staticmethod
    def add(db: Connection, row: dict[str, Any]) -> None:
        db.execute(insert(WEBHOOKS).values(**row))

    @staticmethod
    def find(db: Connection, webhook_id: str) -> WebhookView | None:
        row = db.execute(select(WEBHOOKS).where(WEBHOOKS.c.id == webhook_id)).first()
        return None if row is None else _webhook(row)

    @staticmethod
    def of_party(db: Connection, party_id: str | None, limit: int, after: int) -> list[WebhookView]:
        """Return a party's webhooks, or everybody's, in the order they were made."""
        query = select(WEBHOOKS).where(WEBHOOKS.c.number > after)
        if party_id is not None:
            query = query.where(WEBHOOKS.c.party_id == party_id)
        rows = db.execute(query.order_by(WEBHOOKS.c.number).limit(limit))
        return [_webhook(row) for row in rows]

    @staticmethod
    def count(db: Connection, party_id: str) -> int:
        query = select(func.count()).where(WEBHOOKS.c.party_id == party_id)
        return int(db.execute(query).scalar_one())

    @staticmethod
    def remove(db: Connection, webhook_id: str) -> None:
        db.execute(delete(DELIVERIES).where(DELIVERIES.c.webhook_id == webhook_id))
        db.execute(delete(WEBHOOKS).where(WEBHOOKS.c.id == webhook_id))

    @staticmethod
    def rotate(db: Connection, webhook_id: str, now_ms: int) -> int:
        """Give a webhook its next secret; return that one's number."""
        change = _changed(
            webhook_id, secret_number=WEBHOOKS.c.secret_number + 1, rotated_at_ms=now_ms
        )
        return int(db.execute(change.returning(WEBHOOKS.c.secret_number)).scalar_one())

    @staticmethod
    def resume(db: Connection, webhook_id: str, from_position: int) -> None:
        """Let a disabled webhook go on, with what is recorded from this position on."""
        again = _changed(
            webhook_id, status="active", reason="", failures=0, from_position=from_position
        )
        db.execute(again.where(WEBHOOKS.c.status == "disabled"))

    # the queue

    def cursor(self) -> int:
        """Return the position before which everything has been queued."""
        query = select(WEBHOOK_CURSOR.c.position)
        return int(self._store.read(lambda db: db.execute(query).scalar_one()))

    def begins_at(self) -> int | None:
        """Return the first position any active webhook asks for; None when there is none."""
        query = select(func.min(WEBHOOKS.c.from_position)).where(WEBHOOKS.c.status == "active")
        return self._store.read(lambda db: db.execute(query).scalar())

    def queue(self, told: Iterable[tuple[int, str, Notice]], cursor: int, now_ms: int) -> None:
        """Queue notices (position, message id, notice) and move the cursor, in one transaction."""
        with self._store.transaction() as db:
            for position, message_id, notice in told:
                query = select(WEBHOOKS.c.id, WEBHOOKS.c.kinds).where(
                    WEBHOOKS.c.party_id == notice.party_id,
                    WEBHOOKS.c.status == "active",
                    WEBHOOKS.c.from_position <= position,
                )
                for webhook_id, kinds in db.execute(query).all():
                    if notice.kind in json.loads(kinds):
                        self.enqueue(db, webhook_id, message_id, notice.kind, notice.data, now_ms)
            place = WEBHOOK_CURSOR.c.position
            db.execute(update(WEBHOOK_CURSOR).where(place < cursor).values(position=cursor))

    @staticmethod
    def enqueue(
        db: Connection,
        webhook_id: str,
        message_id: str,
        kind: str,
        data: dict[str, Any],
        now_ms: int,
    ) -> None:
        """Queue a message, once. A full queue disables the webhook."""
        row = DELIVERIES.c
        waiting = select(func.count()).where(row.webhook_id == webhook_id, row.status == "waiting")
        if db.execute(waiting).scalar_one() >= WAITING_MAX:
            _disable(db, webhook_id, f"{WAITING_MAX} deliveries are waiting already")
            return
        body = {"type": kind, "timestamp": iso_time(data["at_ms"]), "data": data}
        new = insert_into(DELIVERIES, db.dialect.name).on_conflict_do_nothing()
        db.execute(
            new.values(
                webhook_id=webhook_id,
                message_id=message_id,
                kind=kind,
                body=json.dumps(body),
                status="waiting",
                attempts=0,
                due_at_ms=now_ms,
                at_ms=now_ms,
                answer="",
            )
        )

    def due(self, now_ms: int, limit: int) -> list[Due]:
        """Return one delivery of each webhook whose time has come, the longest due first."""
        values = {"now_ms": now_ms, "limit": limit}
        return self._store.read(lambda db: [Due(*row) for row in db.execute(_DUE, values)])

    def delivered(self, due: Due, answer: str) -> None:
        with self._store.transaction() as db:
            _end(db, due, "delivered", answer)
            db.execute(_changed(due.webhook_id, failures=0))

    def failed(self, due: Due, answer: str, again_at_ms: int, *, gone: bool = False) -> None:
        """Note a failed attempt: to be made again then, or the last."""
        with self._store.transaction() as db:
            if due.attempts + 1 >= ATTEMPTS_MAX:
                _end(db, due, "failed", answer)
            else:
                db.execute(_attempted(due, answer, due_at_ms=again_at_ms))
            count = _changed(due.webhook_id, failures=WEBHOOKS.c.failures + 1)
            failures = db.execute(count.returning(WEBHOOKS.c.failures)).scalar()
            if gone:
                _disable(db, due.webhook_id, "the receiver says that it is gone (410)")
            elif failures is not None and failures >= FAILURES_IN_A_ROW_MAX:
                why = f"{failures} attempts in a row failed, last: {answer}"
                _disable(db, due.webhook_id, why)

    # deliveries, as shown

    @staticmethod
    def deliveries(db: Connection, webhook_id: str, limit: int, after: int) -> list[DeliveryView]:
        row = DELIVERIES.c
        query = select(DELIVERIES).where(row.webhook_id == webhook_id, row.number > after)
        return [_delivery(found) for found in db.execute(query.order_by(row.number).limit(limit))]

    @staticmethod
    def delivery(db: Connection, webhook_id: str, message_id: str) -> DeliveryView | None:
        query = select(DELIVERIES).where(*_is(webhook_id, message_id))
        row = db.execute(query).first()
        return None if row is None else _delivery(row)

    @staticmethod
    def send_again(db: Connection, webhook_id: str, message_id: str, now_ms: int) -> None:
        again = update(DELIVERIES).where(*_is(webhook_id, message_id))
        db.execute(again.values(status="waiting", attempts=0, due_at_ms=now_ms))


def _next_due() -> Select[Any]:
    """Ask for the longest due delivery of each active webhook."""
    other = DELIVERIES.alias()
    first = (
        select(other.c.number)
        .where(
            other.c.webhook_id == WEBHOOKS.c.id,
            other.c.status == "waiting",
            other.c.due_at_ms <= bindparam("now_ms"),
        )
        .order_by(other.c.due_at_ms, other.c.number)
        .limit(1)
        .correlate(WEBHOOKS)
        .scalar_subquery()
    )
    row, hook = DELIVERIES.c, WEBHOOKS.c
    shown = (row.number, row.webhook_id, row.message_id, row.body, row.attempts)
    query = select(*shown, hook.target_url, hook.secret_number, hook.rotated_at_ms)
    query = query.select_from(WEBHOOKS.join(DELIVERIES, row.number == first))
    query = query.where(hook.status == "active").order_by(row.due_at_ms, row.number)
    return query.limit(bindparam("limit", type_=Integer))


_DUE: Final = _next_due()


def _end(db: Connection, due: Due, status: str, answer: str) -> None:
    db.execute(_attempted(due, answer, status=status))
    row = DELIVERIES.c
    ended = (row.webhook_id == due.webhook_id, row.status != "waiting")
    oldest = select(row.number).where(*ended).order_by(row.number.desc())
    oldest = oldest.limit(1).offset(ENDED_KEPT_MAX)
    db.execute(delete(DELIVERIES).where(*ended, row.number <= oldest.scalar_subquery()))


def _attempted(due: Due, answer: str, **more: Any) -> Update:
    change = update(DELIVERIES).where(DELIVERIES.c.number == due.number)
    return change.values(attempts=DELIVERIES.c.attempts + 1, answer=answer, **more)


def _disable(db: Connection, webhook_id: str, reason: str) -> None:
    db.execute(_changed(webhook_id, status="disabled", reason=reason))


def _changed(webhook_id: str, **values: Any) -> Update:
    return update(WEBHOOKS).where(WEBHOOKS.c.id == webhook_id).values(**values)


def _is(webhook_id: str, message_id: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return DELIVERIES.c.webhook_id == webhook_id, DELIVERIES.c.message_id == message_id


def _webhook(row: Row[Any]) -> WebhookView:
    names = ("id", "party_id", "target_url", "status", "reason", "at_ms")
    shown = {name: getattr(row, name) for name in names}
    return WebhookView(position=row.number, kinds=json.loads(row.kinds), **shown)


def _delivery(row: Row[Any]) -> DeliveryView:
    names = ("message_id", "webhook_id", "kind", "status", "attempts", "answer", "at_ms")
    due_at_ms = row.due_at_ms if row.status == "waiting" else None
    shown = {name: getattr(row, name) for name in names}
    return DeliveryView(position=row.number, due_at_ms=due_at_ms, **shown)
