"""The reader of a broker's files tells what was committed from what was not."""

import struct
from pathlib import Path

from aiokafka.record.default_records import DefaultRecordBatchBuilder

from tests.builders.segments import Raw, read_partition

COMMIT, ABORT = 1, 0


def batch(
    base: int, producer: int, epoch: int, *values: bytes, transactional: bool = True
) -> bytes:
    made = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=transactional,
        producer_id=producer,
        producer_epoch=epoch,
        base_sequence=0,
        batch_size=9_999,
    )
    for number, value in enumerate(values):
        made.append(number, 1_000, b"key", value, [("name", b"text")])
    return at(base, made.build())


def mark(base: int, producer: int, epoch: int, kind: int) -> bytes:
    """A control batch: the transactional and the control bit, and the kind in the key."""
    made = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=True,
        producer_id=producer,
        producer_epoch=epoch,
        base_sequence=-1,
        batch_size=9_999,
    )
    made.append(0, 1_000, struct.pack(">hh", 0, kind), b"\0" * 6, [])
    data = bytearray(at(base, made.build()))
    attributes = struct.unpack_from(">h", data, 21)[0]
    struct.pack_into(">h", data, 21, attributes | 0x20)
    return bytes(data)


def at(base: int, built: bytes) -> bytes:
    return struct.pack(">q", base) + bytes(built)[8:]


def written(folder: Path, *batches: bytes) -> Path:
    (folder / "bids-0").mkdir()
    (folder / "bids-0" / "00000000000000000000.log").write_bytes(b"".join(batches))
    return folder


def values(records: list[Raw]) -> list[tuple[int, bytes | None]]:
    return [(record.offset, record.value) for record in records]


def test_committed_records_are_held_in_order_and_aborted_ones_counted(tmp_path: Path) -> None:
    folder = written(
        tmp_path,
        batch(0, 7, 1, b"a", b"b"),
        batch(2, 8, 0, b"lost"),
        batch(3, -1, -1, b"plain", transactional=False),
        mark(4, 7, 1, COMMIT),
        mark(5, 8, 0, ABORT),
        batch(6, 7, 2, b"open"),
    )
    found = read_partition(folder, "bids", 0)
    assert values(found.records) == [(0, b"a"), (1, b"b"), (3, b"plain")]
    assert found.records[0] == Raw(0, b"key", b"a", (("name", b"text"),))
    assert found.epochs == [1, 1]
    assert (found.aborted, found.open) == (1, 1)


def test_a_torn_end_is_no_record(tmp_path: Path) -> None:
    folder = written(
        tmp_path, batch(0, -1, -1, b"a", transactional=False),
        batch(1, -1, -1, b"b", transactional=False)[:-3],
    )  # fmt: skip
    assert values(read_partition(folder, "bids", 0).records) == [(0, b"a")]


def test_a_record_longer_than_a_byte_can_say_is_read_whole(tmp_path: Path) -> None:
    long = b"x" * 70_000
    folder = written(tmp_path, batch(0, -1, -1, long, transactional=False))
    assert values(read_partition(folder, "bids", 0).records) == [(0, long)]
