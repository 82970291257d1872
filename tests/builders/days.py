"""A market of ten days in which every rule of the watch finds something."""

from functools import cache

import msgspec

from schemas import commands as c
from schemas.base import Command
from schemas.catalogue import Field
from schemas.ids import derive_id
from schemas.parties import Role
from streams.memory import MemoryLog
from streams.runner import CascadeRunner
from tests.builders.market import AT_AUCTION, CONTENT, ENTRY, METERED, NONCE, T0, Market, english

DAY_MS, HOUR_MS = 86_400_000, 3_600_000
DAYS = 10


@cache
def commands() -> tuple[Command, ...]:
    """Return what is said in it, in order."""
    market = Market(buyer_fee_bps=100)
    weather, jobs = market.supplier("weather"), market.supplier("jobs")
    buyers = [market.buyer(name, money=10**9) for name in ("anna", "bole", "chen", "shill")]
    anna, bole, chen, shill = buyers
    market.controlled("holding", "pty_top")
    dana = market.controlled("dana", "pty_holding", money=10**9)
    owned = market.controlled("owned", "pty_top", Role.SUPPLIER)
    rain = _listing(market, weather, Field.METEOROLOGY)
    work = _listing(market, jobs, Field.EMPLOYMENT)
    land = _listing(market, owned, Field.GEOGRAPHY)
    grants = [
        market.subscribe(market.listing(weather, METERED), buyer, 300_000) for buyer in buyers
    ]
    grant_ids = [derive_id(trade.id, "grt") for said in grants for trade in _trades(said)]
    for day in range(DAYS):
        at_ms = T0 + day * DAY_MS + HOUR_MS
        price = 5_000 * (1 if day < 8 else 9)
        market.until(at_ms - 1)
        rains, works = _auction(market, rain, weather, at_ms), _auction(market, work, jobs, at_ms)
        market.bid(rains, shill, price - 2_000, at_ms)
        market.bid(rains, anna, price + 100 * day, at_ms + 1)
        market.bid(works, bole, 7_000 + 500 * day, at_ms + 2)
        market.bid(works, chen, 6_000 + 300 * day, at_ms + 3)
        if day == 2:
            market.bid(_auction(market, land, owned, at_ms), dana, 5_000, at_ms + 4)
        for number in range(25 if day == 4 else 0):
            market.bid(rains, chen, 1, at_ms + 5 + number)
        for number, grant_id in enumerate(grant_ids):
            units = 5_000 if (day, number) == (6, 1) else 20 + day
            market.use(grant_id, buyers[number], units, at_ms + 100 + number)
        for number in range(25 if day == 7 else 0):
            market.use(grant_ids[0], bole, 1, at_ms + 200 + number)
    market.until(T0 + (DAYS + 1) * DAY_MS)
    market.use(grant_ids[0], anna, 1, T0 + (DAYS + 2) * DAY_MS)
    market.supplier("late")
    return tuple(
        message
        for message, cause in market.log
        if cause == -1 and isinstance(message, Command) and not isinstance(message, c.TimePassed)
    )


def run(log: MemoryLog, said: tuple[Command, ...] | None = None) -> CascadeRunner:
    """Run it on a log, one command at a time, each when it was said."""
    now_ms = T0
    runner = CascadeRunner(log, lambda: now_ms)
    for command in said or commands():
        now_ms = max(now_ms, command.at_ms)
        runner.run_now([command])
    now_ms = T0 + (DAYS + 2) * DAY_MS
    runner.run_now([])
    return runner


def _listing(market: Market, supplier_id: str, field: Field) -> str:
    listing_id = market.id("lst")
    entry = msgspec.structs.replace(ENTRY, field=field)
    market.publish(listing_id, supplier_id, AT_AUCTION, entry, CONTENT)
    return listing_id


def _auction(market: Market, listing_id: str, supplier_id: str, at_ms: int) -> str:
    """Open an auction of an hour."""
    auction_id = market.id("auc")
    market.say(
        c.OpenAuction(
            id=auction_id,
            at_ms=at_ms,
            listing_id=listing_id,
            supplier_id=supplier_id,
            terms=english(starts_at_ms=at_ms, ends_at_ms=at_ms + HOUR_MS),
            nonce=NONCE,
        )
    )
    return auction_id


def _trades(said: list) -> list:
    return [event for event in said if type(event).__name__ == "TradeExecuted"]
