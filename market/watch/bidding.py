"""One bidder who bids in one supplier's auctions only, and rarely wins: perhaps to raise prices."""

from collections.abc import Iterator
from typing import Final

import msgspec

from market.watch.alerts import EVIDENCE_KEPT, alert, is_news
from market.watch.facts import Opened, Placed, Seen, Traded, Unsold
from market.watch.windows import WEEK_BY_DAYS, Panes, closings, pane
from schemas.events import AlertRaised, AlertRule

AUCTIONS_MAX: Final = 10_000  # running ones that are followed
BIDDERS_MAX: Final = 500  # that are followed in one auction
BIDDERS_OF_DAY_MAX: Final = 5_000
SUPPLIERS_MAX: Final = 50  # of one bidder in a day
AUCTIONS_MIN: Final = 5
ONE_SUPPLIER_PERCENT: Final = 90
WINS_PERCENT_MAX: Final = 10


class Running(msgspec.Struct):
    """An auction; `bids` are the first event ids of each bidder's bids."""

    supplier_id: str
    bids: dict[str, list[str]] = {}


class Shared(msgspec.Struct):
    """What a bidder had to do with a supplier in a day's ended auctions."""

    auctions: int = 0
    wins: int = 0
    evidence: list[str] = []


Pairs = dict[str, dict[str, Shared]]  # by bidder, by supplier


class Bidding(msgspec.Struct, kw_only=True):
    running: dict[str, Running] = {}
    days: Panes[Pairs] = msgspec.field(default_factory=Panes)
    told: dict[str, int] = {}


def opened(bidding: Bidding, fact: Opened) -> None:
    if len(bidding.running) < AUCTIONS_MAX:
        bidding.running[fact.auction_id] = Running(fact.supplier_id)


def placed(bidding: Bidding, fact: Placed, seen: Seen) -> None:
    auction = bidding.running.get(fact.auction_id)
    if auction is None:
        return
    bids = auction.bids.get(fact.bidder_id)
    if bids is None:
        if len(auction.bids) < BIDDERS_MAX:
            auction.bids[fact.bidder_id] = [seen.id]
    elif len(bids) < EVIDENCE_KEPT:
        bids.append(seen.id)


def ended(bidding: Bidding, fact: Unsold | Traded, at_ms: int, now_ms: int) -> None:
    """An auction of several licences is over with its first trade; the others only add winners."""
    day = pane(bidding.days, WEEK_BY_DAYS, at_ms, now_ms, dict)
    auction_id = fact.deal_id if isinstance(fact, Traded) else fact.auction_id
    auction = bidding.running.pop(auction_id, None)
    if auction is not None:
        for bidder_id, bids in sorted(auction.bids.items()):
            if shared := _shared(day, bidder_id, auction.supplier_id):
                shared.auctions += 1
                shared.evidence = [*shared.evidence, *bids][:EVIDENCE_KEPT]
    if isinstance(fact, Traded) and (shared := _shared(day, fact.buyer_id, fact.supplier_id)):
        shared.wins += 1


def close_bidding(bidding: Bidding, before_ms: int, now_ms: int) -> Iterator[AlertRaised]:
    for week in closings(bidding.days, WEEK_BY_DAYS, before_ms, now_ms):
        for bidder_id in sorted(week.contents[-1]):
            with_each = _week_of(bidder_id, week.contents)
            total = sum(shared.auctions for shared in with_each.values())
            for supplier_id, shared in sorted(with_each.items()):
                if _wins_elsewhere_or_here(shared, total):
                    continue
                if is_news(bidding.told, f"{bidder_id}/{supplier_id}", week):
                    lost = shared.auctions - shared.wins
                    weight = min(shared.auctions, 2 * AUCTIONS_MIN)
                    yield alert(
                        AlertRule.SAME_SUPPLIER_NO_WINS,
                        score=100 * lost * weight // (total * 2 * AUCTIONS_MIN),
                        subjects=(bidder_id, supplier_id),
                        evidence=shared.evidence,
                        span=(week.start_ms, week.end_ms),
                        measured=shared.auctions,
                        usual=shared.wins,
                    )


def _wins_elsewhere_or_here(shared: Shared, total: int) -> bool:
    return (
        shared.auctions < AUCTIONS_MIN
        or shared.auctions * 100 < total * ONE_SUPPLIER_PERCENT
        or shared.wins * 100 > shared.auctions * WINS_PERCENT_MAX
    )


def _shared(day: Pairs, bidder_id: str, supplier_id: str) -> Shared | None:
    suppliers = day.get(bidder_id)
    if suppliers is None:
        if len(day) >= BIDDERS_OF_DAY_MAX:
            return None
        suppliers = day[bidder_id] = {}
    if supplier_id not in suppliers and len(suppliers) < SUPPLIERS_MAX:
        suppliers[supplier_id] = Shared()
    return suppliers.get(supplier_id)


def _week_of(bidder_id: str, days: list[Pairs]) -> dict[str, Shared]:
    week: dict[str, Shared] = {}
    for day in days:
        for supplier_id, shared in day.get(bidder_id, {}).items():
            whole = week.setdefault(supplier_id, Shared())
            whole.auctions += shared.auctions
            whole.wins += shared.wins
            whole.evidence = [*whole.evidence, *shared.evidence]
    return week
