"""Buyers: they find out what an auction is worth to them, plan a bid, and bid if it is enough."""

from heapq import heappop, heappush
from typing import Final

from schemas import events as e
from schemas.auctions import UniformTerms
from schemas.base import Event
from schemas.commands import PlaceBid
from simulation.agents.bidding import Bidding, Ending, Learning, Wish
from simulation.kernel import Desk

BIDS_IN_AN_AUCTION_MAX: Final = 50


class _Interest:
    """What a buyer knows of an auction it takes part in; `wish_minor` is bid at `wish_at_ms`."""

    __slots__ = ("standing", "tries", "value_minor", "wish_at_ms", "wish_minor")

    def __init__(self, value_minor: int) -> None:
        self.value_minor = value_minor
        self.tries = 0
        self.wish_at_ms = 0
        self.wish_minor = 0
        self.standing = False


class Buyer:
    """A bid is planned first, and looked at again when its time has come: the price may have
    passed it, or the auction may be over.
    """

    def __init__(self, name: str, bidding: Bidding, currency: str) -> None:
        self.name = name
        self.bidding = bidding
        self._currency = currency
        self._interests: dict[str, _Interest] = {}
        self._agenda: list[tuple[int, str]] = []

    def consider(self, auction_id: str, value_minor: int, desk: Desk) -> None:
        """Take part in an auction that has just opened."""
        interest = self._interests[auction_id] = _Interest(value_minor)
        desk.follow(auction_id)
        wish = self.bidding.begin(desk.lot(auction_id), value_minor, desk.now_ms, desk.draw)
        self._plan(auction_id, interest, wish, desk)

    def wake(self, desk: Desk) -> None:
        while self._agenda and self._agenda[0][0] <= desk.now_ms:
            planned_ms, auction_id = heappop(self._agenda)
            interest = self._interests.get(auction_id)
            if interest is not None and interest.wish_at_ms == planned_ms:
                self._bid(auction_id, interest, desk)

    def hear(self, event: Event, desk: Desk) -> None:
        match event:
            case e.BidPlaced():
                if interest := self._interests.get(event.auction_id):
                    interest.standing = True
            case e.BidOutbid() | e.BidRejected():
                if interest := self._interests.get(event.auction_id):
                    interest.standing = False
                    self._answer(event.auction_id, interest, desk)
            case e.BidLost():
                if interest := self._interests.get(event.auction_id):
                    interest.standing = False
            case e.FundsRefused():
                if isinstance(event.request, PlaceBid):
                    self._end(event.request.auction_id, None, desk)
            case e.TradeExecuted():
                self._traded(event, desk)
            case e.AuctionClosedUnsold() | e.AuctionCancelled():
                self._end(event.auction_id, None, desk)

    def _plan(self, auction_id: str, interest: _Interest, wish: Wish | None, desk: Desk) -> None:
        if wish is None or wish.max_price_minor < 1:
            return
        at_ms = max(desk.now_ms, wish.at_ms)
        if at_ms < desk.lot(auction_id).ends_at_ms:
            interest.tries += 1
            interest.wish_at_ms, interest.wish_minor = at_ms, wish.max_price_minor
            heappush(self._agenda, (at_ms, auction_id))
            desk.wake_at(at_ms)

    def _answer(self, auction_id: str, interest: _Interest, desk: Desk) -> None:
        lot = desk.lot(auction_id)
        if not lot.terms.sealed and interest.tries < BIDS_IN_AN_AUCTION_MAX:
            wish = self.bidding.outbid(lot, interest.value_minor, desk.now_ms, desk.draw)
            self._plan(auction_id, interest, wish, desk)

    def _bid(self, auction_id: str, interest: _Interest, desk: Desk) -> None:
        if interest.wish_minor < desk.lot(auction_id).minimum_minor(desk.now_ms):
            self._answer(auction_id, interest, desk)
            return
        desk.say(
            PlaceBid(
                id=desk.id("bid"),
                at_ms=desk.now_ms,
                auction_id=auction_id,
                bidder_id=self.name,
                currency=self._currency,
                max_price_minor=interest.wish_minor,
                nonce=desk.nonce(),
            )
        )

    def _traded(self, trade: e.TradeExecuted, desk: Desk) -> None:
        interest = self._interests.get(trade.deal_id)
        if interest is None:
            return
        won = trade.buyer_id == self.name
        several = isinstance(desk.lot(trade.deal_id).terms, UniformTerms)
        if won or not (several and interest.standing):  # else its own trade is yet to come
            self._end(trade.deal_id, (won, trade.price_minor // trade.quantity), desk)

    def _end(self, auction_id: str, result: tuple[bool, int] | None, desk: Desk) -> None:
        """`result` is whether it has won and at which price, or None: nothing was sold to anybody,
        or it could not pay.
        """
        interest = self._interests.pop(auction_id, None)
        desk.leave(auction_id)
        if interest is not None and isinstance(self.bidding, Learning):
            won, price_minor = result or (False, None)
            ending = Ending(interest.value_minor, won, price_minor)
            self.bidding.learn(desk.lot(auction_id), ending, desk.draw)
