"""Puts the records of a venue's topics into one order, the trail's: causes stand before effects,
and each service's decisions stand in sequence. No I/O.
"""

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Final

from schemas.envelope import Record
from schemas.events.trail import InputsTaken
from schemas.topics import DECIDERS, OUTPUTS, TOPICS, Service
from streams.log import RESTORE, LogBroken

# Signed tree heads speak of the trail and are not in it.
SEQUENCED: Final = tuple(topic.name for topic in TOPICS if topic.name != "checkpoints")
_WAITING_TOPICS: Final = frozenset(
    topic.name for topic in TOPICS if topic.decided or topic.name.endswith(".inputs")
)
_WRITER_OF: Final = {topic.name: topic.writer for topic in TOPICS}


class Sequencer:
    """Takes records as they are read, each topic's in order, and gives back those whose place is
    known.

    `heads` is the place itself, to be committed with the records: by topic the next offset, by
    service its last sequence, by `commit/SERVICE` its last commit.
    """

    def __init__(self, heads: dict[str, int]) -> None:
        self.heads = heads
        self._events: dict[str, deque[Record]] = defaultdict(deque)
        self._seals: dict[Service, deque[Record]] = {service: deque() for service in DECIDERS}

    def waiting(self, topic: str) -> int:
        """Return how many records of a topic wait for their place."""
        return len(self._events[topic])

    def skip(self, topic: str, offset: int) -> None:
        """Pass over what is no record; whoever should have taken it has put it aside, whole."""
        if topic not in _WAITING_TOPICS:
            self.heads[topic] = offset + 1

    def place(self, records: Sequence[Record]) -> list[Record]:
        """Take in records and return, in order, all that have their place now.

        Raises LogBroken when what is missing cannot come any more.
        """
        placed: list[Record] = []
        for record in records:
            if isinstance(record.data, InputsTaken):
                self._seals[_WRITER_OF[record.topic]].append(record)
            elif record.sequence:
                self._events[record.topic].append(record)
            else:  # a command has no cause on record; others are not decided upon
                self._put(record, placed)
        while any([self._place_commits(service, placed) for service in DECIDERS]):
            pass
        return placed

    def _place_commits(self, service: Service, placed: list[Record]) -> bool:
        """Place the commits of a service whose inputs all have their place; tell whether there
        were any.
        """
        seals, before = self._seals[service], len(placed)
        while seals and self._is_ready(service, seals[0].data):
            seal = seals.popleft()
            assert isinstance(seal.data, InputsTaken), "only seals are kept here"
            for record in self._decided(service, seal.data.sequence):
                self._put(record, placed)
                self.heads[service.value] = record.sequence
            self._put(seal, placed)
            self.heads[f"commit/{service}"] = seal.data.commit
        return len(placed) > before

    def _is_ready(self, service: Service, seal: object) -> bool:
        assert isinstance(seal, InputsTaken), "only seals are kept here"
        last = self.heads.get(f"commit/{service}", 0)
        if seal.commit != last + 1:
            raise LogBroken(f"commit {last + 1} of {service} is missing; {RESTORE}")
        if any(self.heads.get(taken.topic, 0) <= taken.last for taken in seal.ranges):
            return False
        there = sum(
            1
            for topic in OUTPUTS[service]
            for _ in takewhile(lambda r: r.sequence <= seal.sequence, self._events[topic])
        )
        return there == seal.sequence - self.heads.get(service.value, 0)

    def _decided(self, service: Service, until: int) -> Iterator[Record]:
        """Yield a service's events up to a sequence, in sequence."""
        sources = [self._events[topic] for topic in sorted(OUTPUTS[service])]
        for sequence in range(self.heads.get(service.value, 0) + 1, until + 1):
            source = next((s for s in sources if s and s[0].sequence == sequence), None)
            if source is None:
                raise LogBroken(f"event {sequence} of {service} is missing; {RESTORE}")
            yield source.popleft()

    def _put(self, record: Record, placed: list[Record]) -> None:
        placed.append(record)
        self.heads[record.topic] = record.offset + 1
