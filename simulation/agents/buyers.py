"""Buyers: they learn of auctions they follow, find out what one is worth to them, and bid."""

from collections.abc import Callable
from typing import Final

from schemas import events as e
from schemas.base import Event
from schemas.commands import PlaceBid
from simulation.agents.bidding import Bidding, Wish
from simulation.kernel import Desk

BIDS_IN_AN_AUCTION_MAX: Final = 50
Appraise = Callable[[str, str, int, Desk], int | None]


class Buyer:
    """`appraise` tells from listing, auction and time what it is worth, or None: no interest."""

    def __init__(
        self,
        name: str,
        listings: list[str],
        bidding: Bidding,
        appraise: Appraise,
        currency: str,
    ) -> None:
        self.name = name
        self._listings = listings
        self._bidding = bidding
        self._appraise = appraise
        self._currency = currency
        self._values: dict[str, int] = {}
        self._tries: dict[str, int] = {}

    def wake(self, desk: Desk) -> None:
        for listing_id in self._listings:
            desk.follow(listing_id)

    def hear(self, event: Event, desk: Desk) -> None:
        match event:
            case e.AuctionOpened():
                self._consider(event, desk)
            case e.BidOutbid() if event.auction_id in self._values:
                self._answer(event, desk)
            case e.TradeExecuted():
                self._forget(event.deal_id, desk)
            case e.AuctionClosedUnsold() | e.AuctionCancelled():
                self._forget(event.auction_id, desk)

    def _consider(self, opened: e.AuctionOpened, desk: Desk) -> None:
        value = self._appraise(opened.listing_id, opened.id, desk.now_ms, desk)
        if value is None:
            return
        desk.note_value(opened.id, value)
        self._values[opened.id] = value
        desk.follow(opened.id)
        wish = self._bidding.begin(desk.lot(opened.id), value, desk.now_ms, desk.draw)
        self._bid(opened.id, wish, desk)

    def _answer(self, event: e.BidOutbid, desk: Desk) -> None:
        lot = desk.lot(event.auction_id)
        tries = self._tries.get(event.auction_id, 1)
        if lot.terms.sealed or tries >= BIDS_IN_AN_AUCTION_MAX or desk.now_ms >= lot.ends_at_ms:
            return
        value = self._values[event.auction_id]
        wish = self._bidding.outbid(lot, value, desk.now_ms, desk.draw)
        if wish is not None and wish.at_ms < lot.ends_at_ms:
            self._tries[event.auction_id] = tries + 1
            self._bid(event.auction_id, wish, desk)

    def _bid(self, auction_id: str, wish: Wish | None, desk: Desk) -> None:
        if wish is None or wish.max_price_minor < 1:
            return
        desk.say(
            PlaceBid(
                id=desk.id("bid"),
                at_ms=wish.at_ms,
                auction_id=auction_id,
                bidder_id=self.name,
                currency=self._currency,
                max_price_minor=wish.max_price_minor,
                nonce=desk.nonce(),
            )
        )

    def _forget(self, auction_id: str, desk: Desk) -> None:
        self._values.pop(auction_id, None)
        self._tries.pop(auction_id, None)
        desk.leave(auction_id)
