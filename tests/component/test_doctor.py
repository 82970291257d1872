"""The doctor finds a healthy folder healthy, and each fault by its check, with what to do."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from services.clock import wall_ns
from services.gateway.databases import READ_MODELS_NAME
from services.upkeep.checks import CHECKS, Finding, State, examine
from tests.builders.exchange import FREE, Exchange


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("original") / "market"
    market = Exchange(folder)
    market.party("seller", "supplier")
    buyer_id = market.party("anna", "buyer", money=100_000)
    market.listing("seller", FREE)
    path = f"/v1/parties/{buyer_id}/deposits"
    for number in range(120):
        money = {"currency": "CNY", "amount_minor": 7 + number, "reference": "bank"}
        market.ok("operator", "POST", path, money)
    market.close()
    return folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "market"))


def unwell(folder: Path, *, full: bool = True) -> dict[str, Finding]:
    """Return all findings but that on the calendar, which depends on the day of the test."""
    found = {f.check: f for f in examine(folder, full=full) if f.state is not State.OK}
    found.pop("calendar", None)
    return found


def run(folder: Path, name: str, statement: str) -> None:
    with closing(sqlite3.connect(folder / name)) as db:
        assert db.execute(statement).rowcount > 0, "a change that changes nothing proves nothing"
        db.commit()


@pytest.mark.parametrize("full", [True, False])
def test_a_healthy_folder_is_healthy(full: bool, folder: Path) -> None:
    assert unwell(folder, full=full) == {}
    assert [finding.check for finding in examine(folder, full=False)] == list(CHECKS)


def test_a_running_market_is_examined_too(tmp_path: Path) -> None:
    market = Exchange(tmp_path / "market")
    market.process.audit.store.integrate()
    market.process.audit.store.publish()
    found = {finding.check: finding for finding in examine(tmp_path / "market", full=True)}
    market.close()
    assert [f for f in found.values() if f.state is State.FAIL] == []
    assert "in use" in found["format"].found


def truncate(folder: Path) -> None:
    path = next((folder / "content").iterdir())
    path.write_bytes(path.read_bytes()[:-1])


FAULTS: dict[str, tuple[Callable[[Path], object], set[str]]] = {
    "open key": (lambda f: next((f / "keys/grants").glob("*.key")).chmod(0o644), {"file modes"}),
    "open folder": (lambda f: f.chmod(0o755), {"file modes"}),
    "content gone": (lambda f: next((f / "content").iterdir()).unlink(), {"content"}),
    "content cut": (truncate, {"content"}),
    "upload left": (lambda f: (f / "content/incoming-x").touch(), {"leftovers"}),
    "older format": (
        lambda f: run(f, "market.sqlite3", "UPDATE meta SET value = '2' WHERE key = 'format'"),
        {"format"},
    ),
    "heads": (
        lambda f: run(f, "market.sqlite3", "UPDATE heads SET value = 5"),
        {"recovery", "trail"},
    ),
    "wrong tile": (
        lambda f: run(f, "audit.sqlite3", "UPDATE tiles SET hashes = zeroblob(8192)"),
        {"checkpoint", "tree"},
    ),
    "forged note": (
        lambda f: run(
            f, "audit.sqlite3", "UPDATE checkpoints SET note = CAST(note || 'x' AS BLOB)"
        ),
        {"checkpoint", "trail"},
    ),
    "a balance in the read models": (
        lambda f: run(f, READ_MODELS_NAME, "UPDATE balances SET balance_minor = 1"),
        {"read models"},
    ),
    "a row less in the read models": (
        lambda f: run(f, READ_MODELS_NAME, "DELETE FROM listings"),
        {"read models"},
    ),
    "read models of a longer log": (
        lambda f: run(f, READ_MODELS_NAME, "UPDATE projection SET position = 99999"),
        {"read models"},
    ),
    "no audit": (
        lambda f: (f / "audit.sqlite3").unlink(),
        {"checkpoint", "publication", "tree", "trail"},
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_found_by_its_checks_with_advice(fault: str, folder: Path) -> None:
    do, checks = FAULTS[fault]
    do(folder)
    found = unwell(folder)
    assert set(found) - {"publication"} == checks - {"publication"}
    assert all(finding.advice for finding in found.values())


def test_a_folder_without_a_market_fails_without_a_traceback(tmp_path: Path) -> None:
    found = unwell(tmp_path)
    assert "holds no market" in found["format"].found


def test_a_log_ahead_of_the_clock_is_told(folder: Path) -> None:
    ahead = wall_ns() // 1_000_000 + 3_600_000
    with closing(sqlite3.connect(folder / "market.sqlite3")) as db:
        (body,) = db.execute("SELECT body FROM records ORDER BY position DESC LIMIT 1").fetchone()
        at = body.index(b'"at_ms":') + len('"at_ms":')
        changed = body[:at] + str(ahead).encode() + body[at + 13 :]
        db.execute("UPDATE records SET body = ? WHERE body = ?", (changed, body))
        db.commit()
    assert "ahead of the system's clock" in unwell(folder, full=False)["clock"].found


@pytest.mark.parametrize(
    ("last_day", "state"), [("2026-01-31", State.WARN), ("2999-12-31", State.OK)]
)
def test_a_calendar_that_ends_soon_is_told(last_day: str, state: State, folder: Path) -> None:
    market = Exchange(folder)
    calendar = {
        "name": "China",
        "source": "a test",
        "first_day": "2026-01-01",
        "last_day": last_day,
        "holidays": [],
    }
    market.ok("operator", "POST", "/v1/calendar", calendar)
    market.close()
    (found,) = (f for f in examine(folder, full=False) if f.check == "calendar")
    assert (found.state, found.found) == (state, f"China, to {last_day}")


def test_a_damaged_page_fails_integrity(folder: Path) -> None:
    path = folder / "edge.sqlite3"
    damaged = bytearray(path.read_bytes())
    damaged[4096:8192] = os.urandom(4096)
    path.write_bytes(damaged)
    found = unwell(folder, full=False)
    assert "edge.sqlite3" in found["integrity"].found
