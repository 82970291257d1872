"""Taking a partition up again: the newest whole snapshot, then own events to the end."""

import hashlib
import json
import zlib
from collections import defaultdict, deque
from typing import Any, Final, NamedTuple

import msgspec

from market.steps import in_sequence, own_topics
from schemas.envelope import Record, encode
from schemas.events.trail import InputsTaken
from schemas.topics import SNAPSHOT_TOPICS, Service
from streams.kafka.reader import read_to_end
from streams.kafka.settings import KafkaSettings
from streams.kafka.wire import from_wire
from streams.log import LogBroken
from streams.recovery import RULES, STATE_VERSION, State
from streams.steps import Stepper

PIECE_BYTES: Final = 256 << 10  # of a compressed state; a piece must fit into a message
SLOTS: Final = 2  # snapshots kept by compaction, so that one being written spares the other
Positions = dict[str, int]


class Kept(NamedTuple):
    """A snapshot: the state after `sequence` and `commit`; own later records start at
    `positions`, inputs not yet taken at `taken`.
    """

    state: State
    sequence: int
    commit: int
    positions: Positions
    taken: Positions


class Piece(NamedTuple):
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


async def recover(
    settings: KafkaSettings, service: Service, venue: str, partition: int
) -> tuple[Stepper, Positions, Positions]:
    """Return the service as its own records left it, where its next ones will begin, and where the
    inputs begin that none of its seals covers.

    The partition's former worker must be fenced before. Raises LogBroken where an event is missing
    or cannot be applied.
    """
    kept = await _newest_whole(settings, service, partition)
    evolve = RULES[service].evolve
    state, sequence, commit, positions, taken = kept
    waiting: dict[str, deque[Record]] = defaultdict(deque)
    last_sealed = sequence
    async for found in read_to_end(settings, partition, positions):
        positions[found.topic] = found.offset + 1
        try:
            record = from_wire(
                found.topic, found.partition, found.offset, found.value, found.headers
            )
        except ValueError as error:
            raise LogBroken(
                f"{found.topic}/{found.partition}/{found.offset} cannot be read: {error}"
            ) from error
        if isinstance(record.data, InputsTaken):
            commit, last_sealed = record.data.commit, record.data.sequence
            taken |= {run.topic: run.last + 1 for run in record.data.ranges}
            continue
        waiting[record.topic].append(record)
        for event in in_sequence(waiting, sequence):
            evolve(state, event.data)
            sequence = event.sequence
    if any(waiting.values()) or sequence != last_sealed:
        raise LogBroken(
            f"events of {service} in venue {venue} are missing after sequence {sequence}; "
            "restore the topics from the audit export (docs/operations.md)"
        )
    return Stepper(service, venue, state, sequence, commit), positions, taken


def pieces(stepper: Stepper, positions: Positions, taken: Positions) -> list[Piece]:
    """Return a snapshot cut into messages. `positions` is where records after it begin, `taken`
    where the inputs after it do.
    """
    body = zlib.compress(encode(stepper.state), 1)
    about = {
        "state_version": STATE_VERSION,
        "sequence": stepper.sequence,
        "commit": stepper.commit,
        "positions": positions,
        "taken": taken,
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    slot = stepper.commit % SLOTS
    cuts = range(0, len(body), PIECE_BYTES)
    headers = [("about", json.dumps(about).encode()), ("pieces", str(len(cuts)).encode())]
    return [
        Piece(f"{slot}-{number}".encode(), body[start : start + PIECE_BYTES], headers)
        for number, start in enumerate(cuts)
    ]


async def _newest_whole(settings: KafkaSettings, service: Service, partition: int) -> Kept:
    """A snapshot of another form, or one that is not whole, is passed over: the events have it
    all.
    """
    topic = SNAPSHOT_TOPICS[service].name
    found: dict[bytes, dict[bytes, Any]] = defaultdict(dict)
    async for record in read_to_end(settings, partition, {topic: 0}):
        found[dict(record.headers)["about"]][record.key] = record
    kind: type[State] = RULES[service].State
    for said, parts in reversed(found.items()):
        about = json.loads(said)
        records = sorted(parts.values(), key=lambda record: int(record.key.partition(b"-")[2]))
        body = b"".join(record.value for record in records)
        if (
            about["state_version"] == STATE_VERSION
            and about["sha256"] == hashlib.sha256(body).hexdigest()
        ):
            state = msgspec.json.decode(zlib.decompress(body), type=kind)
            place = (about["sequence"], about["commit"], about["positions"])
            return Kept(state, *place, about.get("taken", {}))
    return Kept(kind(), 0, 0, dict.fromkeys(own_topics(service), 0), {})
