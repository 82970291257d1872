"""The broker's files read without any broker or client: what is really on a topic.

A client filters records of aborted transactions, and a fault of the broker or of the filter could
hide behind that. Source: the record batch format, version 2, and control records, of Apache Kafka's
protocol documentation.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

_FRAME: Final = struct.Struct(">qi")  # base offset, length of what follows
_BATCH: Final = struct.Struct(">qiibIhiqqqhii")
_TRANSACTIONAL, _CONTROL, _COMPRESSION = 0x10, 0x20, 0x07
_MAGIC: Final = 2


class Batch(NamedTuple):
    """Records of one producer, or the mark (`control`) by which it ended a transaction."""

    base: int
    producer: int
    epoch: int
    transactional: bool
    control: bool
    records: list["Raw"]


class Raw(NamedTuple):
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


class Partition(NamedTuple):
    """What holds: records outside transactions and of committed ones, with their writers' epochs
    in step; and how many transactions were aborted, or are still open, with records in them.
    """

    records: list[Raw]
    epochs: list[int]
    aborted: int
    open: int


def read_partition(data: Path, topic: str, partition: int) -> Partition:
    waiting: dict[int, list[Batch]] = {}
    held: list[Batch] = []
    aborted = 0
    for batch in _batches(data / f"{topic}-{partition}"):
        if batch.control:
            ended = waiting.pop(batch.producer, [])
            if _commits(batch.records[0]):
                held += ended
            else:
                aborted += bool(ended)
        elif batch.transactional:
            waiting.setdefault(batch.producer, []).append(batch)
        else:
            held.append(batch)
    held.sort(key=lambda batch: batch.base)
    records = [record for batch in held for record in batch.records]
    epochs = [batch.epoch for batch in held for _ in batch.records if batch.transactional]
    return Partition(records, epochs, aborted, len(waiting))


def _commits(mark: Raw) -> bool:
    assert mark.key is not None, "a mark says its kind in its key"
    _, kind = struct.unpack(">hh", mark.key)
    return bool(kind == 1)


def _batches(folder: Path) -> Iterator[Batch]:
    for segment in sorted(folder.glob("*.log")):
        data, at = segment.read_bytes(), 0
        while at + _FRAME.size <= len(data):
            _, length = _FRAME.unpack_from(data, at)
            end = at + _FRAME.size + length
            if length == 0 or end > len(data):
                break  # preallocated, or torn
            yield _batch(data, at, end)
            at = end


def _batch(data: bytes, at: int, end: int) -> Batch:
    base, _, _, magic, _, attributes, _, _, _, producer, epoch, _, count = _BATCH.unpack_from(
        data, at
    )
    assert magic == _MAGIC, f"a batch of format {magic}"
    assert not attributes & _COMPRESSION, "our topics are not compressed"
    cursor = _Cursor(data, at + _BATCH.size)
    records = [cursor.record(base) for _ in range(count)]
    assert cursor.at == end, "a batch holds its records and nothing else"
    transactional, control = bool(attributes & _TRANSACTIONAL), bool(attributes & _CONTROL)
    return Batch(base, producer, epoch, transactional, control, records)


class _Cursor:
    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self.at = at

    def record(self, base: int) -> Raw:
        self._number()  # length
        self.at += 1  # attributes
        self._number()  # time
        offset = base + self._number()
        key, value = self._bytes(), self._bytes()
        headers = []
        for _ in range(self._number()):
            name = self._bytes() or b""
            headers.append((name.decode(), self._bytes() or b""))
        return Raw(offset, key, value, tuple(headers))

    def _bytes(self) -> bytes | None:
        length = self._number()
        if length < 0:
            return None
        self.at += length
        return self._data[self.at - length : self.at]

    def _number(self) -> int:
        """A zigzag number in base 128."""
        result = shift = 0
        while True:
            byte = self._data[self.at]
            self.at += 1
            result |= (byte & 0x7F) << shift
            if byte < 0x80:
                return (result >> 1) ^ -(result & 1)
            shift += 7
