"""Each thing that can be wrong with a cluster is found by its check, with what to do."""

import json
from collections import defaultdict
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from schemas.base import Event
from schemas.events import (
    CheckpointSigned,
    MatchingInputsTaken,
    SettlementInputsTaken,
    VenueOpened,
)
from schemas.events.trail import TakenRange
from schemas.topics import DECIDERS, INPUTS, Service
from services import migrations
from services.upkeep.checks import State
from services.upkeep.cluster import Cluster, Scan, Trail
from services.upkeep.cluster_checks import OF_KAFKA, OF_TRAIL, examine
from streams.kafka.commit import group_of
from streams.kafka.inspection import Bounds, Group
from streams.kafka.topics import ALL_TOPICS, PARTITIONS, configuration
from streams.kafka.wire import to_wire
from streams.recovery import STATE_VERSION
from streams.scribe import Scribe
from tests.builders.market import T0
from tests.builders.recorded import commands

NOW = T0 + 10_000
TAKEN = (TakenRange(topic="settlement.commands", first=0, last=9, count=10),)


TAKEN_BY = {**INPUTS, Service.WATCH: {"bids", "grants"}}


def raw(event: Event, offset: int = 0, **other: bytes) -> Any:
    """Return a record as a consumer gives it; `other` headers take the place of its own."""
    record = Scribe("gx", {}).write(event, "")
    value, headers = to_wire(record)
    return SimpleNamespace(
        topic=record.topic,
        partition=0,
        offset=offset,
        value=value,
        headers=list({**dict(headers), **other}.items()),
    )


def piece(topic: str, **about: int) -> Any:
    headers = [("about", json.dumps(about).encode())]
    return SimpleNamespace(topic=topic, partition=0, offset=0, value=b"", headers=headers)


def scanned(*records: Any) -> dict[str, Scan]:
    scans: dict[str, Scan] = defaultdict(Scan)
    for record in records:
        scans[record.topic].take(record)
    return scans


def seal(kind: Any, commit: int, sequence: int = 10) -> Any:
    return raw(
        kind(id=f"commit-{commit}", at_ms=T0, commit=commit, sequence=sequence, ranges=TAKEN)
    )


def signed(size: int = 50, at_ms: int = NOW - 1_000) -> Any:
    return raw(CheckpointSigned(id="checkpoint-1", at_ms=at_ms, size=size, note="a note"))


def cluster() -> Cluster:
    """A healthy one: three replicas, both services at work, a signed trail."""
    return Cluster(
        venue="gx",
        partition=0,
        now_ms=NOW,
        full=False,
        topics={
            topic.name: {
                "partitions": PARTITIONS,
                "replicas": 3,
                "in_sync": 3,
                "configuration": configuration(topic, 3),
            }
            for topic in ALL_TOPICS
        },
        groups={
            group_of(service): Group(
                {f"{service}-1": {topic: [0, 1, 2, 3] for topic in TAKEN_BY[service]}},
                dict.fromkeys(TAKEN_BY[service], 10),
            )
            for service in (*DECIDERS, Service.WATCH)
        },
        hanging=[],
        bounds={topic.name: Bounds(0, 11) for topic in ALL_TOPICS},
        scans=scanned(
            *(seal(SettlementInputsTaken, n) for n in (4, 5)),
            seal(MatchingInputsTaken, 9),
            signed(),
            *(raw(command) for command in commands(bids=1)[:2]),
        ),
        trail=Trail(
            size=50,
            heads={topic.name: 10 for topic in ALL_TOPICS},
            writer=True,
            revision=migrations.NEWEST,
            projected=50,
        ),
    )


def unwell(found: Cluster) -> dict[str, tuple[State, str]]:
    findings = examine(found)
    assert [f.check for f in findings] == [*OF_KAFKA, *OF_TRAIL]
    assert all(bool(f.advice) is (f.state is not State.OK) for f in findings)
    return {f.check: (f.state, f.found) for f in findings if f.state is not State.OK}


def test_a_healthy_cluster_is_healthy() -> None:
    assert unwell(cluster()) == {}


def test_a_market_without_a_watch_is_healthy() -> None:
    assert unwell(group_fault("watch", members={}, taken={})(cluster())) == {}


def topic_fault(name: str, **about: Any) -> Callable[[Cluster], Cluster]:
    return lambda c: c._replace(topics={**c.topics, name: {**c.topics[name], **about}})


def trail_fault(**about: Any) -> Callable[[Cluster], Cluster]:
    return lambda c: c._replace(trail=c.trail._replace(**about) if c.trail else None)


def also(*records: Any) -> Callable[[Cluster], Cluster]:
    def change(found: Cluster) -> Cluster:
        for record in records:
            found.scans[record.topic].take(record)
        return found

    return change


def group_fault(service: str, **about: Any) -> Callable[[Cluster], Cluster]:
    name = f"databourse.{service}"
    return lambda c: c._replace(groups={**c.groups, name: c.groups[name]._replace(**about)})


OPENED = commands(bids=1)[0]
SPLIT = {"a": {"settlement.commands": [0]}, "b": {"bids": [0]}}
FAULTS: dict[str, tuple[Callable[[Cluster], Cluster], str, State, str]] = {
    "a topic is missing": (
        lambda c: c._replace(topics={n: t for n, t in c.topics.items() if n != "bids"}),
        "topics", State.FAIL, "missing: bids",
    ),
    "too few partitions": (
        topic_fault("bids", partitions=3),
        "partitions", State.FAIL, "not 4 partitions: bids 3",
    ),
    "one replica": (
        topic_fault("bids", replicas=1, in_sync=1),
        "replication", State.WARN, "1 of 3 replicas: a lost disk loses records",
    ),
    "a replica behind": (
        topic_fault("bids", in_sync=2),
        "replication", State.WARN, "replicas are missing or behind: bids",
    ),
    "records that expire": (
        topic_fault("bids", configuration={**configuration(ALL_TOPICS[0], 3), "retention.ms": "5"}),
        "configuration", State.FAIL, "bids: retention.ms is 5, not -1",
    ),
    "nobody at work": (
        group_fault("matching", members={}),
        "members", State.FAIL, "nobody serves partition 0 of matching (0 members)",
    ),
    "nobody watches": (
        group_fault("watch", members={}),
        "watch", State.WARN, "nobody watches partition 0",
    ),
    "the watch is behind": (
        group_fault("watch", taken={"bids": -20_000}),
        "watch", State.WARN, "20,011 offsets behind: bids",
    ),
    "a transaction hangs": (
        lambda c: c._replace(hanging=["bids"]),
        "transactions", State.FAIL, "open for more than its time: bids",
    ),
    "inputs given to different members": (
        group_fault("settlement", members=SPLIT),
        "members", State.FAIL, "nobody serves partition 0 of settlement (2 members)",
    ),
    "far behind": (
        lambda c: c._replace(bounds={**c.bounds, "ledger": Bounds(0, 20_011)}),
        "lag", State.WARN, "20,001 offsets behind: matching ledger",
    ),
    "records lost": (
        lambda c: c._replace(bounds={**c.bounds, "ledger": Bounds(0, 0)}),
        "lag", State.FAIL, "matching took 10 of ledger that are not there",
    ),
    "a foreign writer": (
        also(raw(OPENED, 7, ce_source=b"/venues/gx/matching")),
        "writers", State.FAIL, "settlement.commands/7 is of matching",
    ),
    "a record without a source": (
        also(raw(OPENED, 7, ce_source=b"")),
        "writers", State.FAIL, "settlement.commands/7 is of nobody",
    ),
    "an unreadable command": (
        also(raw(OPENED, 7, ce_sequence=b"x")),
        "messages", State.WARN, "settlement.commands/7: ",
    ),
    "an unreadable event": (
        also(raw(CheckpointSigned(id="c", at_ms=T0, size=1, note=""), 7, ce_sequence=b"x")),
        "messages", State.FAIL, "checkpoints/7: ",
    ),
    "a commit missing": (
        also(seal(SettlementInputsTaken, 7)),
        "commits", State.FAIL, "commit 7 of settlement follows 5",
    ),
    "a commit twice": (
        also(seal(MatchingInputsTaken, 9)),
        "commits", State.FAIL, "commit 9 of matching follows 9",
    ),
    "no snapshot for long": (
        also(seal(MatchingInputsTaken, 10, sequence=200_000)),
        "snapshots", State.WARN, "settlement none yet, matching none yet",
    ),
    "a snapshot of another form": (
        also(
            piece("matching.snapshots", state_version=STATE_VERSION + 1, sequence=199_000),
            seal(MatchingInputsTaken, 10, sequence=200_000),
        ),
        "snapshots", State.WARN, "settlement none yet, matching 200,000 events ago",
    ),
    "a clock behind": (
        lambda c: c._replace(now_ms=T0 - 3_600_000),
        "clock", State.WARN, "records are ",
    ),
    "older tables": (
        trail_fault(revision=None),
        "schema", State.FAIL, f"tables at revision None, not {migrations.NEWEST}",
    ),
    "no sequencer": (
        trail_fault(writer=False), "sequencer", State.FAIL, "nobody writes the trail of gx",
    ),
    "a trail ahead of the topics": (
        trail_fault(heads={"bids": 99}, size=50),
        "trail", State.FAIL, "the trail holds records that the topics lack: 88 of bids",
    ),
    "a checkpoint over more than there is": (
        trail_fault(size=49, projected=49),
        "checkpoint", State.FAIL, "over 50 of 49 records, 1 s ago: signed records are missing",
    ),
    "nothing signed for long": (
        lambda c: trail_fault(size=60, projected=60)(also(signed(at_ms=NOW - 70_000))(c)),
        "checkpoint", State.WARN, "over 50 of 60 records, 70 s ago",
    ),
    "nothing signed ever": (
        lambda c: c._replace(scans=scanned()), "checkpoint", State.FAIL, "no checkpoint",
    ),
    "read models ahead": (
        trail_fault(projected=51), "read models", State.FAIL, "1 records ahead of the trail",
    ),
    "read models behind": (
        lambda c: trail_fault(size=20_050)(also(signed(size=20_050))(c)),
        "read models", State.WARN, "20,000 records behind the trail",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_found_by_its_check_with_advice(fault: str) -> None:
    change, check, state, told = FAULTS[fault]
    found = unwell(change(cluster()))
    assert found[check][0] is state
    assert found[check][1].startswith(told)


def test_a_check_that_cannot_be_made_fails_with_the_reason() -> None:
    broken = cluster()
    broken.scans["matching.snapshots"].headers["about"] = b"no json"
    assert unwell(broken)["snapshots"][0] is State.FAIL


def test_an_event_of_ours_in_its_place_is_no_fault() -> None:
    opened = commands(bids=1)[0]
    event = VenueOpened(id="cmd_1", at_ms=T0, operator_id=opened.operator_id, terms=opened.terms)
    assert unwell(also(raw(event))(cluster())) == {}
