"""The watch of a venue on its log: what it has seen, and what it has to say."""

from typing import Final

import msgspec

from market.watch.facts import see
from market.watch.state import TOPICS, State, observe
from schemas.base import SchemaError
from schemas.topics import Service
from streams.log import READ_LIMIT_MAX, RESTORE, LogBroken, LogReader, Stored
from streams.recovery import newest_usable, snapshot
from streams.runner import Addition, Report, cursor_name

CURSOR: Final = cursor_name(Service.WATCH)
SNAPSHOT_EVERY_RECORDS: Final = 200_000


class _Place(msgspec.Struct, gc=False):
    """What is read of a record beside its message."""

    topic: str
    source: str
    sequence: int
    correlationid: str
    data: msgspec.Raw


_PLACES: Final = msgspec.json.Decoder(_Place)


class Watcher:
    """Takes the records of a log in order. It begins where its last words were committed, and says
    nothing twice.
    """

    def __init__(self, log: LogReader, snapshot_every: int = SNAPSHOT_EVERY_RECORDS) -> None:
        self._log = log
        self._snapshot_every = snapshot_every
        self.state, self.position = newest_usable(log, Service.WATCH, State)
        self._kept_at = self.position
        cursor = log.heads().get(CURSOR, 0)
        while self.position < cursor:
            self.take(cursor)

    def take(self, until: int | None = None, limit: int = READ_LIMIT_MAX) -> list[Report]:
        """Take up to `limit` records below position `until`, or all there are; return what is to be
        said of them. Raises LogBroken where a record cannot be read.
        """
        size = self._log.size if until is None else until
        stored = [
            one for one in self._log.read(self.position, limit, TOPICS) if one.position < size
        ]
        reports = [report for one in stored for report in self._observe(one)]
        self.position = stored[-1].position + 1 if len(stored) == limit else size
        return reports

    def addition(self, reports: list[Report]) -> Addition | None:
        """Return what is to be committed by now: what is said, and a snapshot now and then."""
        snapshots = []
        if self.position - self._kept_at >= self._snapshot_every:
            self._kept_at = self.position
            snapshots = [snapshot(Service.WATCH, self.state, self.position)]
        if not reports and not snapshots:
            return None
        return Addition(reports, {CURSOR: self.position}, snapshots)

    def _observe(self, stored: Stored) -> list[Report]:
        try:
            place = _PLACES.decode(stored.body)
            service = place.source.partition("/")[2]
            seen = see(service, place.sequence, place.correlationid, bytes(place.data))
        except (SchemaError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise LogBroken(
                f"record {stored.position} cannot be read: {error}; {RESTORE}"
            ) from error
        return [
            Report(event, cause.correlationid, cause.id)
            for event, cause in observe(self.state, place.topic, seen)
        ]
