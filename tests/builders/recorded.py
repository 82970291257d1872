"""A small market on disk with trades of all modes, its tree integrated and its checkpoints
signed.
"""

from pathlib import Path

from schemas import commands as c
from schemas.base import Command
from services.audit.shelf import folder_shelf
from services.audit.store import AuditStore
from streams.embedded import EmbeddedLog, EmbeddedReader
from streams.log import Log
from streams.runner import CascadeRunner
from tests.builders.market import AT_AUCTION, FREE, METERED, T0, Market

HOUR_MS = 3_600_000


def commands(bids: int = 40) -> list[Command]:
    """Return the commands of a market day, in order."""
    market = Market(buyer_fee_bps=100, seller_fee_bps=200)
    seller = market.supplier()
    buyers = [market.buyer(name, money=1_000_000) for name in ("anna", "bole", "chen")]
    for number in range(2):
        auction_id = market.auction(seller, market.listing(seller, AT_AUCTION))
        for count in range(bids):
            amount = 1_000 + 211 * count
            market.bid(auction_id, buyers[(count + number) % 3], amount, T0 + 1_000 * count)
    free, metered = market.listing(seller, FREE), market.listing(seller, METERED)
    for buyer in buyers:
        market.request(free, buyer)
        market.subscribe(metered, buyer, 500)
    for grant_id, grant in list(market.venue.settlement.grants.items()):
        for _ in range(5):
            market.use(grant_id, grant.issued.buyer_id, 2)
    market.until(T0 + HOUR_MS)
    return [
        message
        for message, cause in market.log
        if cause == -1 and not isinstance(message, c.TimePassed)
    ]


def record(folder: Path, group: int = 7, *, ended: bool = True) -> None:
    """Run those commands on an embedded log in groups, publishing a checkpoint now and then; up to
    the auctions' end, or while they run.
    """
    log, reader = EmbeddedLog(folder), EmbeddedReader(folder)
    record_on(log, AuditStore(folder, folder_shelf(folder), reader), group, ended=ended)
    reader.close()
    log.close()


def record_on(log: Log, store: AuditStore, group: int = 7, *, ended: bool = True) -> None:
    """The same on any log and its audit store, which is closed then."""
    now_ms = T0
    runner = CascadeRunner(log, lambda: now_ms)
    said = commands()
    for start in range(0, len(said), group):
        runner.run_now(said[start : start + group])
        if start % (group * 5) == 0:
            store.integrate()
            store.publish()
    now_ms = T0 + HOUR_MS if ended else T0
    runner.run_now([])
    runner.keep_snapshot()
    store.integrate()
    store.publish()
    store.close()
