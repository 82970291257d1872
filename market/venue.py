"""A venue as one cascade: a command and everything it causes, breadth first, before the next
command.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from market import matching, settlement
from schemas.base import Command, Event
from schemas.envelope import Message
from schemas.topics import TOPIC_OF, Service


class Emission(NamedTuple):
    """A message of a cascade; `cause` is the index in it of the message taken directly before."""

    message: Message
    cause: int


# Which services decide on a message of this kind; the others have no use for it.
TAKERS: Final = {
    kind: tuple(
        service
        for service, takes in (
            (Service.SETTLEMENT, settlement.TAKES),
            (Service.MATCHING, matching.TAKES),
        )
        if service in topic.readers and kind in takes
    )
    for kind, topic in TOPIC_OF.items()
}


class Venue:
    """Both services' states. Not to be used further after an exception: reload it from the log."""

    def __init__(
        self,
        matching_state: matching.State | None = None,
        settlement_state: settlement.State | None = None,
    ) -> None:
        self.matching = matching_state or matching.State()
        self.settlement = settlement_state or settlement.State()
        self._take: dict[Service, Callable[[Message], list[Event]]] = {
            Service.MATCHING: self._take_matching,
            Service.SETTLEMENT: self._take_settlement,
        }

    def run(self, command: Command) -> list[Emission]:
        """Return the command and its consequences in the order they came to be."""
        cascade = [Emission(command, -1)]
        for index, (message, _) in enumerate(cascade):
            for service in TAKERS[type(message)]:
                for event in self._take[service](message):
                    cascade.append(Emission(event, index))  # noqa: PERF401  a comprehension is slower
        return cascade

    def next_deadline(self) -> int | None:
        return settlement.next_deadline(self.settlement)

    def _take_matching(self, message: Message) -> list[Event]:
        events = matching.decide(self.matching, message)
        for event in events:
            matching.evolve(self.matching, event)
        return events

    def _take_settlement(self, message: Message) -> list[Event]:
        events = settlement.decide(self.settlement, message)
        for event in events:
            settlement.evolve(self.settlement, event)
        return events
