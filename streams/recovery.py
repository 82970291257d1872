"""From a log back to the states of the services: newest usable snapshot, then own events."""

from types import ModuleType
from typing import Final

import msgspec

from market import matching, settlement
from market.venue import Venue
from schemas.envelope import decode_record, encode
from schemas.topics import OUTPUTS, Service
from streams.log import READ_LIMIT_MAX, LogReader, Snapshot

# Raised whenever a state changes its form or meaning: snapshots of another are passed over.
STATE_VERSION: Final = 2
NEWEST_RECORDS: Final = (
    1_000  # among which the latest time is looked for; stamps are nearly in order
)
State = matching.State | settlement.State
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
    fits.
    """
    rules = RULES[service]
    state, position = _newest_usable(log, service)
    while stored := log.read(position, READ_LIMIT_MAX, OUTPUTS[service]):
        for _, body in stored:
            rules.evolve(state, decode_record(body).data)
        position = stored[-1].position + 1
    return state


def recorded_until_ms(log: LogReader) -> int:
    """Return the latest time among the newest records, 0 if there are none: no clock of this log
    may begin before it.
    """
    newest = log.read(max(log.size - NEWEST_RECORDS, 0), NEWEST_RECORDS)
    return max((decode_record(body).data.at_ms for _, body in newest), default=0)


def snapshot(service: Service, state: State, position: int) -> Snapshot:
    return Snapshot(service.value, position, STATE_VERSION, encode(state))


def _newest_usable(log: LogReader, service: Service) -> tuple[State, int]:
    """A snapshot of another form, or one that cannot be read, is passed over: the events have it
    all.
    """
    kind: type[State] = RULES[service].State
    for kept in log.snapshots(service.value):
        if kept.state_version == STATE_VERSION and kept.position <= log.size:
            try:
                return msgspec.json.decode(kept.body, type=kind), kept.position
            except msgspec.DecodeError:
                continue
    return kind(), 0
