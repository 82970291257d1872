"""Recorded English auctions: every bid as a command, reserved, matched and settled in virtual
time.
"""

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from market.venue import Emission
from schemas.auctions import INCREMENT_TABLES, EnglishTerms
from schemas.base import Event
from schemas.catalogue import AuctionOffer
from schemas.commands import OpenAuction, PlaceBid
from schemas.events import AuctionClosedUnsold, BidPlaced, BidRejected, TradeExecuted
from schemas.ids import make_id
from schemas.parties import Role, VenueTerms
from services.replay.rows import RowError, read_lines
from simulation.filler import CONTENT, SUPPLIER, entry
from simulation.stage import Stage

COLUMNS: Final = ("auction_id", "duration_days", "open_minor", "bidder", "bid_minor", "time_ms")
CURRENCY: Final = "USD"
DAY_MS: Final = 86_400_000
START_MS: Final = 1_041_379_200_000  # 2003-01-01, about when the best-known record was made
_NONCE: Final = "0" * 32


class RecordedBid(NamedTuple):
    auction: str
    bidder: str
    bid_minor: int
    time_ms: int
    line: int


class RecordedAuction(NamedTuple):
    name: str
    open_minor: int
    ends_at_ms: int


class Result(NamedTuple):
    """`winner` and `price_minor` are empty for an auction that did not sell."""

    auction_id: str
    status: str
    winner: str
    price_minor: int | str
    bids_accepted: int
    bids_refused: int


def read(path: Path) -> tuple[dict[str, RecordedAuction], list[RecordedBid]]:
    """Return the auctions by name and their bids in order of time. Raises RowError naming the
    line.
    """
    auctions: dict[str, RecordedAuction] = {}
    bids: list[RecordedBid] = []
    for line in read_lines(path, COLUMNS):
        name = line.text("auction_id")
        lasts_ms = line.integer("duration_days", least=1) * DAY_MS
        auction = RecordedAuction(name, line.integer("open_minor", least=1), START_MS + lasts_ms)
        if auctions.setdefault(name, auction) != auction:
            raise RowError(
                f"line {line.number}: auction {name} has another start price or duration before"
            )
        bid_minor, time_ms = line.integer("bid_minor", least=1), line.integer("time_ms")
        bids.append(RecordedBid(name, line.text("bidder"), bid_minor, time_ms, line.number))
    return auctions, sorted(bids, key=lambda bid: bid.time_ms)


def replay(
    auctions: dict[str, RecordedAuction],
    bids: list[RecordedBid],
    increments: str,
    progress: Callable[[int], None],
) -> list[Result]:
    """Run all auctions side by side in one venue; return their results in the file's order."""
    tally = _Tally()
    stage = Stage(VenueTerms(currencies=(CURRENCY,)), START_MS, tally.watch)
    stage.admit(SUPPLIER, Role.SUPPLIER)
    _admit_bidders(stage, bids)
    for auction in auctions.values():
        _open(stage, auction, increments)
    for count, bid in enumerate(bids):
        stage.say(
            PlaceBid(
                id=make_id("bid", bid.auction, str(bid.line)),
                at_ms=START_MS + bid.time_ms,
                auction_id=make_id("auc", bid.auction),
                bidder_id=make_id("pty", bid.bidder),
                currency=CURRENCY,
                max_price_minor=bid.bid_minor,
                nonce=_NONCE,
            )
        )
        progress(count)
    stage.advance(max((auction.ends_at_ms for auction in auctions.values()), default=START_MS))
    names = {make_id("pty", bid.bidder): bid.bidder for bid in bids}
    return [tally.result(name, names) for name in auctions]


class _Tally:
    """What became of each auction, told by the events alone."""

    def __init__(self) -> None:
        self._placed: dict[str, int] = defaultdict(int)
        self._refused: dict[str, int] = defaultdict(int)
        self._ended: dict[str, TradeExecuted | AuctionClosedUnsold] = {}

    def watch(self, cascade: list[Emission]) -> None:
        for message, _ in cascade:
            if isinstance(message, Event):
                self._count(message)

    def _count(self, event: Event) -> None:
        match event:
            case BidPlaced():
                self._placed[event.auction_id] += 1
            case BidRejected():
                self._refused[event.auction_id] += 1
            case TradeExecuted():
                self._ended[event.deal_id] = event
            case AuctionClosedUnsold():
                self._ended[event.auction_id] = event

    def result(self, name: str, bidder_names: dict[str, str]) -> Result:
        auction_id = make_id("auc", name)
        counts = self._placed[auction_id], self._refused[auction_id]
        match self._ended[auction_id]:
            case TradeExecuted() as trade:
                winner = bidder_names[trade.buyer_id]
                return Result(name, "sold", winner, trade.price_minor, *counts)
            case AuctionClosedUnsold():
                return Result(name, "unsold", "", "", *counts)


def _admit_bidders(stage: Stage, bids: list[RecordedBid]) -> None:
    """Give every bidder what all their bids together could cost."""
    money: dict[str, int] = defaultdict(int)
    for bid in bids:
        money[bid.bidder] += bid.bid_minor
    for bidder, amount in money.items():
        stage.admit(make_id("pty", bidder), Role.BUYER, currency=CURRENCY, money_minor=amount)


def _open(stage: Stage, auction: RecordedAuction, increments: str) -> None:
    listing_id = make_id("lst", auction.name)
    offer = AuctionOffer(currency=CURRENCY)
    stage.publish(listing_id, SUPPLIER, offer, entry(auction.name), CONTENT)
    terms = EnglishTerms(
        currency=CURRENCY,
        starts_at_ms=START_MS,
        ends_at_ms=auction.ends_at_ms,
        start_price_minor=auction.open_minor,
        increments=INCREMENT_TABLES[increments],
    )
    stage.say(
        OpenAuction(
            id=make_id("auc", auction.name),
            at_ms=START_MS,
            listing_id=listing_id,
            supplier_id=SUPPLIER,
            terms=terms,
            nonce=_NONCE,
        )
    )
