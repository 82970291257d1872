"""Content of each kind: what is told of it, its rows, its sample, and what is refused."""

import io
import random
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from services.gateway.content import ContentStore
from services.gateway.tabular import (
    CSV,
    JSON_LINES,
    PARQUET,
    TEXT_FORMATS,
    ContentError,
    ContentTooLarge,
    bounded,
)

WEATHER = {
    "day": pa.array([date(2024, 1, 1), date(2024, 1, 2), None], pa.date32()),
    "mm": pa.array([1.5, 0.0, None], pa.float64()),
    "price": pa.array([Decimal("2.50"), Decimal("0.10"), Decimal("9.99")], pa.decimal128(9, 2)),
    "people": pa.array([8, 3, -1], pa.int64()),
    "wet": pa.array([True, False, True]),
    "city": pa.array(["南宁", "", None]),
    "seen": pa.array([datetime(2024, 1, 1, 8, tzinfo=UTC)] * 3, pa.timestamp("ms", "UTC")),
}
NUMBERS = {"n": pa.array(range(30_000)), "text": pa.array([f"row {n}" for n in range(30_000)])}


def parquet(columns: dict[str, Any], **how: Any) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file, **how)
    return file.getvalue()


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore(tmp_path)


def test_parquet_is_described_by_its_own_types(store: ContentStore) -> None:
    content = store.add([parquet(WEATHER)], PARQUET)
    assert content.row_count == 3
    assert [(column.name, column.type, column.nullable) for column in content.columns] == [
        ("day", "date", True),
        ("mm", "decimal", True),
        ("price", "decimal", False),
        ("people", "integer", False),
        ("wet", "boolean", False),
        ("city", "text", True),
        ("seen", "datetime", False),
    ]
    assert content.sample[0] == (
        "2024-01-01", "1.5", "2.50", "8", "true", "南宁", "2024-01-01 08:00:00.000Z",
    )  # fmt: skip
    assert content.sample[2][:2] == ("", "")


@pytest.mark.parametrize("group_rows", [1_000, 30_000])
@pytest.mark.parametrize(
    ("offset", "limit"), [(0, 3), (999, 2), (8_191, 3), (29_998, 10), (30_000, 5), (500, 10_000)]
)
def test_parquet_rows_are_taken_from_any_place(
    store: ContentStore, offset: int, limit: int, group_rows: int
) -> None:
    content = store.add([parquet(NUMBERS, row_group_size=group_rows)], PARQUET)
    expected = [[str(n), f"row {n}"] for n in range(30_000)][offset : offset + limit]
    assert store.rows(content, offset, limit) == expected


@pytest.mark.parametrize(
    ("column", "holds"),
    [
        (pa.array([[1, 2]]), "list<"),
        (pa.array([{"a": 1}]), "struct<"),
        (pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int32())), "map<"),
        (pa.array([b"\x00"]), "binary"),
    ],
)
def test_a_column_that_is_not_flat_is_refused_by_name(
    store: ContentStore, column: Any, holds: str
) -> None:
    with pytest.raises(ContentError, match=f"column 'inner' holds {holds}"):
        store.add([parquet({"outer": pa.array([1]), "inner": column})], PARQUET)


def test_two_parquet_columns_of_one_name_are_refused(store: ContentStore) -> None:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"]), file)
    with pytest.raises(ContentError, match="two columns are named 'a'"):
        store.add([file.getvalue()], PARQUET)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1PAR1", b"no parquet", b"PAR1" * 100])
def test_what_is_no_parquet_is_refused(store: ContentStore, content: bytes) -> None:
    with pytest.raises(ContentError):
        store.add([content], PARQUET)


def test_damaged_parquet_is_refused_or_read_and_never_more(store: ContentStore) -> None:
    whole = parquet(NUMBERS, row_group_size=10_000)
    rng = random.Random(7)
    refused = 0
    for _ in range(60):
        damaged = bytearray(whole)
        damaged[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        assert bytes(damaged) != whole
        try:
            store.add([bytes(damaged)], PARQUET)
        except ContentError:
            refused += 1
    assert refused


def test_a_small_file_of_much_text_does_not_unfold(store: ContentStore) -> None:
    """A megabyte of text, written once and named by two thousand rows."""
    once = pa.array(["x" * 900_000])
    folded = pa.DictionaryArray.from_arrays(pa.array([0] * 2_000, pa.int32()), once)
    file = parquet({"text": folded})
    assert len(file) < 200_000
    content = store.add([file], PARQUET)
    with pytest.raises(ContentError, match="take fewer at a time"):
        store.rows(content, 0, 2_000)
    assert [len(row[0]) for row in store.rows(content, 10, 2)] == [900_000, 900_000]
    assert pa.default_memory_pool().max_memory() < 200_000_000


@pytest.mark.parametrize(("media_type", "line"), [(CSV, "a,b\n"), (JSON_LINES, '{"a": "')])
def test_a_line_without_end_is_refused_before_it_is_read(
    store: ContentStore, media_type: str, line: str
) -> None:
    pieces = [line.encode(), *[b"x" * 1_000_000] * 20]
    with pytest.raises(ContentError, match="longer than 1000000 characters"):
        store.add(pieces, media_type)


def test_a_name_longer_than_names_may_be_is_refused(store: ContentStore) -> None:
    with pytest.raises(ContentError, match="column 2: a name is at most 200 characters"):
        store.add([f"a,{'b' * 201}\n1,2\n".encode()], CSV)


@pytest.mark.parametrize("rows", range(6))
def test_as_many_rows_are_published_as_wanted(store: ContentStore, rows: int) -> None:
    table = "n\n" + "".join(f"{n}\n" for n in range(10))
    content = store.add([table.encode()], CSV, rows)
    assert content.sample == tuple((str(n),) for n in range(rows))


def test_a_wide_table_publishes_fewer_rows(store: ContentStore) -> None:
    row = ",".join(["x" * 300] * 50)
    header = ",".join(f"c{n}" for n in range(50))
    content = store.add([f"{header}\n{row}\n{row}\n{row}\n".encode()], CSV)
    assert [len(cell) for cell in content.sample[0][:2]] == [200, 200]
    assert len(content.sample) == 2


def test_the_same_bytes_are_kept_once_and_refused_ones_not_at_all(
    store: ContentStore, tmp_path: Path
) -> None:
    for pieces in ([b"a\n1\n"], [b"a\n", b"1\n"]):
        store.add(pieces, CSV)
    with pytest.raises(ContentError):
        store.add([b"a,a\n"], CSV)
    (kept,) = tmp_path.iterdir()
    assert kept.read_bytes() == b"a\n1\n"


def test_more_than_the_limit_is_refused_while_it_comes(tmp_path: Path) -> None:
    with ContentStore(tmp_path, bytes_max=10).incoming(CSV) as incoming:
        incoming.write(b"0123456789")
        with pytest.raises(ContentTooLarge):
            incoming.write(b"0")


def test_rows_of_more_text_than_is_delivered_at_once_are_refused() -> None:
    rows = [["12345"], ["67890"], ["1"]]
    assert list(bounded(rows[:2], 10)) == rows[:2]
    with pytest.raises(ContentError, match="take fewer at a time"):
        list(bounded(rows, 10))


def test_every_text_format_is_named_by_its_media_type() -> None:
    assert set(TEXT_FORMATS) == {"text/csv", "application/x-ndjson"}
