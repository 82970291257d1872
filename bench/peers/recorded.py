"""A run of the market in memory, as what each record of a topic is answered with.

Topics are taken in order, so who writes the n-th answer to the n-th record does what the rules did,
as far as number and size of records go. Order among topics aside, such a run ends where the
recorded one did: what a prefix of records causes is there before it is needed.
"""

from collections import defaultdict
from typing import NamedTuple

from bench.embedded import bids, opening
from market.venue import Venue
from schemas.topics import Service
from streams.kafka.wire import to_wire
from streams.scribe import Scribe
from streams.steps import Input, Stepper


class Written(NamedTuple):
    """A record as it is sent."""

    topic: str
    at_ms: int
    value: bytes
    headers: list[tuple[str, bytes]]


def answers(count: int) -> dict[str, list[list[Written]]]:
    """Return by topic, for each record of so many bids, what it causes directly."""
    venue, scribe = Venue(), Scribe("gx", {})
    for command in opening():
        venue.run(command)
    found: dict[str, list[list[Written]]] = defaultdict(list)
    for command in bids(count):
        caused: list[list[Written]] = []
        ids: list[str] = []
        for message, cause in venue.run(command):
            record = scribe.write(message, command.id, ids[cause] if ids else "")
            if ids:
                caused[cause].append(Written(record.topic, message.at_ms, *to_wire(record)))
            caused.append([])
            ids.append(record.id)
            found[record.topic].append(caused[-1])
    return found


def seal(service: Service) -> Written:
    """Return the seal of a commit of an ordinary size."""
    stepper = Stepper(service, "gx", sequence=100_000, commit=1_000)
    command = bids(1)[0]
    taken = [Input(topic, 100_000, command, "", "") for topic in ("bids", "settlement.commands")]
    record = stepper._seal(taken)
    return Written(record.topic, record.data.at_ms, *to_wire(record))
