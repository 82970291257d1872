"""`databourse doctor --log`: is a cluster, and a venue on it, as it must be?

Each check judges what `cluster.look` gathered; the table says what to do when all is not well.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise
from typing import Final

from schemas.events import CheckpointSigned
from schemas.topics import DECIDERS, INPUTS, SNAPSHOT_TOPICS, TOPIC_NAMED, Service
from services import migrations
from services.audit.replay import replay_log
from services.audit.sequencer import SEQUENCED
from services.audit.shared import PostgresShelf
from services.audit.store import verifier_of
from services.audit.verify import verify_log
from services.clock import JUMP_MS
from services.cluster.dead_letters import TOPICS as DEAD_LETTERS
from services.upkeep.checks import UNPUBLISHED_RECORDS_WARN, Finding, Found, State
from services.upkeep.cluster import Cluster, Trail, reading_trail
from streams.faults import words
from streams.kafka.commit import group_of
from streams.kafka.settings import SNAPSHOT_EVERY_EVENTS
from streams.kafka.topics import ALL_TOPICS, PARTITIONS, configuration
from streams.recovery import STATE_VERSION

LAG_RECORDS_WARN: Final = 10_000
CHECKPOINT_AGE_WARN_MS: Final = 60_000
TOLD_MAX: Final = 5


def examine(cluster: Cluster) -> list[Finding]:
    """Run every check that applies; one that cannot be made fails with the reason."""
    checks = {**OF_KAFKA, **(OF_TRAIL if cluster.trail is not None else {})}
    return [_run(name, *checks[name], cluster) for name in checks]


def _run(name: str, check: "Check", advice: str, cluster: Cluster) -> Finding:
    try:
        state, found = check(cluster)
    except Exception as error:  # the edge: of what is damaged anything may come
        state, found = State.FAIL, words(error)
    return Finding(name, state, found, "" if state is State.OK else advice)


def _topics(cluster: Cluster) -> Found:
    missing = [topic.name for topic in ALL_TOPICS if topic.name not in cluster.topics]
    if missing:
        return State.FAIL, f"missing: {', '.join(missing)}"
    return State.OK, f"{len(ALL_TOPICS)} topics are there"


def _partitions(cluster: Cluster) -> Found:
    """Services get partition p of all their inputs only where all have as many."""
    wrong = [
        f"{name} {about['partitions']}"
        for name, about in _ours(cluster)
        if about["partitions"] != PARTITIONS
    ]
    if wrong:
        return State.FAIL, f"not {PARTITIONS} partitions: {', '.join(wrong)}"
    return State.OK, f"{PARTITIONS} in each topic, one for each venue"


def _replication(cluster: Cluster) -> Found:
    wanted = {topic.name: topic.replication for topic in ALL_TOPICS}
    ours = list(_ours(cluster))
    behind = [name for name, about in ours if about["in_sync"] < about["replicas"]]
    if behind:
        return State.WARN, f"replicas are missing or behind: {_some(behind)}"
    few = sorted({about["replicas"] for name, about in ours if about["replicas"] < wanted[name]})
    if few:
        return State.WARN, f"{few[0]} of {max(wanted.values())} replicas: a lost disk loses records"
    return State.OK, "each topic has its replicas, all in sync"


def _configuration(cluster: Cluster) -> Found:
    drift = []
    for topic in ALL_TOPICS:
        about = cluster.topics.get(topic.name)
        if about is not None:
            has = about["configuration"]
            drift += [
                f"{topic.name}: {name} is {has.get(name)}, not {value}"
                for name, value in configuration(topic, about["replicas"]).items()
                if has.get(name) != value
            ]
    return (State.FAIL, _some(drift)) if drift else (State.OK, "as the topic table says")


def _members(cluster: Cluster) -> Found:
    told, idle = [], []
    for service in DECIDERS:
        members = cluster.groups[group_of(service)].members
        at_work = {
            name: {topic for topic, some in has.items() if cluster.partition in some}
            for name, has in members.items()
        }
        if not any(has >= INPUTS[service] for has in at_work.values()):
            idle.append(f"{service} ({len(members)} members)")
        for name, has in sorted(members.items()):
            numbers = sorted({number for some in has.values() for number in some})
            told.append(f"{service}: {name} has {', '.join(map(str, numbers)) or 'none'}")
    if idle:
        return State.FAIL, f"nobody serves partition {cluster.partition} of {', '.join(idle)}"
    return State.OK, "; ".join(told)


def _lag(cluster: Cluster) -> Found:
    lags, lost = {}, []
    for service in DECIDERS:
        taken = cluster.groups[group_of(service)].taken
        for topic in sorted(INPUTS[service]):
            end = cluster.bounds[topic].end if topic in cluster.bounds else 0
            lags[f"{service} {topic}"] = lag = end - max(taken.get(topic, 0), 0)
            if lag < 0:
                lost.append(f"{service} took {-lag} of {topic} that are not there")
    if lost:
        return State.FAIL, "; ".join(lost)
    return _by_size(lags)


def _watch(cluster: Cluster) -> Found:
    """A market works without one, but whoever has an index wants it to go on."""
    group = cluster.groups[group_of(Service.WATCH)]
    served = {
        topic
        for has in group.members.values()
        for topic, some in has.items()
        if cluster.partition in some
    }
    if not group.taken and not group.members:
        return State.OK, "none at work: no index, no alerts"
    lags = {
        topic: cluster.bounds[topic].end - taken
        for topic, taken in group.taken.items()
        if topic in cluster.bounds
    }
    if not served:
        return State.WARN, f"nobody watches partition {cluster.partition}"
    return _by_size(lags)


def _transactions(cluster: Cluster) -> Found:
    if cluster.hanging:
        return State.FAIL, f"open for more than its time: {_some(cluster.hanging)}"
    return State.OK, "none is open for long"


def _writers(cluster: Cluster) -> Found:
    foreign = [text for scan in cluster.scans.values() for text in scan.foreign]
    return (State.FAIL, _some(foreign)) if foreign else (State.OK, f"one each, in {_read(cluster)}")


def _messages(cluster: Cluster) -> Found:
    """Commands come from outside, so one that cannot be read is put aside; events are our own."""
    bad = {name: scan.unreadable for name, scan in cluster.scans.items() if scan.unreadable}
    if not bad:
        return State.OK, f"all readable, in {_read(cluster)}"
    own = any(TOPIC_NAMED[name].writer is not Service.GATEWAY for name in bad)
    return State.FAIL if own else State.WARN, _some([t for texts in bad.values() for t in texts])


def _commits(cluster: Cluster) -> Found:
    """Two writers at once, or a commit lost, would leave a gap or a number twice."""
    told = []
    for service in DECIDERS:
        commits = cluster.scans[f"{service}.inputs"].commits
        for before, after in pairwise(commits):
            if after != before + 1:
                return State.FAIL, f"commit {after} of {service} follows {before}"
        told.append(f"{service} {commits[-1] if commits else 0}")
    return State.OK, ", ".join(told)


def _dead_letters(cluster: Cluster) -> Found:
    counts = {name: cluster.scans[name].count for name in DEAD_LETTERS if name in cluster.bounds}
    if any(counts.values()):
        return State.WARN, ", ".join(f"{name} {count}" for name, count in counts.items() if count)
    return State.OK, "none"


def _snapshots(cluster: Cluster) -> Found:
    told, old = [], False
    for service, topic in SNAPSHOT_TOPICS.items():
        about = json.loads(cluster.scans[topic.name].headers.get("about", b"{}"))
        newest = cluster.scans[f"{service}.inputs"].newest
        events = getattr(newest.data, "sequence", 0) if newest else 0
        right = about.get("state_version", STATE_VERSION) == STATE_VERSION
        since = events - (about.get("sequence", 0) if right else 0)
        old = old or since > 2 * SNAPSHOT_EVERY_EVENTS
        told.append(f"{service} {since:,} events ago" if about else f"{service} none yet")
    return State.WARN if old else State.OK, ", ".join(told)


def _clock(cluster: Cluster) -> Found:
    newest_ms = max((scan.newest_ms for scan in cluster.scans.values()), default=0)
    if newest_ms - cluster.now_ms > JUMP_MS:
        return State.WARN, f"records are {newest_ms - cluster.now_ms:,} ms ahead of this clock"
    return State.OK, "this clock is not behind the records"


def _schema(cluster: Cluster) -> Found:
    revision = _trail(cluster).revision
    if revision != migrations.NEWEST:
        return State.FAIL, f"tables at revision {revision}, not {migrations.NEWEST}"
    return State.OK, f"revision {revision}"


def _sequencer(cluster: Cluster) -> Found:
    if not _trail(cluster).writer:
        return State.FAIL, f"nobody writes the trail of {cluster.venue}"
    return State.OK, f"one process writes the trail of {cluster.venue}"


def _trail_lag(cluster: Cluster) -> Found:
    heads, lags, lost = _trail(cluster).heads, {}, []
    for topic in SEQUENCED:
        if topic in cluster.bounds:
            lags[topic] = lag = cluster.bounds[topic].end - heads.get(topic, 0)
            if lag < 0:
                lost.append(f"{-lag} of {topic}")
    if lost:
        return State.FAIL, f"the trail holds records that the topics lack: {', '.join(lost)}"
    state, found = _by_size(lags)
    return state, f"{_trail(cluster).size:,} records; {found}"


def _checkpoint(cluster: Cluster) -> Found:
    newest = cluster.scans["checkpoints"].newest
    size = _trail(cluster).size
    if newest is None or not isinstance(newest.data, CheckpointSigned):
        return State.FAIL if size else State.OK, "no checkpoint"
    signed, age_ms = newest.data.size, cluster.now_ms - newest.data.at_ms
    told = f"over {signed:,} of {size:,} records, {max(age_ms, 0) // 1000} s ago"
    if signed > size:
        return State.FAIL, f"{told}: signed records are missing"
    behind = size - signed
    late = behind > UNPUBLISHED_RECORDS_WARN or (behind and age_ms > CHECKPOINT_AGE_WARN_MS)
    return State.WARN if late else State.OK, told


def _read_models(cluster: Cluster) -> Found:
    trail = _trail(cluster)
    if trail.projected is None:
        return State.OK, "not there; the gateway makes them"
    behind = trail.size - trail.projected
    if behind < 0:
        return State.FAIL, f"{-behind:,} records ahead of the trail"
    return (
        State.WARN if behind > LAG_RECORDS_WARN else State.OK,
        f"{behind:,} records behind the trail",
    )


def _verified(cluster: Cluster) -> Found:
    if not cluster.full or not _trail(cluster).size:
        return State.OK, "not read; --full does"
    shelf = PostgresShelf(cluster.database, cluster.venue)
    with reading_trail(cluster.database, cluster.venue) as log, closing(shelf):
        key = verifier_of(shelf, f"the database, venue {cluster.venue},")
        problems = [
            *verify_log(log, shelf.notes(), key).findings,
            *replay_log(log).findings,
        ]
        size = log.size
    if problems:
        return State.FAIL, f"record {problems[0].position}: {problems[0].problem}"
    return State.OK, f"{size:,} records verified and replayed"


def _ours(cluster: Cluster) -> Iterator[tuple[str, dict[str, int]]]:
    return (
        (topic.name, cluster.topics[topic.name])
        for topic in ALL_TOPICS
        if topic.name in cluster.topics
    )


def _trail(cluster: Cluster) -> Trail:
    assert cluster.trail is not None, "checks of the trail run where there is one"
    return cluster.trail


def _by_size(lags: dict[str, int]) -> Found:
    """Transaction markers are offsets too, so a lag of one or two is none."""
    most = max(lags, key=lambda name: lags[name], default="")
    lag = lags.get(most, 0)
    if lag > LAG_RECORDS_WARN:
        return State.WARN, f"{lag:,} offsets behind: {most}"
    return State.OK, f"at most {lag:,} offsets behind"


def _some(texts: list[str]) -> str:
    more = f" and {len(texts) - TOLD_MAX} more" if len(texts) > TOLD_MAX else ""
    return "; ".join(texts[:TOLD_MAX]) + more


def _read(cluster: Cluster) -> str:
    return f"{sum(scan.count for scan in cluster.scans.values()):,} records"


Check = Callable[[Cluster], Found]
_MIGRATE: Final = "run `databourse migrate`"
_RESTORE: Final = "stop the services; see docs/operations.md, An empty cluster"
OF_KAFKA: Final[dict[str, tuple[Check, str]]] = {
    "topics": (_topics, _MIGRATE),
    "partitions": (_partitions, f"{_MIGRATE}; more than there are venues cannot be taken back"),
    "replication": (_replication, "look after the brokers; a market of worth needs three"),
    "configuration": (_configuration, "set them back with Kafka's own tools, and ask who did it"),
    "members": (_members, "start the services, or look at their standard error"),
    "lag": (_lag, "look at the services' /metrics; if records are missing, restore"),
    "watch": (_watch, "start `databourse service watch`, or look at its standard error"),
    "transactions": (_transactions, "Kafka's `kafka-transactions.sh find-hanging` and `abort`"),
    "writers": (_writers, "somebody else has written there: change the passwords, read the trail"),
    "messages": (_messages, "commands: `databourse dead-letters list`; events: update, or restore"),
    "commits": (_commits, _RESTORE),
    "dead letters": (_dead_letters, "`databourse dead-letters list`"),
    "snapshots": (_snapshots, "restarts take longer; look at the services' standard error"),
    "clock": (_clock, "set the clocks right; until then the market's runs ahead"),
}
OF_TRAIL: Final[dict[str, tuple[Check, str]]] = {
    "schema": (_schema, _MIGRATE),
    "sequencer": (_sequencer, "start `databourse service audit`, or look at its standard error"),
    "trail": (_trail_lag, f"behind: look at the audit service; lost: {_RESTORE}"),
    "checkpoint": (_checkpoint, "look at the audit service, and run `databourse audit verify`"),
    "read models": (_read_models, "look at the gateway's standard error"),
    "records": (_verified, "run `databourse audit verify`, and restore a backup of the database"),
}
