"""Suppliers of auctions: they open one after another and set the reserve price by a rule."""

from collections.abc import Callable
from typing import Protocol

from schemas import events as e
from schemas.auctions import AuctionTerms
from schemas.base import Event
from schemas.commands import OpenAuction
from simulation.kernel import Desk

MakeTerms = Callable[[int, int], AuctionTerms]  # from the time and the reserve price


class Pricing(Protocol):
    """Sets the reserve; told what came of each auction: the price, or None when unsold."""

    def reserve_minor(self) -> int: ...

    def learn(self, price_minor: int | None) -> None: ...


class FixedReserve:
    def __init__(self, reserve_minor: int) -> None:
        self._reserve_minor = reserve_minor

    def reserve_minor(self) -> int:
        return self._reserve_minor

    def learn(self, price_minor: int | None) -> None: ...


class AdaptiveReserve(FixedReserve):
    """Raises the reserve by a twentieth when sold, and lowers it by a tenth when not."""

    def learn(self, price_minor: int | None) -> None:
        change = (10, 9) if price_minor is None else (20, 21)
        self._reserve_minor = max(1, self._reserve_minor * change[1] // change[0])


def myerson(low: float, high: float) -> FixedReserve:
    """The best reserve against values uniform on [low, high], worth nothing to the seller: where
    the virtual value 2 v - high is zero (Myerson 1981).
    """
    return FixedReserve(round(max(low, high / 2)))


class Auctioneer:
    """Opens an auction of one listing every `every_ms`, once the one before has ended."""

    def __init__(
        self, name: str, listing_id: str, terms: MakeTerms, pricing: Pricing, every_ms: int
    ) -> None:
        self.name = name
        self._listing_id = listing_id
        self._terms = terms
        self._pricing = pricing
        self._every_ms = every_ms
        self._running = ""

    def wake(self, desk: Desk) -> None:
        desk.follow(self._listing_id)
        if not self._running:
            auction_id = self._running = desk.id("auc")
            desk.follow(auction_id)
            terms = self._terms(desk.now_ms, self._pricing.reserve_minor())
            desk.say(
                OpenAuction(
                    id=auction_id,
                    at_ms=desk.now_ms,
                    listing_id=self._listing_id,
                    supplier_id=self.name,
                    terms=terms,
                    nonce=desk.nonce(),
                )
            )
        desk.wake_at(desk.now_ms + self._every_ms)

    def hear(self, event: Event, desk: Desk) -> None:
        match event:
            case e.TradeExecuted() if event.deal_id == self._running:
                self._ended(event.price_minor // event.quantity, desk)
            case e.AuctionClosedUnsold() if event.auction_id == self._running:
                self._ended(None, desk)

    def _ended(self, price_minor: int | None, desk: Desk) -> None:
        desk.leave(self._running)
        self._running = ""
        self._pricing.learn(price_minor)
