"""What is written beside the decisions where services run apart: which inputs were taken in which
order, what could not be read, and signed tree heads. None of it is decided again in a replay.
"""

from typing import Annotated

from msgspec import Meta

from schemas.base import Event, Fact, Id, Name, Text

__all__ = [
    "CheckpointSigned",
    "MatchingDeadLetter",
    "MatchingInputsTaken",
    "SettlementDeadLetter",
    "SettlementInputsTaken",
]

Offset = Annotated[int, Meta(ge=0)]
Number = Annotated[int, Meta(ge=1)]
Base64 = str


class TakenRange(Fact):
    """`count` records of one topic, taken one after another, with offsets from `first` to `last`;
    transaction markers leave holes between them.
    """

    topic: Name
    first: Offset
    last: Offset
    count: Number


class InputsTaken(Event):
    """Seals one commit of a service: the inputs it decided on, in this order, inputs without
    effect included.

    `commit` counts a service's commits in a venue from 1, `sequence` is that of its last event
    when all of this commit was decided. `at_ms` is the latest stamp among the inputs.
    """

    id: Id
    commit: Number
    sequence: Offset
    ranges: tuple[TakenRange, ...]


class MatchingInputsTaken(InputsTaken): ...


class SettlementInputsTaken(InputsTaken): ...


class Header(Fact):
    """A header of a record on a topic, its value in base64."""

    name: Text
    value: Base64


class DeadLetter(Event):
    """A record that could not be decoded, whole, with the reason; it was passed over. `at_ms` is
    the record's time on the topic.
    """

    id: Id
    topic: Name
    partition: Offset
    offset: Offset
    reason: Text
    value: Base64
    headers: tuple[Header, ...] = ()


class MatchingDeadLetter(DeadLetter): ...


class SettlementDeadLetter(DeadLetter): ...


class CheckpointSigned(Event):
    """A signed tree head (C2SP checkpoint) over the first `size` records of the venue's trail."""

    id: Id
    size: Offset
    note: Text
