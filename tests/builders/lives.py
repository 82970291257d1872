"""What random lives of a market do with its auctions, of every format, and what must hold then."""

from collections import defaultdict
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from schemas import commands as c
from schemas.auctions import (
    INCREMENT_TABLES,
    AuctionTerms,
    DiscriminatoryTerms,
    DutchTerms,
    EnglishTerms,
    LicenceTerms,
    Relist,
    SealedFirstPriceTerms,
    SealedSecondPriceTerms,
    SoftClose,
    UniformPricing,
    UniformTerms,
)
from schemas.base import Command
from schemas.catalogue import AuctionOffer
from schemas.envelope import Message, decode_record
from schemas.events import AuctionOpened, BidPlaced, GrantIssued, TradeExecuted
from schemas.topics import Service
from simulation.stage import OPERATOR
from tests.builders.drivers import Cascades
from tests.builders.market import T0

BUYERS = ("pty_anna", "pty_bole", "pty_chen")
AUCTION_LISTINGS = {
    "lst_auction1": ("pty_bureau", AuctionOffer(currency="CNY")),
    "lst_auction2": ("pty_maker", AuctionOffer(currency="CNY")),
}
SOFT = SoftClose(window_ms=5_000, extend_by_ms=7_000, extensions_max=2)
AGAIN = Relist(times_max=2, after_ms=2_000, lasts_ms=15_000, price_bps=8_000)
buyers = st.sampled_from(BUYERS)
amounts = st.one_of(st.integers(1, 60_000), st.sampled_from([9_000, 9_000, 12_000]))
picks = st.integers(0, 1_000)
services = st.sampled_from([Service.MATCHING, Service.SETTLEMENT])
hurry = st.lists(services, max_size=4)
late = st.sampled_from([0, 0, 0, 50, 3_000])
further = st.sampled_from([(), (), (), (1,), (3, 2), (2, 2)])  # quarters of the first licence's
formats = st.sampled_from(
    [
        (EnglishTerms, {"increments": INCREMENT_TABLES["ebay-2003"], "soft_close": SOFT}),
        (EnglishTerms, {"increments": INCREMENT_TABLES["ebay-2003"]}),
        (SealedFirstPriceTerms, {}),
        (SealedSecondPriceTerms, {}),
        (DutchTerms, {"step_minor": 700, "interval_ms": 900, "floor_price_minor": 1}),
        (UniformTerms, {"licences": 2}),
        (UniformTerms, {"licences": 3, "pricing": UniformPricing.LOWEST_WINNING}),
        (DiscriminatoryTerms, {"licences": 3}),
    ]
)
rights = st.sampled_from([(), (), ("pty_anna",)])
reserves = st.sampled_from([0, 0, 9_000, 40_000])


class AuctionRules(RuleBasedStateMachine):
    """Rules say commands, good and bad; the driver decides when the services take them."""

    driver_kind: type = Cascades

    def __init__(self) -> None:
        super().__init__()
        self.driver = self.driver_kind()
        self.count = 0
        self.said: list[Command] = []
        self.auctions: list[str] = []

    def id(self, role: str) -> str:
        self.count += 1
        return f"{role}_{self.count:05}"

    def say(self, command: Command) -> None:
        self.said.append(command)
        self.driver.say(command)

    @property
    def now_ms(self) -> int:
        return self.driver.now_ms

    @rule(
        listing_id=st.sampled_from(sorted(AUCTION_LISTINGS)),
        format=formats,
        lasts_ms=st.integers(5_000, 60_000),
        start=st.integers(1, 3_000),
        reserve=reserves,
        rights=rights,
        again=st.booleans(),
    )
    def open_auction(
        self,
        listing_id: str,
        format: tuple[Any, dict[str, Any]],
        lasts_ms: int,
        start: int,
        reserve: int,
        rights: tuple[str, ...],
        again: bool,
    ) -> None:
        kind, more = format
        if kind is not DutchTerms:
            more = {
                **more,
                "reserve_price_minor": reserve,
                "reserve_hidden": True,
                "priority_ids": rights,
            }
        terms: AuctionTerms = kind(
            currency="CNY",
            starts_at_ms=self.now_ms,
            ends_at_ms=self.now_ms + lasts_ms,
            start_price_minor=start * (20 if kind is DutchTerms else 1),
            relist=AGAIN if again else None,
            **more,
        )
        self.auctions.append(self.id("auc"))
        self.say(
            c.OpenAuction(
                id=self.auctions[-1],
                at_ms=self.now_ms,
                listing_id=listing_id,
                supplier_id=AUCTION_LISTINGS[listing_id][0],
                terms=terms,
                nonce="0" * 32,
            )
        )

    @precondition(lambda self: self.auctions)
    @rule(bids=st.lists(st.tuples(buyers, amounts, further, late, hurry), min_size=1, max_size=8))
    def contest(self, bids: list[tuple[str, int, tuple[int, ...], int, list[Service]]]) -> None:
        """Bid on what is open, or was, with stamps that may be old, services stepping in
        between.
        """
        live = list(self.driver.states[0].auctions) or self.auctions[-2:]
        for number, (buyer, amount, quarters, late_ms, stepping) in enumerate(bids):
            self.say(
                c.PlaceBid(
                    id=self.id("bid"),
                    at_ms=max(T0, self.now_ms - late_ms),
                    auction_id=live[number % len(live)],
                    bidder_id=buyer,
                    currency="CNY",
                    max_price_minor=amount,
                    nonce="0" * 32,
                    further_minor=tuple(max(1, amount * part // 4) for part in quarters),
                )
            )
            for service in stepping:
                self.driver.step(service, 3)

    @rule(listing_id=st.sampled_from(sorted(AUCTION_LISTINGS)), back=st.booleans())
    def suspend_listing(self, listing_id: str, back: bool) -> None:
        about = {"id": self.id("cmd"), "at_ms": self.now_ms, "operator_id": OPERATOR}
        if back:
            self.say(c.ResumeListing(listing_id=listing_id, **about))
        else:
            self.say(c.SuspendListing(listing_id=listing_id, reason="check", **about))

    @precondition(lambda self: self.auctions)
    @rule(pick=picks, later_ms=st.sampled_from([0, 9_000]))
    def cancel_or_extend_auction(self, pick: int, later_ms: int) -> None:
        auction_id = self.auctions[pick % len(self.auctions)]
        about = {"id": self.id("cmd"), "at_ms": self.now_ms, "operator_id": OPERATOR}
        if later_ms:
            ends_at_ms = self.now_ms + later_ms
            self.say(
                c.ExtendAuction(
                    auction_id=auction_id, ends_at_ms=ends_at_ms, reason="outage", **about
                )
            )
        else:
            self.say(c.CancelAuction(auction_id=auction_id, reason="outage", **about))

    @invariant()
    def price_lies_between_start_and_highest_maximum(self) -> None:
        state, _ = self.driver.states
        for auction in state.auctions.values():
            start = auction.terms.start_price_minor
            if not isinstance(auction.terms, EnglishTerms):
                assert auction.price_minor == start
            for bid in auction.standing.values():
                assert start <= auction.price_minor <= bid.max_price_minor

    @invariant()
    def each_bidder_has_one_bid_standing_and_it_is_funded(self) -> None:
        state, money = self.driver.states
        for auction in state.auctions.values():
            bidders = [bid.bidder_id for bid in auction.standing.values()]
            assert len(bidders) == len(set(bidders))
            for bid in auction.standing.values():
                hold = money.ledger.holds[f"{auction.id}/{bid.bidder_id}"]
                assert hold.locked_minor >= bid.max_price_minor + sum(bid.further_minor)

    @invariant()
    def nothing_is_reserved_for_an_auction_that_has_ended(self) -> None:
        state, money = self.driver.states
        if self.driver_kind is Cascades:
            assert {id.partition("/")[0] for id in money.ledger.holds} <= set(state.auctions)

    def messages(self) -> list[Message]:
        return [decode_record(body).data for _, body in self.driver.log.read(0)]

    def trades_are_settled_once_and_within_their_bids(self) -> None:
        told = self.messages()
        trades = [event for event in told if isinstance(event, TradeExecuted)]
        placed = {event.bid_id: event for event in told if isinstance(event, BidPlaced)}
        issued = {event.trade_id: event for event in told if isinstance(event, GrantIssued)}
        requests = [event.request_id for event in trades]
        assert len(requests) == len(set(requests)) == len(issued)
        for trade in trades:
            assert issued[trade.id].licences == trade.quantity
            if bid := placed.get(trade.request_id):
                units = (bid.max_price_minor, *bid.further_minor)
                assert trade.price_minor <= sum(units[: trade.quantity])

    def no_auction_sells_more_than_it_has(self) -> None:
        sold: dict[str, int] = defaultdict(int)
        terms: dict[str, AuctionTerms] = {}
        for event in self.messages():
            match event:
                case TradeExecuted(offer=AuctionOffer()):
                    sold[event.deal_id] += event.quantity
                case AuctionOpened():
                    assert event.id not in terms
                    terms[event.id] = event.terms
        for auction_id, quantity in sold.items():
            opened = terms[auction_id]
            assert quantity <= (opened.licences if isinstance(opened, LicenceTerms) else 1)
