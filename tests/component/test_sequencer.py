"""The trail of services that run apart: in whatever order their topics are read, causes stand
before effects, and all of it verifies and replays.
"""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from market.steps import TICK_GRACE_MS
from schemas.base import Command
from schemas.envelope import decode_record, encode
from schemas.events.trail import InputsTaken
from schemas.topics import DECIDERS
from services.audit.replay import replay_log
from services.audit.sequencer import Sequencer
from services.audit.verify import verify_log
from streams.log import Entry, LogBroken, LogReader
from streams.memory import MemoryLog
from tests.builders.market import T0
from tests.builders.recorded import HOUR_MS, commands
from tests.builders.topics import Cluster, trail_of
from tests.component.test_runner import run_in_groups


def race(rng: random.Random, said: list[Command]) -> Cluster:
    """Let the services take their inputs at any time, a few at a time."""
    cluster = Cluster(rng)
    cluster.now_ms = T0
    for command in said:
        cluster.say(command)
        while rng.random() < 0.6:
            cluster.turn(rng.choice(DECIDERS), rng.randint(1, 30))
    cluster.settle_down()
    cluster.now_ms = T0 + 2 * HOUR_MS
    cluster.settle_down()
    return cluster


def findings(log: MemoryLog) -> list[str]:
    problems = [finding.problem for finding in replay_log(log).findings]
    verified = verify_log(log, [], None)
    return [*problems, *(f.problem for f in verified.findings if "no checkpoint" not in f.problem)]


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_a_trail_verifies_and_replays_however_its_messages_raced(seed: int) -> None:
    rng = random.Random(seed)
    topics = race(rng, commands(12)).topics
    log = trail_of(topics, rng)
    written = [name for name, records in topics.records.items() for _ in records]
    assert sorted(entry for entry, _ in log._entries) == sorted(written)
    assert findings(log) == []


def test_causes_stand_before_effects() -> None:
    rng = random.Random(5)
    log = trail_of(race(rng, commands(12)).topics, rng)
    seen: set[str] = set()
    for _, body in log.read(0):
        record = decode_record(body)
        assert record.causationid in seen or not record.causationid
        seen.add(record.id)


def test_fed_one_command_at_a_time_both_drivers_write_the_same_events() -> None:
    """Apart from where on a topic a record stands, and the seals."""
    cluster = Cluster()
    cluster.now_ms = T0
    for command in commands():
        cluster.say(command)
        cluster.settle_down()
    cluster.now_ms = T0 + HOUR_MS + TICK_GRACE_MS
    cluster.settle_down()
    stepped = events(trail_of(cluster.topics))
    assert len(stepped) > 300
    assert stepped == events(run_in_groups(1))


def events(log: LogReader) -> list[bytes]:
    """Return the records of each service in sequence, places on topics aside."""
    records = [decode_record(body) for _, body in log.read(0)]
    decided = [record for record in records if record.sequence]
    decided.sort(key=lambda record: (record.source, record.sequence))
    return [encode(record.data) + record.id.encode() + record.causationid.encode() +
            record.correlationid.encode() for record in decided]  # fmt: skip


def tampered(change: str) -> MemoryLog:
    """Return a trail with something left out or turned round, offsets untouched."""
    entries = list(trail_of(race(random.Random(7), commands(12)).topics)._entries)
    records = [decode_record(entry.body) for entry in entries]
    commands_at = [n for n, record in enumerate(records) if record.topic == "settlement.commands"]
    seals_at = [n for n, record in enumerate(records) if isinstance(record.data, InputsTaken)]
    match change:
        case "a command dropped":
            del entries[commands_at[len(commands_at) // 2]]
        case "a seal dropped":
            del entries[seals_at[len(seals_at) // 2]]
        case "the last seal over events dropped":
            del entries[[at for at in seals_at if records[at - 1].sequence][-1]]
        case "an event dropped":
            del entries[seals_at[len(seals_at) // 2] - 1]
        case "two commands turned round":
            one, other = commands_at[3], commands_at[4]
            entries[one], entries[other] = entries[other], entries[one]
    log = MemoryLog()
    log.append(entries, {"commit/matching": 1})
    return log


@pytest.mark.parametrize(
    "change",
    [
        "a command dropped",
        "a seal dropped",
        "the last seal over events dropped",
        "an event dropped",
        "two commands turned round",
    ],
)
def test_what_is_missing_or_misplaced_in_a_trail_is_found(change: str) -> None:
    assert findings(tampered("nothing")) == []
    assert findings(tampered(change))


def test_a_missing_commit_stops_the_sequencer() -> None:
    topics = race(random.Random(7), commands(12)).topics
    del topics.records["settlement.inputs"][2]
    with pytest.raises(LogBroken, match="commit 3 of settlement is missing"):
        trail_of(topics)


def test_a_sequencer_goes_on_where_its_heads_say() -> None:
    rng = random.Random(11)
    topics = race(rng, commands(12)).topics
    whole = trail_of(topics)
    log, heads = MemoryLog(), {}
    for _ in range(200):  # restarted after every few records, buffers lost
        sequencer = Sequencer(heads)
        for name in sorted(topics.records):
            found = topics.after(name, heads.get(name, 0), rng.randint(0, 40))
            log.append([Entry(r.topic, encode(r)) for r in sequencer.place(found)], heads)
        heads = sequencer.heads
    assert log.size == whole.size
    assert findings(log) == []
