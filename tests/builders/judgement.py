"""What a cluster's topics say about exactly once: nothing lost, nothing doubled, all in order."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from schemas.base import Command
from schemas.envelope import Record, encode
from schemas.events.trail import DeadLetter, InputsTaken
from schemas.reasons import Refusal
from schemas.topics import (
    DECIDERS,
    INPUTS,
    OUTPUTS,
    PARTITION_OF_VENUE,
    SNAPSHOT_TOPICS,
    TOPIC_OF,
    TOPICS,
)
from services.audit.replay import replay_log
from services.audit.sequencer import SEQUENCED, Sequencer
from services.audit.verify import verify_log
from streams.kafka.wire import from_wire
from streams.log import Entry, LogBroken
from streams.memory import MemoryLog
from tests.builders.segments import Partition, Raw, read_partition
from tests.builders.trail import effects_of

Topics = Mapping[str, list[Record]]  # of one venue
Seen = Mapping[tuple[str, int], list[Raw]]
READ_AT_ONCE = 1_000


class Count(NamedTuple):
    """Over all venues. `lost` and `doubled` name what is missing or there twice; `disorder` and
    `findings` whatever else is not as it must be.
    """

    commands: int
    records: int
    commits: int
    takers: int  # producers that committed: each restart and takeover makes one
    aborted: int  # transactions with records in them that never were
    lost: list[str]
    doubled: list[str]
    disorder: list[str]
    findings: list[str]

    def __str__(self) -> str:
        return (
            f"{self.commands} commands, {self.records} records in {self.commits} commits by "
            f"{self.takers} producers, {self.aborted} transactions aborted; "
            f"lost {len(self.lost)}, doubled {len(self.doubled)}, out of order "
            f"{len(self.disorder)}, findings {len(self.findings)}"
        )

    @property
    def faults(self) -> list[str]:
        return [*self.lost, *self.doubled, *self.disorder, *self.findings]


def judge(data: Path, seen: Seen, said: Mapping[str, list[Command]]) -> Count:
    """Hold what a witness saw against the broker's files in `data`, and both against what was said
    and acknowledged, by venue and in order.
    """
    total = Count(0, 0, 0, 0, 0, [], [], [], [])
    for venue, number in PARTITION_OF_VENUE.items():
        files = {topic.name: read_partition(data, topic.name, number) for topic in TOPICS}
        for name, partition in files.items():
            if partition.records != seen.get((name, number), []):
                total.findings.append(
                    f"{venue} {name}: the files hold other records than were read"
                )
        topics = {
            name: [
                from_wire(name, number, raw.offset, raw.value or b"", raw.headers)
                for raw in partition.records
            ]
            for name, partition in files.items()
        }
        total = _add(total, _judge_venue(venue, topics, files, said.get(venue, [])))
    for topic in SNAPSHOT_TOPICS.values():
        for number in PARTITION_OF_VENUE.values():
            total.disorder.extend(_mixed(topic.name, read_partition(data, topic.name, number)))
    return total


def _judge_venue(
    venue: str, topics: Topics, files: Mapping[str, Partition], said: list[Command]
) -> Count:
    inputs = [_taken(service, topics) for service in DECIDERS]
    numbered = [_sequences(service, topics) for service in DECIDERS]
    effects = _effects(topics, said)
    parts = [*inputs, *numbered, effects]
    disorder = [
        *_order_of_commands(topics, said),
        *(text for name, found in files.items() for text in _mixed(name, found)),
        *(text for part in inputs for text in part.disorder),
    ]
    epochs = [set(files[f"{service}.inputs"].epochs) for service in DECIDERS]
    return Count(
        commands=len(said),
        records=sum(map(len, topics.values())),
        commits=sum(len(topics[f"{service}.inputs"]) for service in DECIDERS),
        takers=sum(map(len, epochs)),
        aborted=sum(found.aborted for found in files.values()),
        lost=[f"{venue}: {text}" for part in parts for text in part.lost],
        doubled=[f"{venue}: {text}" for part in parts for text in part.doubled],
        disorder=[f"{venue}: {text}" for text in disorder],
        findings=[f"{venue}: {text}" for text in _audit(venue, topics)],
    )


class _Part(NamedTuple):
    lost: list[str]
    doubled: list[str]
    disorder: list[str]


def _taken(service: str, topics: Topics) -> _Part:
    """Each input stands in exactly one seal, in the order of its topic."""
    part = _Part([], [], [])
    seals = [record.data for record in topics[f"{service}.inputs"]]
    taken: dict[str, list[int]] = defaultdict(list)
    for seal in seals:
        assert isinstance(seal, InputsTaken), "this topic carries nothing else"
        for run in seal.ranges:
            there = [r.offset for r in topics[run.topic] if run.first <= r.offset <= run.last]
            if len(there) != run.count:
                part.disorder.append(f"{service} says {run}, but there are {len(there)}")
            taken[run.topic] += there
    aside = {
        (letter.data.topic, letter.data.offset)
        for letter in topics[f"{service}.dead-letters"]
        if isinstance(letter.data, DeadLetter)
    }
    for topic in INPUTS[service]:
        counts = Counter(taken[topic])
        there = {record.offset for record in topics[topic]}
        part.doubled.extend(
            f"{service} took {topic}/{o} {n} times" for o, n in counts.items() if n > 1
        )
        part.lost.extend(
            f"{service} did not take {topic}/{offset}"
            for offset in sorted(there - counts.keys())
            if (topic, offset) not in aside
        )
        if taken[topic] != sorted(taken[topic]):
            part.disorder.append(f"{service} did not take {topic} in order")
    return part


def _sequences(service: str, topics: Topics) -> _Part:
    """A service's events are numbered from 1 without a gap."""
    counts = Counter(r.sequence for topic in OUTPUTS[service] for r in topics[topic])
    gaps = set(range(1, max(counts, default=0) + 1)) - counts.keys()
    twice = [number for number, count in counts.items() if count > 1]
    return _Part(
        [f"event {number} of {service} is missing" for number in sorted(gaps)],
        [f"event {number} of {service} is there {counts[number]} times" for number in twice],
        [],
    )


def _effects(topics: Topics, said: Iterable[Command]) -> _Part:
    """Each acknowledged command is on record and took effect once. That a repetition is refused
    for its id is no second effect.
    """
    commands_first = sorted(SEQUENCED, key=lambda name: not name.endswith(".commands"))
    records = (record for name in commands_first for record in topics[name])
    effects = effects_of(r for r in records if getattr(r.data, "reason", "") != Refusal.ID_REUSED)
    lost = [f"{command.id} is not on record" for command in said if command.id not in effects]
    lost += [f"{id} had no effect" for id, count in effects.items() if count == 0]
    return _Part(lost, [f"{id} had {n} effects" for id, n in effects.items() if n > 1], [])


def _order_of_commands(topics: Topics, said: Iterable[Command]) -> list[str]:
    """Repetitions aside, commands stand on their topic as they were said."""
    wanted: dict[str, list[str]] = defaultdict(list)
    for command in said:
        wanted[TOPIC_OF[type(command)].name].append(command.id)
    faults = []
    for name, ids in wanted.items():
        numbered = set(ids)
        there = dict.fromkeys(r.data.id for r in topics[name] if isinstance(r.data, Command))
        if [id for id in there if id in numbered] != ids:
            faults.append(f"the commands on {name} are not in the order they were said in")
    return faults


def _mixed(name: str, found: Partition) -> list[str]:
    """Whoever was fenced wrote nothing more: epochs never go back."""
    back = [(one, other) for one, other in pairwise(found.epochs) if other < one]
    open_ = [f"{found.open} transactions on {name} are still open"] if found.open else []
    return [*open_, *(f"on {name} epoch {other} wrote after {one}" for one, other in back)]


def trail_of(venue: str, topics: Topics) -> MemoryLog:
    """Return the trail the audit makes of these topics."""
    log, sequencer = MemoryLog(venue), Sequencer({})
    for at in range(0, max(map(len, topics.values()), default=0), READ_AT_ONCE):
        for name in SEQUENCED:
            placed = sequencer.place(topics[name][at : at + READ_AT_ONCE])
            log.append([Entry(r.topic, encode(r)) for r in placed], sequencer.heads)
    return log


def _audit(venue: str, topics: Topics) -> list[str]:
    try:
        log = trail_of(venue, topics)
    except LogBroken as error:
        return [f"no trail can be made: {error}"]
    problems = [f"replay: {finding.problem}" for finding in replay_log(log).findings]
    verified = verify_log(log, [], None)
    problems += [f.problem for f in verified.findings if "no checkpoint" not in f.problem]
    written = sum(len(topics[name]) for name in SEQUENCED)
    if log.size != written:
        problems.append(f"the trail has {log.size} of {written} records")
    return problems


def _add(one: Count, other: Count) -> Count:
    return Count(*(a + b for a, b in zip(one, other, strict=True)))
