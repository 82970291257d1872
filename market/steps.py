"""What a service that works on its topics, apart from the others, does beside deciding: it seals
what it took, finds the order of its own events again, and settlement keeps the clock.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol

from schemas.commands import TimePassed
from schemas.envelope import Message, Record
from schemas.events import MatchingInputsTaken, SettlementInputsTaken
from schemas.events.trail import InputsTaken, TakenRange
from schemas.topics import OUTPUTS, Service

TICK_GRACE_MS: Final = 250  # a tick waits so long for commands stamped before it, on their way
SEALS: Final[dict[Service, type[InputsTaken]]] = {
    Service.MATCHING: MatchingInputsTaken,
    Service.SETTLEMENT: SettlementInputsTaken,
}


class Placed(Protocol):
    """A record's place among those of its partition."""

    @property
    def topic(self) -> str: ...

    @property
    def offset(self) -> int: ...


def own_topics(service: Service) -> list[str]:
    """Return the topics from which a service's state and place are made again."""
    return [*sorted(OUTPUTS[service]), f"{service}.inputs"]


def seal(
    service: Service, inputs: Sequence[Placed], at_ms: int, commit: int, sequence: int
) -> InputsTaken:
    """Return the last record of a commit; `at_ms` is the latest stamp of the inputs."""
    return SEALS[service](
        id=f"{service}-commit-{commit}",
        at_ms=at_ms,
        commit=commit,
        sequence=sequence,
        ranges=ranges_of(inputs),
    )


def ranges_of(inputs: Sequence[Placed]) -> tuple[TakenRange, ...]:
    """Return the order of the inputs as runs of one topic each."""
    runs: list[list[Placed]] = []
    for taken in inputs:
        if not runs or runs[-1][-1].topic != taken.topic:
            runs.append([])
        runs[-1].append(taken)
    return tuple(
        TakenRange(topic=run[0].topic, first=run[0].offset, last=run[-1].offset, count=len(run))
        for run in runs
    )


def in_sequence(waiting: dict[str, deque[Record]], sequence: int) -> Iterator[Record]:
    """Yield what follows a sequence without a gap, out of whichever topic has it in front."""
    found = True
    while found:
        found = False
        for records in waiting.values():
            while records and records[0].sequence == sequence + 1:
                sequence += 1
                found = True
                yield records.popleft()


class Ticks:
    """Says each due deadline once, and again only after that was taken in."""

    def __init__(self, grace_ms: int = TICK_GRACE_MS) -> None:
        self._grace_ms = grace_ms
        self._in_flight: set[int] = set()

    def due(self, taken: Iterable[Message], due_ms: int | None, now_ms: int) -> list[TimePassed]:
        for message in taken:
            if isinstance(message, TimePassed):
                self._in_flight.discard(message.due_ms)
        if due_ms is None or due_ms + self._grace_ms > now_ms or due_ms in self._in_flight:
            return []
        self._in_flight.add(due_ms)
        return [tick(due_ms)]


def tick(due_ms: int) -> TimePassed:
    return TimePassed(id=f"tick_{due_ms}", at_ms=due_ms, due_ms=due_ms)
