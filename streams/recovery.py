"""From a log back to the states of the services: newest usable snapshot, then own events."""

import hashlib
from types import ModuleType
from typing import Any, Final, TypeVar

import msgspec

from market import matching, settlement
from market.venue import Venue
from schemas.base import SchemaError
from schemas.envelope import Record, decode_record, encode
from schemas.topics import OUTPUTS, Service
from streams.log import READ_LIMIT_MAX, RESTORE, LogBroken, LogReader, Snapshot

# Raised whenever a state changes its form or meaning: snapshots of another are passed over.
STATE_VERSION: Final = 4
NEWEST_RECORDS: Final = (
    1_000  # among which the latest time is looked for; stamps are nearly in order
)
SUM_BYTES: Final = 8  # of SHA-256, before a snapshot's body: a damaged one is passed over
State = matching.State | settlement.State
StateT = TypeVar("StateT")
RULES: Final[dict[Service, ModuleType]] = {
    Service.MATCHING: matching,
    Service.SETTLEMENT: settlement,
}


def recover_venue(log: LogReader) -> Venue:
    states = {service: recover(log, service) for service in RULES}
    matching_state, settlement_state = states[Service.MATCHING], states[Service.SETTLEMENT]
    assert isinstance(matching_state, matching.State)
    assert isinstance(settlement_state, settlement.State)
    return Venue(matching_state, settlement_state)


def recover(log: LogReader, service: Service) -> State:
    """Return the service's state: a fold of its own events, shortened by a snapshot where one
    fits. Raises LogBroken where an event is missing or cannot be applied.
    """
    evolve = RULES[service].evolve
    kind: type[State] = RULES[service].State
    state, position = newest_usable(log, service, kind)
    sequence = None
    while stored := log.read(position, READ_LIMIT_MAX, OUTPUTS[service]):
        for position, body in stored:
            try:
                record = decode_record(body)
                assert sequence in (None, record.sequence - 1), "an event before it is missing"
                sequence = record.sequence
                evolve(state, record.data)
            except Exception as error:  # the edge: of a damaged record anything may come
                raise LogBroken(f"record {position} does not fit: {error!r}; {RESTORE}") from error
        position += 1
    if sequence not in (None, log.heads().get(service.value)):
        raise LogBroken(f"events of {service} are missing after sequence {sequence}; {RESTORE}")
    return state


def recorded_until_ms(log: LogReader) -> int:
    """Return the latest time among the newest records, 0 if there are none: no clock of this log
    may begin before it.
    """
    newest = log.read(max(log.size - NEWEST_RECORDS, 0), NEWEST_RECORDS)
    return max((_decoded(*stored).data.at_ms for stored in newest), default=0)


def _decoded(position: int, body: bytes) -> Record:
    try:
        return decode_record(body)
    except SchemaError as error:
        raise LogBroken(f"record {position} cannot be read: {error}; {RESTORE}") from error


def snapshot(service: Service, state: Any, position: int) -> Snapshot:
    body = encode(state)
    return Snapshot(service.value, position, STATE_VERSION, _sum_of(body) + body)


def newest_usable(log: LogReader, service: Service, kind: type[StateT]) -> tuple[StateT, int]:
    """Return a service's state by its newest snapshot, or a new one, and the position it is of.

    A snapshot of another form, or a damaged one, is passed over: the events have it all.
    """
    for kept in log.snapshots(service.value):
        if kept.state_version == STATE_VERSION and kept.position <= log.size:
            body = kept.body[SUM_BYTES:]
            if kept.body == _sum_of(body) + body:
                return msgspec.json.decode(body, type=kind), kept.position
    return kind(), 0


def _sum_of(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()[:SUM_BYTES]
