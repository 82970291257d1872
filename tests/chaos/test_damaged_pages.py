"""Bytes changed in random pages of each database of a stopped market: it is told with what to do,
or verification or the doctor finds it, or nothing anybody asks for has changed.
"""

import random
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from services.commands import UsageError
from services.commands.serve import open_process
from services.gateway.app import create_app
from services.gateway.databases import READ_MODELS_NAME
from services.process import Process
from services.upkeep.checks import State, examine
from tests.builders.exchange import FREE, METERED, Exchange
from tests.builders.trail import findings

SEEDS = 100
TELLING = 10  # so many must matter, or the damage fell where there is nothing
BYTES = 16
DATABASES = ("market.sqlite3", "audit.sqlite3", "edge.sqlite3", READ_MODELS_NAME)
ADVICE = ("restore", "rebuild", "update databourse", "doctor", "reissued", "issued again")
ASKED = (  # who asks what; the answers depend on every database
    ("", "/v1/listings"),
    ("", "/v1/auctions"),
    ("operator", "/v1/parties"),
    ("anna", "/v1/me"),
    ("anna", "/v1/grants"),
    ("anna", "/v1/trades"),
    ("anna", "/v1/bids"),
    ("anna", "/v1/parties/{anna}/balances"),
    ("anna", "/v1/parties/{anna}/statement"),
    ("seller", "/v1/parties/{seller}/balances"),
    ("operator", "/v1/audit/trial-balance"),
    ("regulator", "/v1/audit/entries/7"),
    ("regulator", "/v1/audit/entries/300"),
)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Exchange:
    """A stopped market with trades of all modes."""
    market = Exchange(tmp_path_factory.mktemp("original") / "market")
    market.party("seller", "supplier")
    market.party("anna", "buyer", money=10_000_000)
    free_id = market.listing("seller", FREE)
    metered_id = market.listing("seller", METERED)
    market.ok("anna", "POST", f"/v1/listings/{free_id}/access-requests", {})
    budget = {"currency": "CNY", "budget_minor": 100_000}
    path = f"/v1/listings/{metered_id}/subscriptions"
    grant_id = market.ok("anna", "POST", path, budget)["grant_id"]
    auction_id = market.auction("seller", lasts_ms=3_600_000)
    for number in range(60):
        market.ok("anna", "POST", f"/v1/grants/{grant_id}/usage", {"quantity": 1})
        bid = {"currency": "CNY", "max_price_minor": 2_000 + 100 * number}
        market.ok("anna", "POST", f"/v1/auctions/{auction_id}/bids", bid)
    market.close()
    return market


def answers(original: Exchange, process: Process) -> dict[tuple[str, str], Any]:
    """Return what is answered to each question, the size of the trail aside."""
    http = TestClient(create_app(process.exchange))
    found = {}
    for who, path in ASKED:
        headers = {"Authorization": f"Bearer {original.tokens[who]}"} if who else {}
        answer = http.get(path.format(**original.ids), headers=headers)
        body = answer.json()
        for name in ("tree_size", "root", "proof", "checkpoint", "now_ms"):
            if isinstance(body, dict):
                body.pop(name, None)
        found[who, path] = (answer.status_code, body)
    return found


def damage(path: Path, seed: int) -> None:
    rng = random.Random(seed)
    whole = bytearray(path.read_bytes())
    place = rng.randrange(len(whole) - BYTES)
    for index in range(place, place + BYTES):
        whole[index] ^= rng.randint(1, 255)
    path.write_bytes(whole)


def what_happens(original: Exchange, folder: Path, right: dict[tuple[str, str], Any]) -> str:
    """Return how the damage came to light, or that it changed nothing; fail if it did neither."""
    try:
        process = open_process(folder)
    except UsageError as error:
        told = any(advice in str(error) for advice in ADVICE)
        return "told at the start" if told else pytest.fail(f"no advice in: {error}")
    try:
        said = answers(original, process)
    finally:
        try:
            process.stop()
        except Exception as error:
            return f"told at the end: {type(error).__name__}"
    refused = {question for question, (status, _) in said.items() if status in (401, 503)}
    wrong = {question for question in said if said[question] != right[question]} - refused
    failed = [f.check for f in examine(folder, full=True) if f.state is State.FAIL]
    if failed:
        return "found by the doctor"
    assert not wrong, {question: (said[question], right[question]) for question in wrong}
    assert not refused, f"refused, and the doctor sees nothing: {refused}"
    assert findings(folder) == []
    return "changed nothing"


@pytest.mark.long
@pytest.mark.parametrize("name", DATABASES)
def test_damaged_pages_are_told_or_found_and_never_believed(
    name: str, original: Exchange, tmp_path: Path
) -> None:
    process = open_process(shutil.copytree(original.process.folder, tmp_path / "right"))
    right = answers(original, process)
    process.stop()
    assert {status for status, _ in right.values()} == {200}
    outcomes: Counter[str] = Counter()
    for seed in range(SEEDS):
        folder = Path(shutil.copytree(original.process.folder, tmp_path / "market"))
        damage(folder / name, seed)
        outcomes[what_happens(original, folder, right)] += 1
        shutil.rmtree(folder)
    assert outcomes["told at the start"] + outcomes["found by the doctor"] >= TELLING, outcomes


def test_the_market_is_whole_before_it_is_damaged(original: Exchange) -> None:
    for name in DATABASES:
        with closing(sqlite3.connect(original.process.folder / name)) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
