"""A market with one auction open and three buyers, and the terms of each format."""

from typing import Any

from schemas import commands as c
from schemas.auctions import (
    AuctionTerms,
    DiscriminatoryTerms,
    DutchTerms,
    SealedFirstPriceTerms,
    SealedSecondPriceTerms,
    UniformTerms,
)
from schemas.events import BidRejected
from tests.builders.market import AT_AUCTION, OPERATOR, T0, Market, english, kinds

HOUR_MS = 3_600_000


class House(Market):
    """`opening` are the auction's terms; without them it is English, with some of its own."""

    def __init__(self, opening: AuctionTerms | None = None, **terms: object) -> None:
        super().__init__()
        self.seller = self.supplier()
        self.anna, self.bo, self.chen = (
            self.buyer(name, money=10_000_000) for name in ("anna", "bole", "chen")
        )
        self.listing_id = self.listing(self.seller, AT_AUCTION)
        self.auction_id = self.auction(self.seller, self.listing_id, opening, **terms)

    def offer(self, bidder: str, maximum: int, at_ms: int = T0 + 1_000, **more: Any) -> list:
        return self.bid(self.auction_id, bidder, maximum, at_ms, **more)

    def units(self, bidder: str, *units: int, at_ms: int = T0 + 1_000) -> list:
        """Bid so much for the first licence, the second, and so on."""
        return self.offer(bidder, units[0], at_ms, further_minor=units[1:])

    def close(self) -> list:
        return self.until(T0 + HOUR_MS)

    def extend(self, ends_at_ms: int) -> list:
        return self.say(
            c.ExtendAuction(
                id=self.id(),
                at_ms=T0,
                auction_id=self.auction_id,
                operator_id=OPERATOR,
                ends_at_ms=ends_at_ms,
                reason="outage",
            )
        )

    def cancel(self) -> list:
        return self.say(
            c.CancelAuction(
                id=self.id(),
                at_ms=T0,
                auction_id=self.auction_id,
                operator_id=OPERATOR,
                reason="outage",
            )
        )

    @property
    def price(self) -> int:
        return self.venue.matching.auctions[self.auction_id].price_minor


def sealed_first(**terms: Any) -> SealedFirstPriceTerms:
    return SealedFirstPriceTerms(**{**_COMMON, **terms})


def sealed_second(**terms: Any) -> SealedSecondPriceTerms:
    return SealedSecondPriceTerms(**{**_COMMON, **terms})


def dutch(**terms: Any) -> DutchTerms:
    """From 10.00 down to 4.00, a unit less each minute, for an hour."""
    falling = {"step_minor": 100, "interval_ms": 60_000, "floor_price_minor": 400}
    return DutchTerms(**{**_COMMON, "start_price_minor": 1_000, **falling, **terms})


def uniform(licences: int, **terms: Any) -> UniformTerms:
    return UniformTerms(**{**_COMMON, "licences": licences, **terms})


def discriminatory(licences: int, **terms: Any) -> DiscriminatoryTerms:
    return DiscriminatoryTerms(**{**_COMMON, "licences": licences, **terms})


_COMMON = {
    "currency": "CNY",
    "starts_at_ms": T0,
    "ends_at_ms": T0 + HOUR_MS,
    "start_price_minor": 1,
}
EVERY_FORMAT = {
    "english": english(start_price_minor=1),
    "sealed_first_price": sealed_first(),
    "sealed_second_price": sealed_second(),
    "dutch": dutch(),
    "uniform": uniform(2),
    "discriminatory": discriminatory(2),
}


def only(events: list, kind: type):
    found = [event for event in events if isinstance(event, kind)]
    assert len(found) == 1, kinds(events)
    return found[0]


def refusal(events: list) -> str:
    return only(events, BidRejected).reason
