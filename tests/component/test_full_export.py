"""A full export: everything, for its owner alone, and a trail filled from it again."""

import random
from pathlib import Path

import pytest

from services.audit import export
from services.audit.shelf import SqliteShelf
from services.audit.store import AuditStore
from services.cluster.restoring import bring_back
from streams.log import Entry, LogError
from streams.memory import MemoryLog
from tests.builders.market import T0
from tests.builders.recorded import commands
from tests.builders.topics import Cluster, trail_of


@pytest.fixture(scope="module")
def trail() -> MemoryLog:
    """Of services that ran apart, with auctions that still run."""
    rng = random.Random(7)
    cluster = Cluster(rng)
    cluster.now_ms = T0
    for command in commands(bids=5):
        cluster.say(command)
        cluster.settle_down()
    return trail_of(cluster.topics, rng)


@pytest.fixture
def exported(trail: MemoryLog, tmp_path: Path) -> Path:
    store = AuditStore(tmp_path, SqliteShelf(), trail)
    store.integrate()
    signed = (trail.size, store.publish())
    for name, full in (("open", False), ("full", True)):
        (tmp_path / name).mkdir()
        export.write(trail, signed, store.verifier, tmp_path / name, lambda _: None, full=full)
    for name in ("open", "full"):
        report = export.check(tmp_path / name, store.verifier, lambda _: None)
        assert (report.size, report.findings) == (trail.size, [])
    store.close()
    return tmp_path


def entries(trail: MemoryLog) -> list[Entry]:
    return list(trail._entries)


def test_it_has_what_is_sealed_and_only_its_owner_reads_it(exported: Path) -> None:
    assert b"leaf_hash" in (exported / "open" / export.RECORDS).read_bytes()
    full = exported / "full" / export.RECORDS
    assert b"leaf_hash" not in full.read_bytes()
    assert full.stat().st_mode & 0o777 == 0o600


def test_a_trail_filled_from_it_is_the_same_in_records_and_heads(
    exported: Path, trail: MemoryLog
) -> None:
    back, (size, note) = export.read_back(exported / "full")
    filled = MemoryLog("gx")
    assert bring_back(filled, back) == size == trail.size
    assert entries(filled) == entries(trail)
    assert filled.heads() == trail.heads()
    assert note == (exported / "full" / export.NOTE).read_bytes()


def test_an_interrupted_filling_goes_on_and_another_trail_is_left_alone(
    exported: Path, trail: MemoryLog
) -> None:
    half = MemoryLog("gx")
    bring_back(half, iter(entries(trail)[: trail.size // 2]))
    bring_back(half, export.read_back(exported / "full")[0])
    assert (entries(half), half.heads()) == (entries(trail), trail.heads())

    other = MemoryLog("gx")
    other.append([Entry(*reversed_) for reversed_ in reversed(entries(trail)[:9])], {})
    with pytest.raises(LogError, match="is another one"):
        bring_back(other, export.read_back(exported / "full")[0])
    assert other.size == 9

    longer = MemoryLog("gx")
    longer.append([*entries(trail), entries(trail)[-1]], {})
    with pytest.raises(LogError, match="goes on after record"):
        bring_back(longer, export.read_back(exported / "full")[0])


def test_the_hash_of_a_sealed_record_is_no_record(exported: Path) -> None:
    with pytest.raises(ValueError, match="not a record"):
        bring_back(MemoryLog("gx"), export.read_back(exported / "open")[0])
