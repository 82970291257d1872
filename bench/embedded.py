"""The embedded log: durable bids per second with the audit tree, against bare inserts of the same
rows; bytes of log per bid; restart with and without a snapshot; and the rules alone in memory.
"""

import asyncio
import random
import sqlite3
import tempfile
import threading
import time
from pathlib import Path

from bench.report import Row, arguments, show
from schemas import commands as c
from schemas.auctions import INCREMENT_TABLES, EnglishTerms
from schemas.base import Command
from schemas.catalogue import AuctionOffer
from schemas.ids import make_id
from schemas.parties import Role, VenueTerms
from services.audit.shelf import folder_shelf
from services.audit.store import AuditLoop, AuditStore
from services.watch.loop import WatchLoop
from simulation.stage import Stage
from streams.embedded import EmbeddedLog, EmbeddedReader
from streams.recovery import recover_venue
from streams.runner import CascadeRunner
from tests.builders.market import CONTENT, ENTRY

START_MS = 1_700_000_000_000
BUYERS, AUCTIONS = 100, 50


def opening(start_ms: int = START_MS) -> list[Command]:
    """Return the commands that open a venue with buyers and auctions."""
    said: list[Command] = []
    terms = VenueTerms(currencies=("CNY",), buyer_fee_bps=100)
    stage = Stage(terms, start_ms, lambda cascade: said.append(cascade[0].message))  # type: ignore[arg-type]
    stage.admit("pty_seller", Role.SUPPLIER)
    for number in range(BUYERS):
        stage.admit(f"pty_buyer{number:03}", Role.BUYER, money_minor=10**12)
    for number in range(AUCTIONS):
        listing_id = f"lst_bench{number:03}"
        stage.publish(listing_id, "pty_seller", AuctionOffer(currency="CNY"), ENTRY, CONTENT)
        auction = EnglishTerms(
            currency="CNY",
            starts_at_ms=start_ms,
            ends_at_ms=start_ms + 10**10,
            start_price_minor=1_000,
            increments=INCREMENT_TABLES["ebay-2003"],
        )
        stage.say(
            c.OpenAuction(
                id=f"auc_bench{number:03}",
                at_ms=start_ms,
                listing_id=listing_id,
                supplier_id="pty_seller",
                terms=auction,
                nonce="0" * 32,
            )
        )
    return said


def bids(count: int, start_ms: int = START_MS) -> list[Command]:
    rng = random.Random(7)
    prices = [1_000] * AUCTIONS
    said: list[Command] = []
    for number in range(count):
        auction = rng.randrange(AUCTIONS)
        prices[auction] += rng.randint(-200, 800)
        said.append(
            c.PlaceBid(
                id=make_id("bid", str(number)),
                at_ms=start_ms + number // 100,
                auction_id=f"auc_bench{auction:03}",
                bidder_id=f"pty_buyer{rng.randrange(BUYERS):03}",
                currency="CNY",
                max_price_minor=max(1, prices[auction]),
                nonce=f"{rng.getrandbits(128):032x}",
            )
        )
    return said


def fill(folder: Path, count: int) -> None:
    """Write a log of so many bids, with a snapshot."""
    log = EmbeddedLog(folder)
    runner = CascadeRunner(log, lambda: START_MS)
    runner.run_now(opening())
    said = bids(count)
    for start in range(0, count, 500):
        runner.run_now(said[start : start + 500])
    runner.keep_snapshot()
    log.close()


def bids_per_second(folder: Path, said: list[Command], waiting: int) -> tuple[float, list[tuple]]:
    """Keep so many bids waiting until all are durable; return the rate and the rows written."""
    log = EmbeddedLog(folder)
    runner = CascadeRunner(log, lambda: START_MS)
    runner.run_now(opening())
    reader = EmbeddedReader(folder)
    audit = AuditLoop(AuditStore(folder, folder_shelf(folder), reader))
    watch_reader = EmbeddedReader(folder)
    watch = WatchLoop(watch_reader, runner)
    runner.start()
    audit.start()
    watch.start()
    before = log.size
    seconds = asyncio.run(keep_waiting(runner, said, waiting))
    watch.stop()
    runner.stop()
    audit.stop()
    rows = log._db.execute("SELECT * FROM records WHERE position >= ?", (before,)).fetchall()
    for part in (audit.store, reader, watch_reader, log):
        part.close()
    return len(said) / seconds, rows


async def keep_waiting(runner: CascadeRunner, said: list[Command], waiting: int) -> float:
    """Let so many callers each wait for one bid after the other, as the gateway does."""
    left = iter(said)

    async def caller() -> None:
        for command in left:
            await runner.submit_async(command)

    start = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(waiting)))
    return time.perf_counter() - start


def bare_inserts_per_second(rows: list[tuple], count: int, group: int) -> float:
    """Insert the same rows in as many transactions, without rules, encoding or tree."""
    with tempfile.TemporaryDirectory() as name:
        db = sqlite3.connect(Path(name) / "bare.sqlite3", isolation_level=None)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("CREATE TABLE records (position INTEGER PRIMARY KEY, topic INTEGER, body BLOB)")
        size = max(1, len(rows) * group // count)
        start = time.perf_counter()
        for first in range(0, len(rows), size):
            db.execute("BEGIN")
            db.executemany("INSERT INTO records VALUES (?, ?, ?)", rows[first : first + size])
            db.execute("COMMIT")
        seconds = time.perf_counter() - start
        db.close()
    return count / seconds


def restart_seconds(folder: Path) -> tuple[float, float, int]:
    log = EmbeddedLog(folder)
    start = time.perf_counter()
    recover_venue(log)
    with_snapshot = time.perf_counter() - start
    log._db.execute("DELETE FROM snapshots")
    start = time.perf_counter()
    recover_venue(log)
    without = time.perf_counter() - start
    size = log.size
    log.close()
    return with_snapshot, without, size


def rules_per_second(count: int) -> float:
    venue = Stage(VenueTerms(currencies=("CNY",), buyer_fee_bps=100), START_MS).venue
    for command in opening():
        venue.run(command)
    said = bids(count)
    start = time.perf_counter()
    for command in said:
        venue.run(command)
    return count / (time.perf_counter() - start)


def main() -> None:
    options = arguments(__doc__ or "", bids=40_000)
    count = options.bids
    said = bids(count)
    rows = [Row("rules alone, in memory", rules_per_second(count), "bids/s", 70_000)]
    for waiting, bar in ((200, 10_000), (10, 6_000)):
        with tempfile.TemporaryDirectory() as name:
            rate, written = bids_per_second(Path(name), said, waiting)
            size = (Path(name) / "market.sqlite3").stat().st_size
        bare = bare_inserts_per_second(written, count, waiting)
        rows += [
            Row(f"durable with audit tree, {waiting} waiting", rate, "bids/s", bar),
            Row(f"time against bare inserts, {waiting} waiting", bare / rate, "x", 4, True),
        ]
    rows.append(Row("log per bid", size / count / 1000, "KB", 2.5, True))
    with tempfile.TemporaryDirectory() as name:
        fill(Path(name), count)
        with_snapshot, without, records = restart_seconds(Path(name))
    scale = 1_000_000 / records
    rows += [
        Row("restart per million records, snapshot", with_snapshot * scale, "s", 1, True),
        Row("restart per million records, without", without * scale, "s", 10, True),
    ]
    assert threading.active_count() == 1, "every thread was stopped"
    show("Embedded log", rows, options.json)


if __name__ == "__main__":
    main()
