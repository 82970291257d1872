"""The topics of one venue in memory, as a broker keeps them: offsets with holes where transactions
end or were aborted, offsets of a reader committed with what it wrote, and one writer at a time.
"""

from bisect import bisect_left
from collections import defaultdict
from operator import attrgetter
from typing import Final, NamedTuple

from schemas.envelope import RULES_VERSION, Message, Record
from schemas.topics import PARTITION_OF_VENUE, TOPIC_OF, Service

VENUE: Final = "gx"
_PARTITION: Final = PARTITION_OF_VENUE[VENUE]
_OFFSET: Final = attrgetter("offset")
Positions = dict[str, int]  # by topic, the next offset


class Fenced(Exception):
    """Another writer of this service has begun; whoever wrote before it writes nothing more."""


class Snapshot(NamedTuple):
    """A state in bytes, and where what came after it begins: own records, inputs, numbers."""

    body: bytes
    sequence: int
    commit: int
    positions: Positions
    taken: Positions


class Draft(NamedTuple):
    """A record that has no offset yet."""

    message: Message
    root: str
    cause: str = ""
    sequence: int = 0


class Topics:
    """`committed` are the offsets up to which each service has taken its inputs, as the broker
    keeps them; `journal` all records in the order they became visible.
    """

    def __init__(self) -> None:
        self.records: dict[str, list[Record]] = defaultdict(list)
        self.journal: list[Record] = []
        self.committed: dict[Service, Positions] = defaultdict(dict)
        self.snapshots: dict[Service, Snapshot] = {}
        self.epochs: dict[Service, int] = defaultdict(int)
        self._ends: Positions = defaultdict(int)

    def copy(self) -> "Topics":
        other = Topics()
        for name, records in self.records.items():
            other.records[name] = list(records)
        other.journal = list(self.journal)
        for service, offsets in self.committed.items():
            other.committed[service] = dict(offsets)
        other.snapshots = dict(self.snapshots)
        other.epochs.update(self.epochs)
        other._ends.update(self._ends)
        return other

    def read(self, topic: str, offset: int, limit: int | None = None) -> list[Record]:
        """Return visible records from an offset on."""
        there = self.records[topic]
        begin = bisect_left(there, offset, key=_OFFSET)
        return there[begin:] if limit is None else there[begin : begin + limit]

    def end(self, topic: str) -> int:
        return self._ends[topic]

    def append(self, draft: Draft) -> None:
        """Write one record outside any transaction."""
        topic = TOPIC_OF[type(draft.message)]
        at = self._ends[topic.name]
        self._ends[topic.name] = at + 1
        record = Record(
            topic=topic.name,
            partition=_PARTITION,
            offset=at,
            source=f"{VENUE}/{topic.writer}",
            data=draft.message,
            correlationid=draft.root,
            causationid=draft.cause,
            sequence=draft.sequence,
            rulesversion=RULES_VERSION if draft.sequence else 0,
        )
        self.records[topic.name].append(record)
        self.journal.append(record)

    def fence(self, service: Service) -> int:
        """Return the epoch of a new writer; those before it are fenced from now on."""
        self.epochs[service] += 1
        return self.epochs[service]

    def waste(self, topics: set[str]) -> None:
        """What was aborted has taken up offsets, and so has the marker that ends it."""
        for topic in topics:
            self._ends[topic] += 1


class Transaction:
    """Becomes visible whole, with the offsets of its inputs, or not at all."""

    def __init__(self, topics: Topics, service: Service, epoch: int) -> None:
        self._topics = topics
        self._service = service
        self._epoch = epoch
        self._drafts: list[Draft] = []
        self._taken: Positions = {}
        self._snapshot: Snapshot | None = None
        self._open = True

    def write(self, draft: Draft) -> None:
        self._drafts.append(draft)

    def keep(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def take(self, offsets: Positions) -> None:
        self._taken |= offsets

    def commit(self) -> None:
        """Raises Fenced when another writer has begun."""
        topics, service = self._topics, self._service
        if self._epoch != topics.epochs[service]:
            self.abort()
            raise Fenced(f"{service} has another writer")
        for draft in self._drafts:
            topics.append(draft)
        self.abort()  # the marker at its end takes up offsets all the same
        topics.committed[service] |= self._taken
        if self._snapshot is not None:
            topics.snapshots[service] = self._snapshot

    def abort(self) -> None:
        if self._open:
            self._topics.waste({TOPIC_OF[type(draft.message)].name for draft in self._drafts})
        self._open = False
