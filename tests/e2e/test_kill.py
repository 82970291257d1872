"""SIGKILL at random moments: every acknowledged command is there exactly once, and all still
verifies.
"""

import random
import shutil
import threading
from collections import Counter
from pathlib import Path

import pytest

from schemas.envelope import decode_record
from schemas.events import FundsRefused, FundsReserved, TransferPosted, UsageRecorded, UsageRefused
from services.audit.store import stored_notes, stored_verifier
from services.audit.verify import replay_log, verify_log
from streams.embedded import EmbeddedReader
from tests.builders.exchange import METERED, Exchange
from tests.builders.server import CLIENTS, Load, Server

SPLIT = str(Path(__file__).with_name("split_server.py"))


@pytest.fixture
def prepared(tmp_path: Path) -> tuple[Path, Load]:
    """A folder with an open auction and a metered grant for each client, and the load to put on
    it.
    """
    folder = tmp_path / "market"
    market = Exchange(folder)
    market.party("seller", "supplier")
    plan = {
        "auction_id": market.auction("seller", lasts_ms=3_600_000),
        "buyer_ids": [],
        "grant_ids": [],
    }
    listing_id = market.listing("seller", METERED)
    for index in range(CLIENTS):
        name = f"buyer{index}"
        plan["buyer_ids"].append(market.party(name, "buyer", money=10_000_000_000))
        budget = {"currency": "CNY", "budget_minor": 10_000_000}
        path = f"/v1/listings/{listing_id}/subscriptions"
        plan["grant_ids"].append(market.ok(name, "POST", path, budget)["grant_id"])
    market.close()
    return folder, Load(market.tokens, plan)


def kill_again_and_again(folder: Path, load: Load, kills: int, *command: str) -> None:
    rng = random.Random(kills)
    for _ in range(kills):
        server = Server(folder, *command)
        stop = threading.Event()
        clients = load.run(server.url, stop)
        stop.wait(rng.uniform(0.05, 0.6))
        server.kill()
        stop.set()
        for client in clients:
            client.join()


def findings(folder: Path) -> list:
    log = EmbeddedReader(folder)
    try:
        verified = verify_log(log, stored_notes(folder), stored_verifier(folder))
        return [*verified.findings, *replay_log(log).findings]
    finally:
        log.close()


def effects(folder: Path) -> dict[str, Counter[str]]:
    """Return how often each command took effect, from the log itself."""
    counts: dict[str, Counter[str]] = {"deposit": Counter(), "bid": Counter(), "usage": Counter()}
    log = EmbeddedReader(folder)
    position = 0
    while stored := log.read(position):
        for _, body in stored:
            match decode_record(body).data:
                case TransferPosted(request=request) if request is not None:
                    counts["deposit"][request.id] += 1
                case FundsReserved(request=request) | FundsRefused(request=request):
                    counts["bid"][request.id] += 1
                case UsageRecorded(id=id) | UsageRefused(id=id):
                    counts["usage"][id] += 1
        position = stored[-1].position + 1
    log.close()
    return counts


def survives(folder: Path, load: Load, kills: int) -> None:
    kill_again_and_again(folder, load, kills)
    last = Server(folder)
    assert last.stop() == 0
    assert findings(folder) == []
    counted = effects(folder)
    acknowledged = 0
    for client in load.acknowledged:
        for kind, ids in client.items():
            acknowledged += len(ids)
            assert {id: counted[kind][id] for id in ids} == dict.fromkeys(ids, 1)
    assert acknowledged > 5 * kills, "too little was acknowledged to prove anything"
    assert all(count == 1 for kind in counted.values() for count in kind.values())


def test_nothing_acknowledged_is_lost_or_doubled_by_kills(prepared: tuple[Path, Load]) -> None:
    survives(*prepared, kills=3)


@pytest.mark.long
def test_nothing_acknowledged_is_lost_or_doubled_by_twenty_kills(
    prepared: tuple[Path, Load],
) -> None:
    survives(*prepared, kills=20)


@pytest.mark.long
def test_a_commit_split_in_two_is_found_out(prepared: tuple[Path, Load], tmp_path: Path) -> None:
    """The negative control: the same kills on a log whose commit is not one."""
    folder, load = prepared
    for _ in range(20):
        kill_again_and_again(folder, load, 1, SPLIT)
        try:
            survivor = Server(folder)
        except RuntimeError:
            return  # the log cannot even be opened again
        survivor.stop()
        if findings(folder):
            return
    shutil.rmtree(folder)
    pytest.fail("twenty kills of a split commit left no trace: the test cannot see such a fault")
