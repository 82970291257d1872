"""The projector: turns log records into read-model rows, its place in the log in the same
transaction.
"""

import hashlib
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Final

import msgspec
from sqlalchemy import Connection

from schemas import events as e
from schemas.base import Command, SchemaError
from schemas.commands import TimePassed
from schemas.envelope import Record, decode_record, encode
from services.gateway import tables as t
from services.gateway.projections import APPLY
from services.gateway.projections.common import post
from services.gateway.rows import Rows, look_up
from streams.log import LogBroken, Stored

_NAME: Final = "gateway"


class Projector:
    """The one that writes: `begin` opens its transactions."""

    def __init__(self, begin: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._begin = begin
        self._rows = Rows()
        with begin() as db:
            self.position = projected(db)

    def project(self, records: Iterable[Stored]) -> int:
        """Apply records in order, all in one transaction; return the position then reached.

        Raises LogBroken at a record that cannot be applied: to pass over it would show what is not
        so.
        """
        position = self.position
        with self._begin() as db:
            self._rows.db = db
            for position, body in records:
                try:
                    self._apply(decode_record(body), position)
                except (SchemaError, AssertionError, LookupError) as error:
                    raise LogBroken(f"record {position} does not fit: {error!r}") from error
                position += 1
            self._rows.put(t.ProjectionRow, name=_NAME, position=position)
            self._rows.flush()
        self._rows.db = None
        self.position = position
        return position

    def _apply(self, record: Record, position: int) -> None:
        apply = APPLY.get(type(record.data))
        if apply is not None:
            apply(self._rows, record.data, position)
        _trace(self._rows, record, position)


def projected(db: Connection) -> int:
    """Return the position that the read models have reached."""
    row = look_up(db, t.ProjectionRow, _NAME)
    return 0 if row is None else int(row["position"])


def digest(command: Command) -> str:
    """Return what tells a command's content from another's: a hash of all but times and nonces."""
    bare = msgspec.structs.replace(command, at_ms=0)
    for name, none in (("nonce", "0" * 32), ("release_nonce", "")):
        if hasattr(bare, name):
            bare = msgspec.structs.replace(bare, **{name: none})
    return hashlib.sha256(encode(bare)).hexdigest()[:32]


def _trace(rows: Rows, record: Record, position: int) -> None:
    message = record.data
    if isinstance(message, Command):
        if not isinstance(message, TimePassed) and rows.find(t.CommandRow, message.id) is None:
            rows.put(
                t.CommandRow,
                position=position,
                id=message.id,
                type=type(message).__name__,
                digest=digest(message),
                status="accepted",
                reason="",
                at_ms=message.at_ms,
            )
        return
    if isinstance(message, e.FundsReserved | e.FundsReleased | e.TransferPosted | e.UsageCharged):
        post(rows, message, record.correlationid, position)
