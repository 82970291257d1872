"""A record on a topic: the message's canonical bytes, CloudEvents attributes in the headers.

Its offset is given by the broker, so it is put into the `Record` by whoever reads it.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from schemas.base import SchemaError
from schemas.envelope import (
    Message,
    Record,
    common_attributes,
    decode_message,
    encode,
    own_attributes,
)
from schemas.topics import PARTITION_OF_VENUE, TOPIC_OF

Headers = Iterable[tuple[str, bytes]]
PREFIX: Final = "ce_"  # CloudEvents 1.0, Kafka protocol binding, binary content mode
RULES: Final = "rulesversion"
_CONTENT_TYPE: Final = ("content-type", b"application/json")
_SOURCE: Final = "/venues/"


def to_wire(record: Record) -> tuple[bytes, list[tuple[str, bytes]]]:
    """Return value and headers; topic and partition go beside them."""
    common = _common_headers(type(record.data), record.source, record.rulesversion)
    return encode(record.data), [*common, *_headers(own_attributes(record))]


@lru_cache(maxsize=1024)
def _common_headers(kind: type[Message], source: str, rules: int) -> list[tuple[str, bytes]]:
    attributes = {**common_attributes(kind, source), RULES: str(rules)}
    return [*_headers(attributes), _CONTENT_TYPE]


def _headers(attributes: dict[str, str]) -> list[tuple[str, bytes]]:
    return [(PREFIX + name, value.encode()) for name, value in attributes.items() if value]


def from_wire(topic: str, partition: int, offset: int, value: bytes, headers: Headers) -> Record:
    """Raises SchemaError when it is not what our services write to this topic."""
    told = dict(headers)
    try:
        record = Record(
            topic=topic,
            partition=partition,
            offset=offset,
            source=told["ce_source"].decode().removeprefix(_SOURCE),
            data=decode_message(value or b""),
            correlationid=told.get("ce_correlationid", b"").decode(),
            causationid=told.get("ce_causationid", b"").decode(),
            sequence=int(told.get("ce_sequence", 0)),
            rulesversion=int(told.get("ce_rulesversion", 0)),
        )
    except KeyError as error:
        raise SchemaError(f"header {error} is missing") from error
    except (UnicodeDecodeError, ValueError) as error:
        raise SchemaError(f"{error}") from error
    except (AttributeError, TypeError) as error:  # Kafka lets a header have none
        raise SchemaError("a header has no value") from error
    _check_place(record)
    return record


def _check_place(record: Record) -> None:
    belongs = TOPIC_OF[type(record.data)]
    venue, _, writer = record.source.partition("/")
    if belongs.name != record.topic or belongs.writer != writer:
        name = type(record.data).__name__
        raise SchemaError(f"{record.source} may not write {name} to {record.topic}")
    if PARTITION_OF_VENUE.get(venue) != record.partition:
        raise SchemaError(f"venue {venue!r} does not belong on partition {record.partition}")
    if (record.sequence > 0) is not belongs.decided:
        raise SchemaError(f"sequence {record.sequence} does not fit topic {record.topic}")
