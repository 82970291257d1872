"""Which auctions of a log have ended, for whoever shows its records."""

from market.sealing import Endings
from schemas.envelope import decode_record
from schemas.events import AuctionClosedUnsold
from schemas.topics import TOPIC_OF
from streams.log import READ_LIMIT_MAX, LogReader

_TOPIC = frozenset({TOPIC_OF[AuctionClosedUnsold].name})


def read_endings(log: LogReader, size: int | None = None) -> Endings:
    """Return what the records below position `size` (all, if not given) say of endings."""
    endings, position = Endings(), 0
    while stored := log.read(position, READ_LIMIT_MAX, _TOPIC):
        for at, body in stored:
            if size is None or at < size:
                endings.note(decode_record(body).data)
        position = stored[-1].position + 1
    return endings
