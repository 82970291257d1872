"""Status lists out of the read models, signed at most once a second each."""

import threading
from typing import Any, Final

from sqlmodel import Session, col, select

from schemas.base import INTEGER_MAX
from services.credentials import status
from services.credentials.keys import GrantKeys
from services.credentials.signed import sign
from services.credentials.status import LIST_BITS, Purpose
from services.gateway import tables as t

SIGNED_AGAIN_MS: Final = 1_000
NUMBER_MAX: Final = INTEGER_MAX // LIST_BITS
_STATUS_OF: Final = {
    Purpose.REVOCATION: ("exhausted", "expired", "revoked"),
    Purpose.SUSPENSION: ("suspended",),
}


class SignedLists:
    """The newest signed list of each purpose and number."""

    def __init__(self, issuer: str, keys: GrantKeys) -> None:
        self._issuer = issuer
        self._keys = keys
        self._turn = threading.Lock()
        self._made: dict[tuple[Purpose, int], tuple[int, str]] = {}

    def get(self, session: Session, purpose: Purpose, number: int, at_ms: int) -> str | None:
        """Return the signed list, at most a second old; None where no grant has a place yet."""
        counter = session.get(t.CounterRow, "grants")
        if number and (counter is None or counter.value <= number * LIST_BITS):
            return None
        with self._turn:
            made_at_ms, token = self._made.get((purpose, number), (-SIGNED_AGAIN_MS, ""))
            if not made_at_ms <= at_ms < made_at_ms + SIGNED_AGAIN_MS:
                bits = _bits(session, purpose, number)
                body = status.status_list(self._issuer, purpose, number, bits, at_ms)
                token = sign(body, self._keys.current)
                self._made[purpose, number] = (at_ms, token)
        return token


def _bits(session: Session, purpose: Purpose, number: int) -> list[int]:
    first = number * LIST_BITS
    row: Any = t.GrantRow
    query = select(row.status_index).where(
        col(t.GrantRow.status).in_(_STATUS_OF[purpose]),
        row.status_index >= first,
        row.status_index < first + LIST_BITS,
    )
    return [index - first for index in session.exec(query).all()]
