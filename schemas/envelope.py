"""A message in its place in the log: CloudEvents attributes, canonical bytes, and back.

Canonical bytes are JSON with sorted keys, no floats and no white space, equal to RFC 8785 on what
the schemas can express. They are what is stored, hashed into the audit tree and compared in a
replay.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Final, Union

import msgspec
from msgspec import Meta

from schemas.base import Command, Event, Fact, SchemaError
from schemas.topics import TOPIC_OF

# Of the deciders that made an event; raised whenever a decision changes, by a new field or command
# aside. 2: a refused command that is said again is the same one, also if it has a reason itself;
# and the clocks of the services do not go back to a deadline that was noted late.
RULES_VERSION: Final = 2

if TYPE_CHECKING:
    Message = Command | Event
else:
    Message = Union[tuple(TOPIC_OF)]  # noqa: UP007  the closed union, read off the topic table

Count = Annotated[int, Meta(ge=0)]


class Record(Fact):
    """One log entry. Its position in the log is not part of it; (topic, partition, offset) is.

    `sequence` counts the decisions of one service in one venue from 1, without gaps; what is not
    decided has none.
    `correlationid` is the command at the root, `causationid` the message taken directly before.
    `source` is "venue/service".
    """

    topic: str
    partition: Count
    offset: Count
    source: str
    data: Message
    correlationid: str
    causationid: str = ""
    sequence: Count = 0
    rulesversion: Count = 0

    @property
    def id(self) -> str:
        """CloudEvents id, unique within `source`: service and sequence, or the message's own."""
        if self.sequence:
            return event_id(self.source.partition("/")[2], self.sequence)
        own: str = self.data.id  # type: ignore[union-attr]  # whatever is not decided has one
        return own


class RecordHead(msgspec.Struct, gc=False):
    """The attributes a verifier checks, read without decoding the message."""

    topic: str
    partition: int
    offset: int
    source: str
    sequence: int = 0
    rulesversion: int = 0


_ENCODER: Final = msgspec.json.Encoder(order="sorted")
_RECORDS: Final = msgspec.json.Decoder(Record)
_MESSAGES: Final = msgspec.json.Decoder(Message)
_HEADS: Final = msgspec.json.Decoder(RecordHead)

encode = _ENCODER.encode
"""Return the canonical bytes of a message, a record or any value made of them."""


def decode_record(canonical: bytes) -> Record:
    """Raises SchemaError, naming the field, when the bytes are not a record of this schema."""
    try:
        return _RECORDS.decode(canonical)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SchemaError(f"not a record: {error}") from error


def decode_message(canonical: bytes) -> Message:
    """Raises SchemaError, naming the field, when the bytes are not a message of this schema."""
    try:
        message: Message = _MESSAGES.decode(canonical)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SchemaError(f"not a message: {error}") from error
    return message


def decode_head(canonical: bytes) -> RecordHead:
    """Raises SchemaError when the bytes lack one of the attributes."""
    try:
        return _HEADS.decode(canonical)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SchemaError(f"not a record: {error}") from error


def event_id(service: str, sequence: int) -> str:
    return f"{service}-{sequence}"


def cloudevent_attributes(record: Record) -> dict[str, str]:
    """Return the CloudEvents 1.0 attributes of a record, as they stand in headers and streams."""
    return {**common_attributes(type(record.data), record.source), **own_attributes(record)}


@lru_cache(maxsize=1024)
def common_attributes(kind: type[Message], source: str) -> dict[str, str]:
    """Return those that all records of a kind from one source have. Not to be changed."""
    return {
        "specversion": "1.0",
        "source": f"/venues/{source}",
        "type": f"databourse.{kind.__name__}",
        "partitionkey": source.partition("/")[0],
    }


def own_attributes(record: Record) -> dict[str, str]:
    return {
        "id": record.id,
        "time": iso_time(record.data.at_ms),
        "sequence": str(record.sequence),
        "correlationid": record.correlationid,
        "causationid": record.causationid,
    }


@lru_cache(maxsize=1024)  # what is decided together often has one time
def iso_time(at_ms: int) -> str:
    """Return UTC epoch milliseconds as RFC 3339, exactly."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
