"""Records looked for in the trail itself, newest first, never more than so many at a time."""

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from schemas.envelope import Record, decode_record
from schemas.events import TransferPosted, VenueOpened
from schemas.ids import derive_id
from schemas.parties import VenueTerms
from streams.log import LogReader, Stored

SCANNED_MAX: Final = 10_000  # records that one search looks at
BLOCK: Final = 1_000
_LEDGER: Final = ("ledger",)
_SETTLING: Final = 2_000  # records, far more than lie between a trade's payment and its grant


class Wanted(NamedTuple):
    """Records that name the id `about`, of the type `kind`; an empty text asks for any."""

    about: str
    kind: str

    def among(self, stored: Iterable[Stored]) -> list[tuple[int, Record]]:
        """Return those that fit. In the name of an account an id stands before a `/`; the id of an
        event is its service and sequence.
        """
        service, _, sequence = map(re.escape, self.about.rpartition("-"))
        itself = f'"sequence":{sequence},"source":"[^"]*/{service}"'
        naming = re.compile(f'"{re.escape(self.about)}["/]|{itself}'.encode())
        found = []
        for position, body in stored:
            named = not self.about or naming.search(body)
            if named and (not self.kind or self.kind.encode() in body):
                record = decode_record(body)
                if self.kind in ("", type(record.data).__name__):
                    found.append((position, record))
        return found


def blocks(log: LogReader, before: int) -> Iterator[tuple[int, list[Stored]]]:
    """Yield the records below a position block by block, newest first, each with its lowest
    position.
    """
    end = max(0, before - SCANNED_MAX)
    while before > end:
        begin = max(end, before - BLOCK)
        yield begin, list(log.read(begin, before - begin))[::-1]
        before = begin


def transfers(log: LogReader, trade_id: str, granted_at: int) -> list[tuple[int, TransferPosted]]:
    """Return what was paid when the trade was settled, which its grant at this position followed,
    each with its own position.
    """
    transfer_id = derive_id(trade_id, "trf")
    begin = max(0, granted_at - _SETTLING)
    found = []
    for position, body in log.read(begin, granted_at - begin, _LEDGER):
        if transfer_id.encode() in body and position < granted_at:
            event = decode_record(body).data
            if isinstance(event, TransferPosted) and event.id == transfer_id:
                found.append((position, event))
    return found


def opened_with(log: LogReader) -> VenueTerms:
    """Return the terms that the first record of the ledger opened the venue with.

    Raises LookupError before that.
    """
    for _, body in log.read(0, 1, _LEDGER):
        event = decode_record(body).data
        if isinstance(event, VenueOpened):
            return event.terms
    raise LookupError("the venue has not been opened yet")
