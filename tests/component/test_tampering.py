"""Whatever is done to the recorded file is found: by verify, by the signature, or by replay."""

import json
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from schemas.envelope import RULES_VERSION, encode
from services.audit.findings import Report
from services.audit.replay import replay_log
from services.audit.shelf import folder_shelf
from services.audit.store import AuditStore, stored_notes, stored_verifier
from services.audit.verify import verify_log
from streams.embedded import FILE_NAME, EmbeddedReader
from tests.builders.recorded import record

SEEDS = 100
Change = Callable[[sqlite3.Connection, random.Random, int], None]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("original")
    record(folder)
    return folder


def verify(folder: Path) -> Report:
    log = EmbeddedReader(folder)
    try:
        return verify_log(log, stored_notes(folder), stored_verifier(folder))
    finally:
        log.close()


def replay(folder: Path) -> Report:
    log = EmbeddedReader(folder)
    try:
        return replay_log(log)
    finally:
        log.close()


def body(db: sqlite3.Connection, position: int) -> bytes:
    return db.execute("SELECT body FROM records WHERE position = ?", (position,)).fetchone()[0]


def put(db: sqlite3.Connection, position: int, changed: bytes) -> None:
    assert changed != body(db, position), "a change that changes nothing proves nothing"
    db.execute("UPDATE records SET body = ? WHERE position = ?", (changed, position))


def edit(db: sqlite3.Connection, rng: random.Random, size: int) -> None:
    position = rng.randrange(size)
    old = bytearray(body(db, position))
    old[rng.randrange(len(old))] ^= 1 << rng.randrange(7)
    put(db, position, bytes(old))


def delete(db: sqlite3.Connection, rng: random.Random, size: int) -> None:
    position = rng.randrange(size)
    assert db.execute("DELETE FROM records WHERE position = ?", (position,)).rowcount == 1
    if rng.random() < 0.5:  # and close the gap
        shift(db, position, -1)


def insert(db: sqlite3.Connection, rng: random.Random, size: int) -> None:
    position, copied = rng.randrange(size), rng.randrange(size)
    row = db.execute("SELECT topic, body FROM records WHERE position = ?", (copied,)).fetchone()
    shift(db, position - 1, 1)
    db.execute("INSERT INTO records VALUES (?, ?, ?)", (position, *row))


def reorder(db: sqlite3.Connection, rng: random.Random, size: int) -> None:
    first, second = rng.sample(range(size), 2)
    one, other = body(db, first), body(db, second)
    put(db, first, other)
    put(db, second, one)


def shift(db: sqlite3.Connection, after: int, by: int) -> None:
    db.execute("UPDATE records SET position = -position - 1 WHERE position > ?", (after,))
    db.execute("UPDATE records SET position = -position - 1 + ? WHERE position < 0", (by,))


@pytest.mark.parametrize("change", [edit, delete, insert, reorder])
def test_a_changed_file_is_found_by_verify(change: Change, original: Path, tmp_path: Path) -> None:
    assert verify(original).findings == []
    for seed in range(SEEDS):
        folder = copy(original, tmp_path / str(seed))
        tamper(folder, change, seed)
        assert verify(folder).findings, f"{change.__name__} with seed {seed} went unseen"
        shutil.rmtree(folder)


def test_rewritten_history_is_found_by_the_signature_and_by_replay(
    original: Path, tmp_path: Path
) -> None:
    """Someone changes an event's content and hashes everything again, at last even with our key."""
    assert replay(original).findings == []
    for seed in range(SEEDS):
        folder = copy(original, tmp_path / str(seed))
        tamper(folder, raise_an_amount, seed)
        assert any("not those signed" in problem for _, problem in verify(folder).findings)
        sign_again(folder)
        assert not any("not those signed" in problem for _, problem in verify(folder).findings)
        assert replay(folder).findings, f"seed {seed} went unseen"
        shutil.rmtree(folder)


def raise_an_amount(db: sqlite3.Connection, rng: random.Random, size: int) -> None:
    """Change one number inside an event, leaving a record that is whole and canonical."""
    while True:
        position = rng.randrange(size)
        record = json.loads(body(db, position))
        names = [name for name, value in record["data"].items() if name.endswith("_minor")]
        if "rulesversion" in record and names:
            record["data"][rng.choice(names)] += 1
            put(db, position, encode(record))
            return


def test_replay_names_the_field_that_differs_and_not_what_is_in_it(
    original: Path, tmp_path: Path
) -> None:
    """What it must have been may still be sealed."""
    folder = copy(original, tmp_path / "changed")
    db = sqlite3.connect(folder / FILE_NAME)
    query = "SELECT position, body FROM records WHERE instr(body, ?)"
    position, old = db.execute(query, (b'"type":"BidPlaced"',)).fetchone()
    placed = json.loads(old)
    amount = placed["data"]["max_price_minor"]
    placed["data"]["max_price_minor"] = amount + 1
    put(db, position, encode(placed))
    db.commit()
    db.close()
    (finding,) = replay(folder).findings
    assert finding == (position, "the rules give BidPlaced otherwise: data.max_price_minor")
    assert str(amount) not in finding.problem


def sign_again(folder: Path) -> None:
    (folder / "audit.sqlite3").unlink()
    log = EmbeddedReader(folder)
    store = AuditStore(folder, folder_shelf(folder), log)
    store.integrate()
    store.publish()
    store.close()
    log.close()


def made_by(folder: Path, rules: int, **data: Any) -> int:
    """Let an event be of other rules, and say something else; return where it is."""
    with closing(sqlite3.connect(folder / FILE_NAME)) as db, db:
        query = "SELECT position, body FROM records WHERE instr(body, ?)"
        position, old = db.execute(query, (b'"type":"BidPlaced"',)).fetchone()
        record = json.loads(old)
        assert record["rulesversion"] == RULES_VERSION
        put(db, position, encode({**record, "rulesversion": rules, "data": record["data"] | data}))
    return int(position)


def test_records_made_by_newer_rules_are_told_and_not_guessed(
    original: Path, tmp_path: Path
) -> None:
    folder = copy(original, tmp_path / "newer")
    position = made_by(folder, RULES_VERSION + 1)
    (finding,) = replay(folder).findings
    assert finding == (position, "was made by rules 3, these are 2: no replay")


def test_what_older_rules_decided_alike_replays_and_the_rest_says_so(
    original: Path, tmp_path: Path
) -> None:
    folder = copy(original, tmp_path / "alike")
    made_by(folder, 1)
    assert replay(folder).findings == []
    folder = copy(original, tmp_path / "otherwise")
    position = made_by(folder, 1, max_price_minor=1)
    (finding,) = replay(folder).findings
    assert finding == (
        position,
        "rules 2, newer than its 1, give BidPlaced otherwise: data.max_price_minor",
    )


def test_missing_checkpoints_and_records_after_the_last_one_are_told(
    original: Path, tmp_path: Path
) -> None:
    folder = copy(original, tmp_path / "none")
    with sqlite3.connect(folder / "audit.sqlite3") as db:
        db.execute("DELETE FROM checkpoints")
    db.close()
    assert "there is no checkpoint" in verify(folder).findings[0].problem


def test_a_checkpoint_of_another_key_is_refused(original: Path, tmp_path: Path) -> None:
    folder = copy(original, tmp_path / "other")
    (folder / "keys" / "checkpoint.key").unlink()
    trusted = stored_verifier(original)
    sign_again(folder)
    log = EmbeddedReader(folder)
    report = verify_log(log, stored_notes(folder), trusted)
    log.close()
    assert any("signed with another key" in problem for _, problem in report.findings)


def copy(original: Path, folder: Path) -> Path:
    shutil.copytree(original, folder)
    return folder


def tamper(folder: Path, change: Change, seed: int) -> None:
    db = sqlite3.connect(folder / FILE_NAME)
    size = db.execute("SELECT count(*) FROM records").fetchone()[0]
    change(db, random.Random(seed), size)
    db.commit()
    db.close()
