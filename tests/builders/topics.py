"""A cluster's topics in memory, with the holes that transaction markers leave, and services that
commit to them in turns chosen by the test.
"""

import random
from collections import defaultdict

from market.steps import Ticks
from schemas.base import Command
from schemas.envelope import Record, encode
from schemas.topics import DECIDERS, INPUTS, Service
from services.audit.sequencer import SEQUENCED, Sequencer
from streams.kafka.wire import from_wire, to_wire
from streams.log import Entry
from streams.memory import MemoryLog
from streams.recovery import RULES
from streams.scribe import Scribe
from streams.steps import Input, Stepper

VENUE, PARTITION = "gx", 0


class Topics:
    """Records by topic and offset, as bytes go over the wire."""

    def __init__(self) -> None:
        self.records: dict[str, list[Record]] = defaultdict(list)
        self._next: dict[str, int] = defaultdict(int)

    def commit(self, records: list[Record]) -> None:
        """Append as one transaction: it leaves a marker in every topic it touched."""
        for record in records:
            self.append(record)
        for topic in {record.topic for record in records}:
            self._next[topic] += 1

    def append(self, record: Record) -> None:
        value, headers = to_wire(record)
        offset = self._next[record.topic]
        self.records[record.topic].append(
            from_wire(record.topic, PARTITION, offset, value, headers)
        )
        self._next[record.topic] += 1

    def after(self, topic: str, offset: int, limit: int) -> list[Record]:
        return [record for record in self.records[topic] if record.offset >= offset][:limit]


class Cluster:
    """Both deciding services on topics in memory. `turn` lets one of them commit once."""

    def __init__(self, rng: random.Random | None = None) -> None:
        self.topics = Topics()
        self.now_ms = 0
        self._rng = rng or random.Random(0)
        self._steppers = {service: Stepper(service, VENUE) for service in DECIDERS}
        self._taken: dict[str, int] = defaultdict(int)
        self._ticks = Ticks()

    def say(self, command: Command) -> None:
        self.topics.append(Scribe(VENUE, {}).write(command, command.id))

    def turn(self, service: Service, limit: int = 1_000) -> bool:
        """Let a service take up to `limit` records of each input; tell whether it wrote."""
        inputs: list[Input] = []
        sources = sorted(INPUTS[service])
        self._rng.shuffle(sources)
        for topic in sources:
            found = self.topics.after(topic, self._taken[topic], limit)
            inputs += [Input(topic, r.offset, r.data, r.id, r.correlationid) for r in found]
            if found:
                self._taken[topic] = found[-1].offset + 1
        stepper = self._steppers[service]
        outputs = stepper.take(inputs) if inputs else []
        if service is Service.SETTLEMENT:
            due_ms = RULES[service].next_deadline(stepper.state)
            for tick in self._ticks.due((r.message for r in inputs), due_ms, self.now_ms):
                outputs.append(Scribe(VENUE, {}).write(tick, tick.id))
        self.topics.commit(outputs)
        return bool(outputs)

    def settle_down(self) -> None:
        while any([self.turn(service) for service in DECIDERS]):
            pass


def trail_of(topics: Topics, rng: random.Random | None = None) -> MemoryLog:
    """Read the topics in pieces, in any interleaving, and return the trail the sequencer makes."""
    rng = rng or random.Random(0)
    log = MemoryLog(VENUE)
    sequencer = Sequencer({})
    read: dict[str, int] = defaultdict(int)
    while waiting := [name for name in SEQUENCED if topics.after(name, read[name], 1)]:
        name = rng.choice(waiting)
        found = topics.after(name, read[name], rng.randint(1, 20))
        read[name] = found[-1].offset + 1
        placed = sequencer.place(found)
        log.append([Entry(r.topic, encode(r)) for r in placed], sequencer.heads)
    return log
