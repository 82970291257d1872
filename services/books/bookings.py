"""Bookings read from the log itself: what each event moved between accounts.

What a party has available and what it has locked are one account here, `held`: a lock is no
booking, and while an auction runs it would show a sealed bid.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from market import ledger
from schemas.base import Event
from schemas.commands import Deposit, PayOut, Refund
from schemas.envelope import decode_record
from schemas.events import TransferPosted, UsageCharged
from schemas.topics import TOPIC_OF
from streams.log import READ_LIMIT_MAX, LogReader

TOPICS: Final = frozenset(TOPIC_OF[kind].name for kind in (TransferPosted, UsageCharged))


class Booking(NamedTuple):
    """`id` is the transfer's or usage's own, `command_id` what led to it; `text` is for people."""

    position: int
    at_ms: int
    event: str
    id: str
    command_id: str
    text: str
    moves: ledger.Postings


def bookings(log: LogReader, size: int) -> Iterator[Booking]:
    """Yield what has moved money between owners, in the order of the log, below position `size`."""
    position = 0
    while stored := log.read(position, READ_LIMIT_MAX, TOPICS):
        for at, body in stored:
            if at >= size:
                return
            record = decode_record(body)
            event = record.data
            assert isinstance(event, Event)
            if moves := ledger.booked(ledger.postings(event)):
                id, text = _about(event)
                name = type(event).__name__
                yield Booking(at, event.at_ms, name, id, record.correlationid, text, moves)
        position = stored[-1].position + 1


def _about(event: Event) -> tuple[str, str]:
    match event:
        case UsageCharged():
            return event.usage_id, "use"
        case TransferPosted(request=Deposit() | PayOut() as request):
            return event.id, f"{event.kind}: {request.reference}"
        case TransferPosted(request=Refund() as request):
            return event.id, f"{event.kind}: {request.reason}"
        case TransferPosted():
            return event.id, event.kind.value
        case _:
            raise AssertionError(
                f"{type(event).__name__} moves money in a way unknown to the books"
            )
