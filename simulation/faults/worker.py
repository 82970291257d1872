"""One service at work on its topics, as the Kafka driver is, cut into the steps between which it
may die.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from market import matching, settlement
from market.steps import TICK_GRACE_MS, Ticks, in_sequence, own_topics, seal
from schemas.base import Command, Event
from schemas.envelope import Record, encode
from schemas.events.trail import InputsTaken
from schemas.topics import Service
from simulation.faults.topics import Draft, Positions, Snapshot, Topics, Transaction

State = matching.State | settlement.State
SNAPSHOT_EVERY_EVENTS: Final = 24  # small, so that a short life has several


class Rules(NamedTuple):
    """What a service decides by."""

    decide: Callable[[Any, Command | Event], list[Event]]
    evolve: Callable[[Any, Event], Any]
    new_state: Callable[[], Any]


RULES: Final[dict[Service, Rules]] = {
    Service.MATCHING: Rules(matching.decide, matching.evolve, matching.State),
    Service.SETTLEMENT: Rules(settlement.decide, settlement.evolve, settlement.State),
}


class Point(StrEnum):
    """What a worker has just done."""

    FENCED = "fenced"
    RECOVERED = "recovered"
    READ = "read"
    DECIDED = "decided"
    EVENT_WRITTEN = "event written"
    SEALED = "sealed"
    OFFSETS_SENT = "offsets sent"
    COMMITTED = "committed"
    ANSWERED = "answered"


class Lost(Exception):
    """A service finds that its own records are not whole."""


class Clock(Protocol):
    def __call__(self, service: Service) -> int:
        """Return what this service's clock shows, in UTC epoch ms."""


class Worker:
    """Take over, then work a batch at a time. Whoever iterates may stop at any point: that is the
    worker's death, or its stall if the iterator goes on later.
    """

    grace_ms = TICK_GRACE_MS

    def __init__(self, service: Service, topics: Topics, rules: Rules, clock: Clock) -> None:
        self.service = service
        self.state: Any = None
        self.sequence = 0
        self.commit = 0
        self.taken: Positions = {}
        self.rules = rules
        self.topics = topics
        self.epoch = 0
        self._clock = clock
        self._ticks = Ticks(self.grace_ms)
        self._snapshot_at = 0

    def take_over(self) -> Iterator[Point]:
        """Fence, then the state, then the offsets."""
        self.epoch = self.topics.fence(self.service)
        yield Point.FENCED
        self.recover()
        yield Point.RECOVERED

    def work(self, limits: Positions) -> Iterator[Point]:
        """Take at most so many records of each topic, in this order of topics, and commit what
        comes of them.
        """
        inputs = [r for topic, limit in limits.items() for r in self.read(topic, limit)]
        snapshot = self.snapshot_if_due()
        yield Point.READ
        drafts = [draft for record in inputs for draft in self.decide(record)]
        ticks = self.ticks(inputs)
        if not inputs and not ticks:
            return
        yield Point.DECIDED
        consumed = {record.topic: record.offset + 1 for record in inputs}
        transaction = Transaction(self.topics, self.service, self.epoch)
        try:
            yield from self.write(transaction, inputs, [*drafts, *ticks], consumed, snapshot)
        except GeneratorExit:  # death: the broker ends what was begun
            transaction.abort()
            raise
        self.taken |= consumed
        yield Point.ANSWERED

    def write(
        self,
        transaction: Transaction,
        inputs: Sequence[Record],
        drafts: list[Draft],
        consumed: Positions,
        snapshot: Snapshot | None,
    ) -> Iterator[Point]:
        """Write all that belongs to one commit, and commit it."""
        for draft in drafts:
            transaction.write(draft)
            yield Point.EVENT_WRITTEN
        if snapshot is not None:
            transaction.keep(snapshot)
        if inputs:
            transaction.write(self.seal(inputs))
            yield Point.SEALED
        transaction.take(consumed)
        yield Point.OFFSETS_SENT
        transaction.commit()
        yield Point.COMMITTED

    def after_failure(self) -> "Worker | None":
        """Return who goes on after a commit that did not come through: a new one."""
        return None

    def read(self, topic: str, limit: int) -> list[Record]:
        return self.topics.read(topic, self.taken.get(topic, 0), limit)

    def decide(self, taken: Record) -> list[Draft]:
        drafts = []
        for event in self.rules.decide(self.state, taken.data):
            self.rules.evolve(self.state, event)
            self.sequence += 1
            drafts.append(Draft(event, taken.correlationid, taken.id, self.sequence))
        return drafts

    def ticks(self, inputs: Sequence[Record]) -> list[Draft]:
        """Only settlement keeps the clock."""
        if self.service is not Service.SETTLEMENT:
            return []
        taken = (record.data for record in inputs)
        due_ms = settlement.next_deadline(self.state)
        return [Draft(tick, tick.id) for tick in self._ticks.due(taken, due_ms, self.now_ms())]

    def now_ms(self) -> int:
        return self._clock(self.service)

    def seal(self, inputs: Sequence[Record]) -> Draft:
        self.commit += 1
        at_ms = max(record.data.at_ms for record in inputs)
        return Draft(seal(self.service, inputs, at_ms, self.commit, self.sequence), "")

    def snapshot_if_due(self) -> Snapshot | None:
        """Return the state as it is before anything of this batch is decided."""
        if self.sequence - self._snapshot_at < SNAPSHOT_EVERY_EVENTS:
            return None
        self._snapshot_at = self.sequence
        return self.snapshot()

    def snapshot(self) -> Snapshot:
        own = {topic: self.topics.end(topic) for topic in own_topics(self.service)}
        return Snapshot(encode(self.state), self.sequence, self.commit, own, dict(self.taken))

    def recover(self) -> None:
        """Make the state again from own records. Raises Lost where one is missing."""
        state, self.sequence, self.commit, positions, taken = self._newest()
        own = (
            r
            for topic in own_topics(self.service)
            for r in self.topics.read(topic, positions[topic])
        )
        waiting: dict[str, deque[Record]] = defaultdict(deque)
        sealed = self.sequence
        for record in own:
            if isinstance(record.data, InputsTaken):
                self.commit, sealed = record.data.commit, record.data.sequence
                taken |= {run.topic: run.last + 1 for run in record.data.ranges}
            else:
                waiting[record.topic].append(record)
        for found in in_sequence(waiting, self.sequence):
            assert isinstance(found.data, Event), "only events have a sequence"
            self.rules.evolve(state, found.data)
            self.sequence += 1
        if any(waiting.values()) or self.sequence != sealed:
            raise Lost(f"events of {self.service} are missing after sequence {self.sequence}")
        for topic, offset in self.topics.committed[self.service].items():
            taken[topic] = max(taken.get(topic, 0), offset)
        self.state, self.taken, self._snapshot_at = state, taken, self.sequence

    def _newest(self) -> tuple[Any, int, int, Positions, Positions]:
        kept = self.topics.snapshots.get(self.service)
        if kept is None:
            return self.rules.new_state(), 0, 0, dict.fromkeys(own_topics(self.service), 0), {}
        state = msgspec.json.decode(kept.body, type=type(self.rules.new_state()))
        return state, kept.sequence, kept.commit, kept.positions, dict(kept.taken)
